import type { Connector } from '../connectors';
import type { SourceMessage } from '../telemessage/message';
import { readAct } from '../email/message-action';
import { readAttachments } from './attachments';
import { callKind, detailsOf, groupName, isUnknown, partyName, subjectOf } from './subject-and-details';
import type { Email, Party } from '../email/email';
import { numberKey } from '../email/number-key';
import type { Language } from '../email/phrases';

const DAY = 24 * 60 * 60 * 1000;
const earliest = Date.UTC(1980, 0, 1);

/** Device health (install, SIM change, low storage, …) travels in the same feed and is no communication. */
export function isEvent(message: SourceMessage): boolean {
  return message.messageContext?.trim().toLowerCase() === 'event';
}

/**
 * The e-mail of a chat message, call or later act that TeleMessage serves as JSON fields. The text stands
 * word for word. Throws PermanentError (`unreadable`) when an attachment is no base64.
 */
export function readChat(message: SourceMessage, connector: Connector, language: Language = 'en'): Email {
  const from = senderOf(message);
  const to = recipientsOf(message);
  const act = readAct(message.messageId);
  const { files, notSupplied } = readAttachments(message.attachment);
  const chat = { message, connector, from, to, act, language };
  const sentAt = sentAtOf(message);
  const content = message.textContent ?? '';
  const isWithoutText = content.trim() === '' && files.length === 0;
  return {
    subject: subjectOf(chat),
    ...(from && { from }),
    to,
    cc: [],
    bcc: [],
    ...(sentAt !== undefined && { sentAt }),
    sentAsWritten: message.messageTime ?? '',
    body: { type: 'text', content },
    details: detailsOf(chat, notSupplied),
    attachments: files,
    ...(isWithoutText && { besidesText: besidesText(message) }),
    chat: chatOf(message, from, to, language),
    ...(act && { act }),
    references: [],
  };
}

function senderOf(message: SourceMessage): Party | undefined {
  const { from, fromEnriched } = message;
  if (from === undefined || from.trim() === '') return undefined;
  // There is one sender only: a name without a number can be nobody else's.
  const enriched = fromEnriched && { ...fromEnriched, value: fromEnriched.value ?? from };
  return partyOf(from, enriched ? [enriched] : [], message.usersEmailAddress);
}

function recipientsOf(message: SourceMessage): Party[] {
  const called = message.callInfo?.recipientNum ?? '';
  const listed = message.to.filter((number) => number.trim() !== '');
  // A call log may name the person called nowhere else.
  const numbers = listed.length === 0 && called.trim() !== '' ? [called] : listed;
  const seen = new Set<string>();
  const once = numbers.filter((number) => {
    const key = numberKey(number);
    // Two unknown parties may be two people.
    return isUnknown(number) || (!seen.has(key) && seen.add(key));
  });
  const names = byNumber(message.toEnriched, ({ value }) => value);
  const users = byNumber(message.usersEmailAddress, ({ mobileNumber }) => mobileNumber);
  return once.map((number) =>
    partyOf(number, names.get(numberKey(number)) ?? [], users.get(numberKey(number)) ?? []),
  );
}

/** A group has hundreds of members: each must be found without a walk through all the others. */
function byNumber<T>(entries: readonly T[], number: (entry: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const key = numberKey(number(entry) ?? '');
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  return groups;
}

function partyOf(
  written: string,
  enriched: readonly NonNullable<SourceMessage['fromEnriched']>[],
  users: SourceMessage['usersEmailAddress'],
): Party {
  const key = numberKey(written);
  const known = users.filter((user) => numberKey(user.mobileNumber ?? '') === key);
  const names = [
    ...enriched.filter(({ value }) => numberKey(value ?? '') === key).map(({ fullName }) => fullName),
    ...known,
  ].map((full) =>
    [full?.firstName, full?.lastName]
      .map((part) => part?.trim())
      .filter(Boolean)
      .join(' '),
  );
  const name = names.find((text) => text !== '') ?? '';
  if (isUnknown(written)) return { name };
  const email = known.map(({ emailAddress }) => emailAddress?.trim()).find(Boolean);
  const text = written.trim();
  // Not every network writes numbers: an address or a plain name may stand in their place.
  if (text.includes('@')) return { name, address: text };
  if (!/\d/.test(text)) return { name: name || text, ...(email && { address: email }) };
  return { name, ...(email && { address: email }), number: text };
}

/**
 * One call can come as missed and later as answered, under one id and without a text. A subject that is made here
 * has no place in it: it names people, and names change.
 */
function besidesText(message: SourceMessage): string[] {
  const written = (text: string | undefined) => text?.trim() ?? '';
  const { callInfo, messageContext, direction } = message;
  const subject = written(message.subject);
  if (!callInfo && callKind(message) === undefined) return subject === '' ? [] : ['subject', subject];
  const ended = [callInfo?.callStatus, callInfo?.startTime, callInfo?.endTime].map(written);
  // Where nothing is said of how the call went, its subject may say so.
  const outcome = ended.some((text) => text !== '') ? ended : [subject];
  return ['call', written(messageContext), written(direction), ...outcome];
}

/**
 * All messages of one chat, in both directions, have the same key: the group's id, else the set of numbers.
 * So has the topic, for which the parties stand in the order of their numbers.
 */
function chatOf(message: SourceMessage, from: Party | undefined, to: readonly Party[], language: Language) {
  const parties = [...(from ? [from] : []), ...to]
    .map((party) => ({ party, key: numberKey(party.number ?? party.address ?? party.name) }))
    .sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0))
    .filter(({ key }, index, sorted) => key !== sorted[index - 1]?.key);
  const id = message.dialogGroupId?.trim() ?? '';
  const numbers = parties.map(({ key }) => key);
  const known = numbers.some((key) => key !== '');
  // Without any known party nothing says which chat it was: the message stands alone, with its acts.
  const alone = readAct(message.messageId)?.originalId ?? message.messageId;
  return {
    key: id !== '' ? `group:${id}` : known ? `numbers:${numbers.join(',')}` : `message:${alone}`,
    topic: groupName(message) || parties.map(({ party }) => partyName(party, language)).join(', '),
  };
}

const iso =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?$/i;

/** The send time if it can be right: a real calendar day, 1980 at the earliest, a day after arrival at most. */
function sentAtOf({ messageTime, gatewayReceivedDate }: SourceMessage): string | undefined {
  const written = messageTime?.trim() ?? '';
  const [, year, month, day] = iso.exec(written)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  // Date.parse turns 30 February into 1 March.
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) {
    return undefined;
  }
  // The field is UTC by definition; without a zone Date.parse would take the machine's.
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/i.test(written) ? written : `${written}Z`;
  const sentAt = Date.parse(zoned.replace(/([+-]\d\d)(\d\d)$/, '$1:$2').toUpperCase());
  const possible = sentAt >= earliest && sentAt <= Date.parse(gatewayReceivedDate) + DAY;
  return possible ? new Date(sentAt).toISOString() : undefined;
}
