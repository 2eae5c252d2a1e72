import type { Connector } from '../connectors';
import type { Language } from '../languages';
import type { Provenance } from '../item';
import type { Attachment, Email, Party } from './email';
import { itemBody } from './item-body';
import { madeSubject } from './item-lines';
import { provenanceProperties, type ExtendedProperty } from './provenance';
import { acceptable, cutTo, oneLine } from './safe-text';
import type { Dropped } from './size-rules';
import { recipient, type Recipient } from './recipient';
import { threading } from './threading';

/** Exchange keeps at most 255 characters of a subject. */
const maxSubjectLength = 255;
/** Exchange's default limit is 500 recipients; the body names the rest. */
const maxRecipients = 480;
/** A create request may fail on a longer header block; Exchange's own limit is 32 KB. */
const maxHeadersBytes = 30_000;
const maxFileNameLength = 255;

/** What Graph has to create. */
export interface MailboxItem {
  /** Body of the create request, without attachments. */
  json: Record<string, unknown>;
  attachments: Attachment[];
  itemKey: string;
  /** True when attachments were left out; the body names them. */
  partial: boolean;
}

export interface MailboxItemOptions {
  /** As configured for the connector. */
  itemClass: string;
  /** The entries of the source's *User's Email address*. */
  users: readonly Party[];
  /** From the email as it was read, before the size rule. */
  itemKey: string;
  /** Language of the phrases that this app writes. */
  language?: Language;
}

/**
 * An email as a received and read message with its original times. Pure and deterministic: the same input gives the
 * same JSON text. The ids of the MAPI properties are those of [MS-OXPROPS]. Unless the create request itself sets them,
 * the message stays a draft.
 */
export function mailboxItem(
  email: Email,
  dropped: readonly Dropped[],
  provenance: Provenance<string>,
  connector: Connector,
  options: MailboxItemOptions,
): MailboxItem {
  const { itemKey, itemClass, users, language = 'en' } = options;
  const own = oneLine(email.subject);
  // A mail without a subject has none; a chat message has none of its own anyway.
  const fullSubject = own === '' && connector.format === 'chat' ? madeSubject(email, language) : own;
  const subject = cutTo(maxSubjectLength, fullSubject).trimEnd();
  const from = recipient(email.from ?? { name: '' }, connector.network, language);
  const { to, cc, bcc, further } = recipientLists(email, connector.network, language);
  const facts = { email, dropped, provenance, itemKey, subject, fullSubject, further, users, language };
  const { body, file } = itemBody(facts);
  const thread = threading(email, connector.id, provenance.sourceId);
  const receivedAt = iso(provenance.receivedAt);
  const bodyFile = email.bodyFile ? [email.bodyFile] : [];
  const headers = headerBlock(email.headers ?? '');

  const properties: ExtendedProperty[] = [
    // PidTagMessageFlags: "unsent" is clear, "read" is set. Only the create request can set it.
    { id: 'Integer 0x0E07', value: '1' },
    { id: 'SystemTime 0x0039', value: email.sentAt === undefined ? receivedAt : iso(email.sentAt) },
    { id: 'SystemTime 0x0E06', value: receivedAt },
    { id: 'String 0x001A', value: itemClass },
    ...optional('String 0x0070', thread.topic),
    { id: 'Binary 0x0071', value: thread.index },
    ...optional('String 0x1042', thread.inReplyTo),
    ...optional('String 0x1039', thread.references),
    ...optional('String 0x007D', headers),
    ...provenanceProperties(provenance, itemKey, users),
  ];
  return {
    json: {
      subject,
      body,
      from,
      sender: from,
      toRecipients: to,
      ccRecipients: cc,
      bccRecipients: bcc,
      internetMessageId: thread.internetMessageId,
      isRead: true,
      singleValueExtendedProperties: properties,
    },
    attachments: [...[...email.attachments, ...bodyFile].map(accepted), ...(file ? [file] : [])],
    itemKey,
    partial: dropped.length > 0,
  };
}

function recipientLists(email: Email, network: string, language: Language) {
  let room = maxRecipients;
  const further: Recipient[] = [];
  const take = (parties: readonly Party[]) => {
    const all = parties.map((party) => recipient(party, network, language));
    const taken = all.slice(0, room);
    room -= taken.length;
    further.push(...all.slice(taken.length));
    return taken;
  };
  return { to: take(email.to), cc: take(email.cc), bcc: take(email.bcc), further };
}

/** As many whole header lines from the top as fit. */
function headerBlock(headers: string): string {
  const block = acceptable(headers);
  if (Buffer.byteLength(block) <= maxHeadersBytes) return block;
  const start = Buffer.from(block).subarray(0, maxHeadersBytes).toString('latin1');
  const end = start.lastIndexOf('\n') + 1;
  return Buffer.from(start.slice(0, end), 'latin1').toString();
}

/** The bytes are evidence and stay as they are; name, type and id are made acceptable to Exchange. */
function accepted(attachment: Attachment): Attachment {
  const name = cutTo(maxFileNameLength, oneLine(attachment.name)) || 'attachment';
  const { contentId, ...rest } = attachment;
  return {
    ...rest,
    name,
    contentType: oneLine(attachment.contentType) || 'application/octet-stream',
    ...(contentId !== undefined && { contentId: oneLine(contentId) }),
  };
}

function optional(id: string, value: string | undefined): ExtendedProperty[] {
  return value === undefined || value === '' ? [] : [{ id, value }];
}

function iso(instant: string): string {
  return new Date(instant).toISOString();
}
