import type { Connector } from '../connectors';
import { numberKey, type Email, type Party } from '../email/email';
import { readMessageAction } from '../email/message-action';
import type { Language } from '../email/phrases';
import type { SourceMessage } from '../telemessage/message';
import { readAttachments } from './attachments';
import { detailsOf } from './details';
import { partyName, recipientsOf, senderOf } from './parties';
import { callKind, groupName, subjectOf } from './subject';

const DAY = 24 * 60 * 60 * 1000;
const earliest = Date.UTC(1980, 0, 1);

/** True for a device event (install, SIM change, low storage, …), which the feed carries among the messages. */
export function isDeviceEvent(message: SourceMessage): boolean {
  return message.messageContext?.trim().toLowerCase() === 'event';
}

/**
 * The e-mail of a chat message, call or message action that TeleMessage serves as JSON fields. The text is kept
 * word for word. Throws PermanentError (`unreadable`) when an attachment is not base64.
 */
export function readChat(message: SourceMessage, connector: Connector, language: Language = 'en'): Email {
  const from = senderOf(message);
  const to = recipientsOf(message);
  const action = readMessageAction(message.messageId);
  const { files, notSupplied } = readAttachments(message.attachment);
  const chat = { message, connector, from, to, action, language };
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
    conversation: conversationOf(message, from, to, language),
    ...(action && { action }),
    references: [],
  };
}

/**
 * Distinguishes two items of one id without text: the same call can arrive as missed and later as answered.
 * A subject that this app makes does not belong here, because it holds names, and names change.
 */
function besidesText(message: SourceMessage): string[] {
  const written = (text: string | undefined) => text?.trim() ?? '';
  const { callInfo, messageContext, direction } = message;
  const subject = written(message.subject);
  if (!callInfo && callKind(message) === undefined) return subject === '' ? [] : ['subject', subject];
  const result = [callInfo?.callStatus, callInfo?.startTime, callInfo?.endTime].map(written);
  // If the source does not say how the call went, its subject may.
  const outcome = result.some((text) => text !== '') ? result : [subject];
  return ['call', written(messageContext), written(direction), ...outcome];
}

/**
 * All messages of one conversation, in both directions, get the same key (the group's id, else the set of numbers) and
 * the same topic, which is why the topic names the parties in the order of their numbers.
 */
function conversationOf(
  message: SourceMessage,
  from: Party | undefined,
  to: readonly Party[],
  language: Language,
): Email['conversation'] {
  const parties = [...(from ? [from] : []), ...to]
    .map((party) => ({ party, key: numberKey(party.number ?? party.address ?? party.name) }))
    .sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0))
    .filter(({ key }, index, sorted) => key !== sorted[index - 1]?.key);
  const id = message.dialogGroupId?.trim() ?? '';
  const numbers = parties.map(({ key }) => key);
  const known = numbers.some((key) => key !== '');
  // Without a known party the conversation is unknown: the message and its actions get one of their own.
  const alone = readMessageAction(message.messageId)?.originalId ?? message.messageId;
  return {
    key: id !== '' ? `group:${id}` : known ? `numbers:${numbers.join(',')}` : `message:${alone}`,
    topic: groupName(message) || parties.map(({ party }) => partyName(party, language)).join(', '),
  };
}

const iso =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?$/i;

/** The send time if it is plausible: a real calendar day, not before 1980, at most a day after arrival. */
function sentAtOf({ messageTime, gatewayReceivedDate }: SourceMessage): string | undefined {
  const written = messageTime?.trim() ?? '';
  const [, year, month, day] = iso.exec(written)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  // Date.parse would turn 30 February into 1 March.
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) {
    return undefined;
  }
  // Without a zone Date.parse would take the machine's; the field is UTC by definition.
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/i.test(written) ? written : `${written}Z`;
  const sentAt = Date.parse(zoned.replace(/([+-]\d\d)(\d\d)$/, '$1:$2').toUpperCase());
  const plausible = sentAt >= earliest && sentAt <= Date.parse(gatewayReceivedDate) + DAY;
  return plausible ? new Date(sentAt).toISOString() : undefined;
}
