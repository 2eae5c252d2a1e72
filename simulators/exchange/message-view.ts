import { createHash } from 'node:crypto';
import { attachmentView, selectedAttachments } from './attachments';
import { metadata, type Call, type Tenant } from './call';
import { badRequest, GraphError } from './errors';
import { keyOfTag, parsePropertyId, tags } from './extended-properties';
import { alternativesOf, parseFilter, type Filter } from './filters';
import type { Mailbox, Message } from './mailboxes';
import { selected } from './query';

const defaults = [
  'id',
  'createdDateTime',
  'lastModifiedDateTime',
  'changeKey',
  'categories',
  'receivedDateTime',
  'sentDateTime',
  'hasAttachments',
  'internetMessageId',
  'subject',
  'bodyPreview',
  'importance',
  'parentFolderId',
  'conversationId',
  'conversationIndex',
  'isDeliveryReceiptRequested',
  'isReadReceiptRequested',
  'isRead',
  'isDraft',
  'webLink',
  'inferenceClassification',
  'body',
  'sender',
  'from',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'flag',
];
/** Given only when they are asked for by name. */
const selectable = [...defaults, 'internetMessageHeaders'];
const type = 'microsoft.graph.message';

export const invalidFilter = () =>
  new GraphError(400, 'ErrorInvalidUrlQueryFilter', 'The query filter contains one or more invalid nodes.');

export interface Shape {
  select: Set<string> | undefined;
  /** Keys of the extended properties to show. */
  properties: string[];
  /** Whether to show them, or which of their properties alone. */
  attachments: boolean | Set<string>;
}

export function shapeOf(call: Call): Shape {
  const shape: Shape = { select: selected(call.query, selectable, type), properties: [], attachments: false };
  const expand = call.query.get('$expand');
  if (expand === undefined) return shape;
  for (const part of splitExpand(expand)) {
    const names = /^attachments\(\s*\$select=([\w,]*)\)$/.exec(part)?.[1];
    const filter = /^singleValueExtendedProperties\(\s*\$filter=(.*)\)$/s.exec(part)?.[1];
    if (part === 'attachments') shape.attachments = true;
    else if (names !== undefined) shape.attachments = selectedAttachments(names);
    else if (filter !== undefined) shape.properties.push(...expandedKeys(filter));
    else throw badRequest(`Parsing OData Select and Expand failed: '${part}' is not supported.`);
  }
  return shape;
}

function expandedKeys(filter: string): string[] {
  const ids = alternativesOf(parseFilter(filter, invalidFilter), 'id');
  if (!ids) throw invalidFilter();
  return ids.map((id) => parsePropertyId(id).key);
}

/** Splits at the commas outside parentheses and quotes. */
function splitExpand(text: string): string[] {
  const parts = text.match(/(?:'(?:[^']|'')*'|\((?:'(?:[^']|'')*'|[^()'])*\)|[^,()'])+/g) ?? [];
  if (parts.join(',') !== text) throw badRequest('Parsing OData Select and Expand failed: syntax error.');
  return parts.map((part) => part.trim());
}

export async function entity(tenant: Tenant, call: Call, mailbox: Mailbox, message: Message, shape: Shape) {
  const context = metadata(call, `users('${mailbox.user.id}')/messages/$entity`);
  return { '@odata.context': context, ...(await viewOfMessage(tenant, call, mailbox, message, shape)) };
}

export const etagOf = (message: Message) => `W/"${changeKey(message)}"`;

const changeKey = ({ immutableId, version }: Message) =>
  createHash('sha256').update(`${immutableId} ${version}`).digest('base64').slice(0, 32);

export async function viewOfMessage(
  tenant: Tenant,
  call: Call,
  mailbox: Mailbox,
  message: Message,
  { select, properties, attachments }: Shape,
): Promise<object> {
  const id = call.immutableIds ? message.immutableId : message.id;
  const all: Record<string, unknown> = {
    ...message,
    id,
    createdDateTime: seconds(message.createdAt),
    lastModifiedDateTime: seconds(message.modifiedAt),
    changeKey: changeKey(message),
    receivedDateTime: seconds(message.receivedAt),
    sentDateTime: seconds(message.sentAt),
    hasAttachments: hasAttachments(message),
    bodyPreview: preview(message),
    parentFolderId: message.folderId,
    conversationId: conversationId(mailbox, message),
    conversationIndex: message.properties[keyOfTag(tags.conversationIndex)] ?? null,
    webLink: `https://outlook.office365.com/owa/?ItemID=${encodeURIComponent(id)}&exvsurl=1&viewmodel=ReadMessageItem`,
    flag: { flagStatus: message.flagStatus },
    from: message.from ?? undefined,
    sender: message.sender ?? undefined,
  };
  const view: Record<string, unknown> = { '@odata.etag': etagOf(message) };
  for (const name of select ?? defaults) view[name] = all[name];
  const shown = properties.flatMap((key) => {
    const value = propertyOf(message, key);
    return value === undefined ? [] : [{ id: key, value }];
  });
  // Like the service, which leaves the collection out where a message has none of the properties.
  if (shown.length > 0) view.singleValueExtendedProperties = shown;
  if (attachments) {
    const chosen = attachments === true ? undefined : attachments;
    view.attachments = await Promise.all(
      message.attachments.map((file) => attachmentView(tenant, file, chosen)),
    );
  }
  return view;
}

/** An extended property as Exchange reads it back, be it kept as such or told by another field. */
export function propertyOf(message: Message, key: string): string | undefined {
  switch (key) {
    case keyOfTag(tags.flags):
      return String(
        (message.isRead ? 1 : 0) | (message.isDraft ? 8 : 0) | (hasAttachments(message) ? 16 : 0),
      );
    case keyOfTag(tags.submitTime):
      return seconds(message.sentAt);
    case keyOfTag(tags.deliveryTime):
      return seconds(message.receivedAt);
    case keyOfTag(tags.itemClass):
      return message.itemClass;
    default:
      return message.properties[key];
  }
}

/**
 * Which messages a filter names: by one extended property (its name exact, its text in any case) or by the
 * internet message id. No other filter is known to serve this product, so no other is answered.
 */
export function messageFilter(text: string): (message: Message) => boolean {
  const filter = parseFilter(text, invalidFilter);
  if (filter.kind === 'eq' && filter.path === 'internetMessageId' && typeof filter.value === 'string') {
    const wanted = filter.value.toLowerCase();
    return (message) => message.internetMessageId.toLowerCase() === wanted;
  }
  if (filter.kind !== 'any' || filter.path !== 'singleValueExtendedProperties') throw invalidFilter();
  const id = equalTo(filter.body, `${filter.variable}/id`);
  const value = equalTo(filter.body, `${filter.variable}/value`);
  if (id === undefined || value === undefined) throw invalidFilter();
  const { key } = parsePropertyId(id);
  const wanted = value.toLowerCase();
  return (message) => propertyOf(message, key)?.toLowerCase() === wanted;
}

function equalTo(body: Filter, path: string): string | undefined {
  if (body.kind !== 'and' || body.parts.length !== 2) return undefined;
  for (const part of body.parts) {
    if (part.kind === 'eq' && part.path === path && typeof part.value === 'string') return part.value;
  }
  return undefined;
}

const sortable = {
  receivedDateTime: 'receivedAt',
  sentDateTime: 'sentAt',
  createdDateTime: 'createdAt',
  lastModifiedDateTime: 'modifiedAt',
  subject: 'subject',
} as const;

/** Newest first unless asked otherwise. */
export function messageOrder(call: Call): (a: Message, b: Message) => number {
  const text = call.query.get('$orderby') ?? 'receivedDateTime desc';
  const match = /^(\w+)(?: (asc|desc))?$/.exec(text.trim());
  const name = match?.[1] as keyof typeof sortable | undefined;
  if (!match || !name || !Object.hasOwn(sortable, name)) {
    throw badRequest(`The $orderby expression '${text}' is not supported.`);
  }
  if (call.query.has('$orderby') && call.query.has('$filter')) {
    const message = 'The restriction or sort order is too complex for this operation.';
    throw new GraphError(400, 'InefficientFilter', message);
  }
  const field = sortable[name];
  const sign = match[2] === 'desc' ? -1 : 1;
  return (a, b) => {
    const [left, right] = [a[field] ?? '', b[field] ?? ''];
    return sign * (left === right ? a.number - b.number : left < right ? -1 : 1);
  };
}

const hasAttachments = (message: Message) => message.attachments.some(({ isInline }) => !isInline);

/** Exchange tells times of messages in whole seconds. */
const seconds = (iso: string) => `${iso.slice(0, 19)}Z`;

function preview({ body: { contentType, content } }: Message): string {
  const head = content.slice(0, 20_000);
  const text = contentType === 'text' ? head : head.replace(/<style[^]*?<\/style>|<[^>]*>/gi, ' ');
  const line = text.replace(/\s+/g, ' ').trim();
  // A cut pair of surrogates would be no JSON text any more.
  return line.slice(0, 255).replace(/[\ud800-\udbff]$/, '');
}

/** One conversation = one header GUID of the index; without an index, one subject. */
function conversationId(mailbox: Mailbox, message: Message): string {
  const index = message.properties[keyOfTag(tags.conversationIndex)];
  const topic = message.properties[keyOfTag(tags.conversationTopic)] ?? message.subject ?? '';
  const thread =
    index === undefined ? topic.toLowerCase() : Buffer.from(index, 'base64').toString('hex', 6, 22);
  const hash = createHash('sha256').update(`${mailbox.user.id} ${thread}`).digest('base64url');
  return `AAQkAD${hash}AAA=`;
}
