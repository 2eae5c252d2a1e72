import type { Connector } from '../connectors';
import type { SourceMessage } from '../telemessage/message';
import type { Act, Party } from '../email/email';
import { numberKey } from '../email/number-key';
import { oneLine } from '../email/safe-text';
import { say, type Language, type Phrase } from '../email/phrases';

/** What subject and details are written from. */
export interface Chat {
  message: SourceMessage;
  connector: Connector;
  from: Party | undefined;
  to: readonly Party[];
  act: Act | undefined;
  language: Language;
}

type CallKind = 'voiceCall' | 'videoCall' | 'call';

/** Names that a subject has room for; the recipients stand whole in the item's own fields. */
const namesInSubject = 3;

/** The source's own subject, or one in TeleMessage's pattern: act, kind, sender, chat group or recipients. */
export function subjectOf(chat: Chat): string {
  const own = oneLine(chat.message.subject ?? '');
  if (own !== '') return own;
  const { message, act, connector, language } = chat;
  const kind = callKind(message);
  const failed = ['missed', 'rejected', 'busy'].includes(statusOf(message).toLowerCase());
  const pattern: Phrase = kind === undefined ? 'message' : failed ? unanswered[kind] : kind;
  const values = { network: connector.network, from: partyName(chat.from, language), to: addressee(chat) };
  const subject = say(pattern, values, language);
  return act ? `${say(act.kind, {}, language)} ${subject}` : subject;
}

const unanswered = {
  voiceCall: 'unansweredVoiceCall',
  videoCall: 'unansweredVideoCall',
  call: 'unansweredCall',
} as const satisfies Record<CallKind, Phrase>;

/**
 * Lines for below the text: network, direction, chat group, kind, call, state of a deleted original. Files
 * that the source lists without content follow last. What has no known meaning is named as written.
 */
export function detailsOf(chat: Chat, notSupplied: readonly string[]): string[] {
  const { message, language } = chat;
  const line = (phrase: Phrase, values?: Record<string, string | number>) => say(phrase, values, language);
  const direction = oneLine(message.direction ?? '');
  const group = groupName(message);
  const readState = /^\s*(?:DELETED For (?:All|Me)|EDIT)\s+(READ|UNREAD|UNKNOWN)\b/i.exec(
    message.subject ?? '',
  );
  return [
    line('network', { network: chat.connector.network, source: oneLine(message.sourceType) }),
    ...(direction === ''
      ? []
      : [line(directions.get(direction.toLowerCase()) ?? 'direction', { direction })]),
    ...(group === undefined
      ? []
      : [line('group', { name: group || line('unnamedGroup'), count: memberCount(chat) })]),
    ...kindLines(chat),
    ...callLines(chat),
    ...(readState ? [line(readStates.get(readState[1]!.toUpperCase())!)] : []),
    ...notSupplied.map((name) => line('notSupplied', { name })),
  ];
}

const directions: ReadonlyMap<string, Phrase> = new Map([
  ['in', 'incoming'],
  ['out', 'outgoing'],
]);

const readStates: ReadonlyMap<string, Phrase> = new Map([
  ['READ', 'read'],
  ['UNREAD', 'unread'],
  ['UNKNOWN', 'readUnknown'],
]);

const messageKinds = ['', 'app-message', 'multimedia-message'];

const callKinds: ReadonlyMap<string, CallKind> = new Map([
  ['voice-call', 'voiceCall'],
  ['video-call', 'videoCall'],
  ['call-log', 'call'],
]);

const callKindLines = {
  voiceCall: 'kindVoiceCall',
  videoCall: 'kindVideoCall',
  call: 'kindCall',
} as const satisfies Record<CallKind, Phrase>;

function contextOf(message: SourceMessage): string {
  return oneLine(message.messageContext ?? '');
}

/** The kind of call, undefined when the item is none. */
export function callKind(message: SourceMessage): CallKind | undefined {
  const known = callKinds.get(contextOf(message).toLowerCase());
  return known ?? (message.callInfo && contextOf(message) === '' ? 'call' : undefined);
}

function kindLines({ message, language }: Chat): string[] {
  const call = callKind(message);
  if (call) return [say(callKindLines[call], {}, language)];
  const kind = contextOf(message);
  return messageKinds.includes(kind.toLowerCase()) ? [] : [say('kindOther', { kind }, language)];
}

const callStatuses: ReadonlyMap<string, Phrase> = new Map([
  ['answered', 'callAnswered'],
  ['missed', 'callMissed'],
  ['rejected', 'callRejected'],
  ['busy', 'callBusy'],
]);

function statusOf(message: SourceMessage): string {
  return oneLine(message.callInfo?.callStatus ?? '');
}

function callLines({ message, to, from, language }: Chat): string[] {
  const call = message.callInfo;
  if (!call) return [];
  const status = statusOf(message);
  const start = oneLine(call.startTime ?? '');
  const end = oneLine(call.endTime ?? '');
  const called = oneLine(call.recipientNum ?? '');
  const named = [from, ...to].some((party) => party && numberKey(party.number ?? '') === numberKey(called));
  const seconds = (Date.parse(end) - Date.parse(start)) / 1000;
  const lines: string[] = [];
  if (status !== '')
    lines.push(say(callStatuses.get(status.toLowerCase()) ?? 'callStatus', { status }, language));
  if (called !== '' && !isUnknown(called) && !named) lines.push(say('callParty', { name: called }, language));
  if (start !== '') lines.push(say('callStart', { time: start }, language));
  if (end !== '') lines.push(say('callEnd', { time: end }, language));
  if (seconds >= 0) lines.push(say('callDuration', { time: clock(Math.round(seconds)) }, language));
  return lines;
}

function clock(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function memberCount({ from, to }: Chat): number {
  const others = from && to.some((party) => samePerson(party, from)) ? [] : [from].filter((party) => party);
  return to.length + others.length;
}

function samePerson(one: Party, other: Party): boolean {
  return one.number !== undefined && numberKey(one.number) === numberKey(other.number ?? '');
}

/** Name of the chat group, empty for a group without a name; undefined when the chat is no group. */
export function groupName(message: SourceMessage): string | undefined {
  const name = oneLine(message.dialogGroupName ?? '');
  return message.groupMessage || name !== '' ? name : undefined;
}

/** What a person calls the party: name, else number, else address. */
export function partyName(party: Party | undefined, language: Language): string {
  const names = [party?.name, party?.number, party?.address].map((text) => oneLine(text ?? ''));
  return names.find((text) => text !== '') ?? say('unknown', {}, language);
}

function addressee({ message, to, language }: Chat): string {
  const group = groupName(message);
  if (group !== undefined) {
    return say('chatGroup', { name: group || say('unnamedGroup', {}, language) }, language);
  }
  if (to.length === 0) return say('unknown', {}, language);
  const names = to.map((party) => partyName(party, language));
  if (names.length <= namesInSubject) return names.join(', ');
  const first = names.slice(0, namesInSubject).join(', ');
  return say('andMore', { names: first, count: names.length - namesInSubject }, language);
}

/** The source's literal for a party it does not know. */
export function isUnknown(number: string): boolean {
  return number.trim().toUpperCase() === 'UNKNOWN';
}
