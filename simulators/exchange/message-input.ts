import * as z from 'zod';
import type { Tenant } from './call';
import { GraphError, messageTooLarge, quotaExceeded, unreadableBody } from './errors';
import { extendedProperties, readProperties, tags, type Property } from './extended-properties';
import type { Limits } from './limits';
import { messageBytes, namesOf, type Mailbox, type Message, type Recipient } from './mailboxes';

/** What a client may write into a message, the rules it must keep, and what Exchange makes of it. */

const emailAddress = z.strictObject({
  '@odata.type': z.literal('#microsoft.graph.emailAddress').optional(),
  name: z.string().nullish(),
  address: z.string().nullish(),
});

const recipient = z
  .strictObject({ '@odata.type': z.literal('#microsoft.graph.recipient').optional(), emailAddress })
  .transform(({ emailAddress: { name, address } }): Recipient => ({
    emailAddress: { name: name ?? address ?? '', address: address ?? '' },
  }));

const date = z.string().nullish();
const flag = z.boolean().nullish();
const ignored = z.string().nullish();

/** A regular expression over megabytes of base64 exhausts the engine's stack: decode and encode again instead. */
const base64 = z.string().transform((text, context) => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  context.addIssue({ code: 'custom', message: 'not base64' });
  return z.NEVER;
});

/** The service refuses an attachment without `@odata.type` or without a name. */
export const fileAttachment = z.strictObject({
  '@odata.type': z.literal('#microsoft.graph.fileAttachment'),
  name: z.string().regex(/\S/),
  contentType: z.string().nullish(),
  contentBytes: base64,
  isInline: flag,
  contentId: z.string().nullish(),
});

/** The properties that a client may send. As in the service, read-only ones are accepted and ignored. */
export const messageBody = z.strictObject({
  '@odata.type': z.literal('#microsoft.graph.message').optional(),
  subject: z.string().nullish(),
  body: z
    .strictObject({
      '@odata.type': z.literal('#microsoft.graph.itemBody').optional(),
      contentType: z.preprocess(
        (v) => (typeof v === 'string' ? v.toLowerCase() : v),
        z.enum(['text', 'html']),
      ),
      content: z.string(),
    })
    .optional(),
  from: recipient.nullish(),
  sender: recipient.nullish(),
  toRecipients: z.array(recipient).optional(),
  ccRecipients: z.array(recipient).optional(),
  bccRecipients: z.array(recipient).optional(),
  replyTo: z.array(recipient).optional(),
  internetMessageId: z.string().nullish(),
  internetMessageHeaders: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
  importance: z.enum(['low', 'normal', 'high']).optional(),
  inferenceClassification: z.enum(['focused', 'other']).optional(),
  categories: z.array(z.string()).optional(),
  flag: z.strictObject({ flagStatus: z.enum(['notFlagged', 'complete', 'flagged']) }).optional(),
  isRead: flag,
  isReadReceiptRequested: flag,
  isDeliveryReceiptRequested: flag,
  singleValueExtendedProperties: extendedProperties.optional(),
  attachments: z.array(fileAttachment).optional(),
  isDraft: flag,
  hasAttachments: flag,
  receivedDateTime: date,
  sentDateTime: date,
  createdDateTime: date,
  lastModifiedDateTime: date,
  id: ignored,
  parentFolderId: ignored,
  changeKey: ignored,
  bodyPreview: ignored,
  conversationId: ignored,
  conversationIndex: ignored,
  webLink: ignored,
});
export type MessageBody = z.output<typeof messageBody>;

/** In a received item, only Mail-Advanced.ReadWrite.All may change these (from 31 December 2026). */
const sealed = [
  'subject',
  'body',
  'from',
  'sender',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'internetMessageId',
] as const;

export type Fields = Omit<Message, 'id' | 'immutableId' | 'number' | 'version' | 'folderId' | 'attachments'>;

/** The fields of a new message. Without the flags property it is a draft; the dates in the JSON are ignored. */
export function fieldsOfCreate(given: MessageBody, now: string, newMessageId: string): Fields {
  const properties = readProperties(given.singleValueExtendedProperties ?? []);
  const tagged = (tag: number) => properties.find((property) => property.tag === tag)?.value;
  const flags = tagged(tags.flags);
  return {
    createdAt: now,
    modifiedAt: now,
    sentAt: tagged(tags.submitTime) ?? now,
    receivedAt: tagged(tags.deliveryTime) ?? now,
    isDraft: flags === undefined || (Number(flags) & 8) !== 0,
    isRead: given.isRead ?? (flags === undefined || (Number(flags) & 1) !== 0),
    itemClass: tagged(tags.itemClass) ?? 'IPM.Note',
    from: null,
    sender: null,
    subject: null,
    body: { contentType: 'text', content: '' },
    toRecipients: [],
    ccRecipients: [],
    bccRecipients: [],
    replyTo: [],
    internetMessageId: newMessageId,
    internetMessageHeaders: readHeaders(given.internetMessageHeaders),
    importance: 'normal',
    inferenceClassification: 'focused',
    categories: [],
    flagStatus: 'notFlagged',
    isReadReceiptRequested: false,
    isDeliveryReceiptRequested: false,
    properties: Object.fromEntries(properties.filter(isFree).map(({ key, value }) => [key, value])),
    ...readFields(given),
  };
}

/** The fields that a PATCH changes. Flags in it are silently ignored; dates and attachments are refused. */
export function fieldsOfPatch(given: MessageBody, message: Message): Partial<Message> {
  if (given.attachments || given.internetMessageHeaders) {
    throw new GraphError(
      400,
      'ErrorInvalidPropertySet',
      'The property cannot be set on an existing message.',
    );
  }
  if (!message.isDraft && sealed.some((name) => given[name] !== undefined)) {
    throw new GraphError(403, 'ErrorAccessDenied', 'Access to the sealed properties of the item is denied.');
  }
  const properties = readProperties(given.singleValueExtendedProperties ?? []);
  if (properties.some(({ tag }) => tag === tags.submitTime || tag === tags.deliveryTime)) {
    throw new GraphError(400, 'ErrorInvalidPropertySet', 'The property is read-only once the item exists.');
  }
  const itemClass = properties.find(({ tag }) => tag === tags.itemClass)?.value;
  const free = properties.filter(isFree).map(({ key, value }) => [key, value] as const);
  return {
    ...readFields(given),
    ...(typeof given.isRead === 'boolean' && { isRead: given.isRead }),
    ...(itemClass !== undefined && { itemClass }),
    ...(free.length > 0 && { properties: { ...message.properties, ...Object.fromEntries(free) } }),
  };
}

/** Whether the property has no field of its own in the message, and is kept as such. */
function isFree({ tag }: Property): boolean {
  return (
    tag === undefined ||
    ![tags.flags, tags.submitTime, tags.deliveryTime, tags.itemClass].includes(tag as never)
  );
}

function readFields(given: MessageBody): Partial<Fields> {
  const { subject, body, internetMessageId, from, sender } = given;
  if (subject && subject.length > 255) {
    throw new GraphError(400, 'ErrorPropertyValidationFailure', 'The subject is longer than 255 characters.');
  }
  if (internetMessageId && !/^<[^\s<>@]+@[^\s<>@]+>$/.test(internetMessageId)) {
    throw new GraphError(400, 'ErrorInvalidArgument', 'The internet message id is not of the form <…@…>.');
  }
  const lists = {
    ...(given.toRecipients && { toRecipients: given.toRecipients }),
    ...(given.ccRecipients && { ccRecipients: given.ccRecipients }),
    ...(given.bccRecipients && { bccRecipients: given.bccRecipients }),
    ...(given.replyTo && { replyTo: given.replyTo }),
  };
  checkAddresses([...Object.values(lists).flat(), ...(from ? [from] : []), ...(sender ? [sender] : [])]);
  return {
    ...lists,
    ...(subject !== undefined && { subject }),
    ...(body && { body: storedBody(body) }),
    ...(from !== undefined && { from }),
    ...(sender !== undefined && { sender }),
    ...(internetMessageId && { internetMessageId }),
    ...(given.importance && { importance: given.importance }),
    ...(given.inferenceClassification && { inferenceClassification: given.inferenceClassification }),
    ...(given.categories && { categories: given.categories }),
    ...(given.flag && { flagStatus: given.flag.flagStatus }),
    ...(typeof given.isReadReceiptRequested === 'boolean' && {
      isReadReceiptRequested: given.isReadReceiptRequested,
    }),
    ...(typeof given.isDeliveryReceiptRequested === 'boolean' && {
      isDeliveryReceiptRequested: given.isDeliveryReceiptRequested,
    }),
  };
}

/** Exchange stores plain text with the line ends of mail. */
function storedBody({ contentType, content }: NonNullable<MessageBody['body']>): Message['body'] {
  return { contentType, content: contentType === 'text' ? content.replace(/\r?\n/g, '\r\n') : content };
}

function readHeaders(headers: MessageBody['internetMessageHeaders']): Message['internetMessageHeaders'] {
  if (!headers) return [];
  if (headers.length === 0) throw unreadableBody('The collection internetMessageHeaders is empty.');
  if (headers.length > 5) {
    const message = 'The maximum number of internet message headers is 5.';
    throw new GraphError(400, 'InvalidInternetMessageHeaderCollection', message);
  }
  for (const { name, value } of headers) {
    if (!/^x-[\x21-\x39\x3b-\x7e]+$/i.test(name) || !/^[\x20-\x7e]{1,995}$/.test(value)) {
      const message = "The internet message header name or value is not allowed: it must begin with 'x-'.";
      throw new GraphError(400, 'InvalidInternetMessageHeader', message);
    }
  }
  return headers;
}

const localPart = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
const domain =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|xn--[A-Za-z0-9-]{0,58}[A-Za-z0-9])$/i;

function isSmtpAddress(address: string): boolean {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  return (
    address.length <= 254 && local.length <= 64 && localPart.test(local) && domain.test(address.slice(at + 1))
  );
}

/** One malformed address makes Exchange refuse the whole message. */
function checkAddresses(recipients: Recipient[]): void {
  if (recipients.every(({ emailAddress: { address } }) => isSmtpAddress(address))) return;
  throw new GraphError(400, 'ErrorInvalidRecipients', "At least one recipient isn't valid.");
}

/** Limits for the message as it is after a create or a change: its recipients and its named properties. */
export function checkCounts(fields: Fields, mailbox: Mailbox, limits: Limits): void {
  const { toRecipients, ccRecipients, bccRecipients } = fields;
  if (toRecipients.length + ccRecipients.length + bccRecipients.length > limits.recipients) {
    const message = `The message has more than ${limits.recipients} recipients.`;
    throw new GraphError(400, 'ErrorInvalidRecipients', message);
  }
  const names = new Set(namesOf(fields).filter((name) => !mailbox.named.has(name)));
  // The service's own text when a mailbox has no names left (msgraph-sdk-java issue 767).
  if (names.size > 0 && mailbox.named.size + names.size > limits.namedProperties) {
    throw new GraphError(403, 'ErrorQuotaExceeded', 'Cannot get ID from name.');
  }
}

/** Limits in bytes, of the message (a new one if undefined) and of the mailbox, for `addedBytes` more. */
export function checkSizes(
  tenant: Tenant,
  mailbox: Mailbox,
  message: Message | undefined,
  addedBytes: number,
): void {
  const limit = mailbox.user.messageLimitBytes ?? tenant.limits.messageBytes;
  if ((message ? messageBytes(message) : 0) + addedBytes > limit) throw messageTooLarge();
  const { quotaBytes } = mailbox.user;
  if (quotaBytes !== undefined && mailbox.usedBytes + addedBytes > quotaBytes) throw quotaExceeded();
}
