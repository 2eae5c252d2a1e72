import { translate, type Phrase } from '../email/phrases';
import { oneLine } from '../email/safe-text';
import { keyOf, statedParty } from './parties';
import { callKind, callStatus, groupName, type CallKind, type Chat } from './subject';

/**
 * The lines below the text: network, direction, chat group, kind, call, whether a deleted original had been read,
 * and last the files that the source lists without content. A value without a known meaning appears as written.
 */
export function detailsOf(chat: Chat, notSupplied: readonly string[]): string[] {
  const { message, language } = chat;
  const line = (phrase: Phrase, values?: Record<string, string | number>) =>
    translate(phrase, values, language);
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

function memberCount({ from, to }: Chat): number {
  const sender = from && keyOf(from);
  return to.length + (sender !== undefined && !to.some((party) => keyOf(party) === sender) ? 1 : 0);
}

const messageKinds = ['', 'app-message', 'multimedia-message'];

const callKindLines = {
  voiceCall: 'kindVoiceCall',
  videoCall: 'kindVideoCall',
  call: 'kindCall',
} as const satisfies Record<CallKind, Phrase>;

function kindLines({ message, language }: Chat): string[] {
  const call = callKind(message);
  if (call) return [translate(callKindLines[call], {}, language)];
  const kind = oneLine(message.messageContext ?? '');
  return messageKinds.includes(kind.toLowerCase()) ? [] : [translate('kindOther', { kind }, language)];
}

const callStatuses: ReadonlyMap<string, Phrase> = new Map([
  ['answered', 'callAnswered'],
  ['missed', 'callMissed'],
  ['rejected', 'callRejected'],
  ['busy', 'callBusy'],
]);

function callLines({ message, numbers, to, from, language }: Chat): string[] {
  const call = message.callInfo;
  if (!call) return [];
  const status = callStatus(message);
  const start = oneLine(call.startTime ?? '');
  const end = oneLine(call.endTime ?? '');
  const called = oneLine(call.recipientNum ?? '');
  const calledKey = keyOf(statedParty(called, numbers));
  const isNamed = [from, ...to].some((party) => party && keyOf(party) === calledKey);
  const seconds = (Date.parse(end) - Date.parse(start)) / 1000;
  const lines: string[] = [];
  const add = (phrase: Phrase, values: Record<string, string>) => {
    lines.push(translate(phrase, values, language));
  };
  if (status !== '') add(callStatuses.get(status.toLowerCase()) ?? 'callStatus', { status });
  if (calledKey !== '' && !isNamed) add('callParty', { name: called });
  if (start !== '') add('callStart', { time: start });
  if (end !== '') add('callEnd', { time: end });
  if (seconds >= 0) add('callDuration', { time: clock(Math.round(seconds)) });
  return lines;
}

function clock(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
