import type { Connector } from '../connectors';
import { readDate } from '../email/dates';
import { partiesIn, type Email, type Party } from '../email/email';
import { readMessageAction } from '../email/message-action';
import { oneLine } from '../email/safe-text';
import type { NamedIn } from '../participants/participants';
import type { SourceMessage } from '../telemessage/message';
import { unsealerOf, unsealText, type Opening } from '../telemessage/sealed';
import { readAttachments } from './attachments';
import { callKind, factsOf, groupName } from './facts';
import { keyOf, partiesOf } from './parties';

/** True for a device event (install, SIM change, low storage, …), which the feed carries among the messages. */
export function isDeviceEvent(message: SourceMessage): boolean {
  return message.messageContext?.trim().toLowerCase() === 'event';
}

/**
 * The e-mail of a chat message, call or message action that TeleMessage serves as JSON fields. The text is kept
 * word for word. Throws PermanentError (`unreadable`) when an attachment is not base64, or
 * `encrypted` for an encrypted message without an opening that fits.
 */
export function readChat(source: NamedIn, connector: Connector, opening?: Opening): Email<Buffer> {
  const { message } = source;
  const unseal = unsealerOf(message.securityContent, opening);
  const { from, to } = partiesOf(source);
  const action = readMessageAction(message.messageId);
  const { files, notSupplied } = readAttachments(message.attachment, unseal);
  const sentAt = readDate(message.messageTime ?? '', message.gatewayReceivedDate);
  const written = message.textContent ?? '';
  const content = unseal ? unsealText(unseal, Buffer.from(written)).toString() : written;
  const isWithoutText = content.trim() === '' && files.length === 0;
  return {
    subject: oneLine(message.subject ?? ''),
    ...(from && { from }),
    to,
    cc: [],
    bcc: [],
    ...(sentAt !== undefined && { sentAt }),
    sentAsWritten: message.messageTime ?? '',
    body: { type: 'text', content },
    facts: {
      ...factsOf({ ...source, connector, from, to }, notSupplied),
      ...(unseal && opening && { openedWith: opening.openedWith }),
    },
    attachments: files,
    ...(isWithoutText && { besidesText: besidesText(message) }),
    conversation: conversationOf(message, from, to),
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
 * The group's id is the key; a chat without one is that of its people. The topic names the parties in one order for
 * both directions, in the source's words.
 */
function conversationOf(
  message: SourceMessage,
  from: Party | undefined,
  to: readonly Party[],
): Email['conversation'] {
  const parties = partiesIn({ from, to })
    .map((party) => ({ party, key: keyOf(party) }))
    .sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0))
    .filter(({ key }, index, sorted) => key !== sorted[index - 1]?.key);
  const id = message.dialogGroupId?.trim() ?? '';
  const nameOf = ({ name, number, address }: Party) => oneLine(name || (number ?? address ?? 'UNKNOWN'));
  const topic = groupName(message) || parties.map(({ party }) => nameOf(party)).join(', ');
  return id !== '' ? { key: `group:${id}`, topic } : { key: '', topic, isOfPeople: true };
}
