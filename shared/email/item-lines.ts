import type { Language } from '../languages';
import type { Attachment, Call, Email, Party } from './email';
import { translate, type Phrase, type Values } from './phrases';
import { oneLine } from './safe-text';

/** The words that this app puts into an item for what the source says of it: subjects, and the lines of the block. */

/** More names would fill a line. */
const maxNames = 3;

/** What a person calls the party: its name, else its number, else its address. */
function partyName(party: Party | undefined, language: Language): string {
  const names = [party?.name, party?.number, party?.address].map((text) => oneLine(text ?? ''));
  return names.find((text) => text !== '') ?? translate('unknown', {}, language);
}

/** The party as TeleMessage's own subjects name it: by its number, if it has one. */
const subjectName = (party: Party | undefined, language: Language) =>
  oneLine(party?.number ?? '') || partyName(party, language);

const failures = ['missed', 'rejected', 'busy', 'unanswered'] as const;
const unanswered = {
  voiceCall: 'unansweredVoiceCall',
  videoCall: 'unansweredVideoCall',
  call: 'unansweredCall',
} as const satisfies Record<Call['kind'], Phrase>;

/** A subject in TeleMessage's pattern: action, kind, sender, then group or recipients. */
export function madeSubject({ from, to, facts, action }: Email, language: Language): string {
  const { network, group, call } = facts;
  const names = to.map((party) => subjectName(party, language));
  const shown = names.slice(0, maxNames).join(', ') || translate('unknown', {}, language);
  const more = names.length - maxNames;
  const recipients = more > 0 ? translate('andMore', { names: shown, count: more }, language) : shown;
  const values = { network, from: subjectName(from, language), to: recipients, group: group?.name ?? '' };
  const subject = (phrase: Phrase, more: Values = {}) => translate(phrase, { ...values, ...more }, language);
  let made: string;
  if (call) {
    const phrase = failures.some((one) => one === call.status.toLowerCase())
      ? unanswered[call.kind]
      : call.kind;
    made = subject(phrase, group && group.name !== '' ? { to: subject('chatGroup') } : {});
  } else if (group) made = subject(group.name === '' ? 'namelessGroupMessage' : 'groupMessage');
  else made = subject('message');
  return action ? translate(action.kind, { subject: made }, language) : made;
}

const callLines = {
  voiceCall: 'voiceCallLine',
  videoCall: 'videoCallLine',
  call: 'callLine',
} as const satisfies Record<Call['kind'], Phrase>;
const statuses = ['answered', ...failures] as const;

function callLine({ kind, status }: Call, language: Language): string {
  const what = translate(callLines[kind], {}, language);
  if (status === '') return what;
  const known = statuses.find((one) => one === status.toLowerCase());
  return translate('withStatus', { what, status: known ? translate(known, {}, language) : status }, language);
}

const mediaTypes: readonly (readonly [type: RegExp, phrase: Phrase])[] = [
  [/^image\//i, 'picture'],
  [/^audio\//i, 'audio'],
  [/^video\//i, 'video'],
];

/** What an item without text is, for its first line. */
export function firstLine(email: Email, files: readonly Attachment[], language: Language): string {
  const { facts, action } = email;
  if (facts.call) return callLine(facts.call, language);
  if (action) return actionLine(action, language);
  if (files.length === 0) return facts.kind ?? translate('noText', {}, language);
  const phrase = mediaTypes.find(([type]) => files.every(({ contentType }) => type.test(contentType)))?.[1];
  const names = files.slice(0, maxNames).map(({ name }) => oneLine(name));
  const more = files.length - names.length;
  const shown = names.join(', ') + (more > 0 ? ', …' : '');
  return translate(phrase ?? 'files', { names: shown, count: files.length }, language);
}

const actionLines = {
  recalled: 'recalledLine',
  deletedForMe: 'deletedForMeLine',
  deletedForAll: 'deletedForAllLine',
  deleted: 'deletedLine',
  edited: 'editedLine',
} as const satisfies Record<NonNullable<Email['action']>['kind'], Phrase>;

function actionLine({ kind, originalId }: NonNullable<Email['action']>, language: Language): string {
  const done = translate(actionLines[kind], {}, language);
  return originalId === undefined ? done : `${done} ${translate('originalId', { id: originalId }, language)}`;
}

const readStates = { read: 'read', unread: 'unread', unknown: 'readUnknown' } as const satisfies Record<
  NonNullable<Email['facts']['readState']>,
  Phrase
>;

/**
 * The lines for what the source says of an item. `said` is the first line of an item without text, which is not said
 * twice.
 */
export function factLines(email: Email, said: string | undefined, language: Language): string[] {
  const { facts, action } = email;
  const { call, group, captured, kind, status, readState, senders, notSupplied = [], openedWith } = facts;
  const lines: string[] = [];
  const add = (phrase: Phrase, values?: Values) => {
    lines.push(translate(phrase, values, language));
  };
  if (call) lines.push(callLine(call, language));
  if (action) lines.push(actionLine(action, language));
  if (readState) add(readStates[readState]);
  if (call) lines.push(...callTimes(call, language));
  if (kind !== undefined && kind !== said) add('kind', { kind });
  if (status !== undefined) add('status', { status });
  if (group) add(group.name === '' ? 'namelessGroup' : 'group', { ...group });
  if (captured) {
    const { party, isSender } = captured;
    const name = [...new Set([partyName(party, language), oneLine(party.number ?? '')])]
      .filter(Boolean)
      .join(', ');
    add(isSender ? 'capturedSent' : 'capturedReceived', { name });
  }
  if (senders) add('allSenders', { names: senders.join(', ') });
  if (openedWith !== undefined) add('decrypted', { key: openedWith });
  for (const name of notSupplied) add('notSupplied', { name });
  return lines.map(oneLine).filter((line) => line !== said);
}

function callTimes({ start, end, called }: Call, language: Language): string[] {
  const seconds = (Date.parse(end) - Date.parse(start)) / 1000;
  const lines: string[] = [];
  const add = (phrase: Phrase, values: Values) => {
    lines.push(translate(phrase, values, language));
  };
  if (called !== undefined) add('callParty', { name: called });
  if (seconds >= 0) add('callTimes', { start, end, duration: clock(Math.round(seconds)) });
  else {
    if (start !== '') add('callStart', { time: start });
    if (end !== '') add('callEnd', { time: end });
  }
  return lines;
}

function clock(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
