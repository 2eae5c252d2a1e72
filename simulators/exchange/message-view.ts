import { createHash } from 'node:crypto';
import { attachmentView, selectedAttachments } from './attachments';
import { contextUrl, type Call, type Tenant } from './call';
import { badRequest, GraphError } from './errors';
import { keyOfTag, parsePropertyId, propertyOf, tags } from './extended-properties';
import { alternativesOf, parseFilter, unsupportedByExchange } from './filters';
import { hasAttachments, wholeSeconds, type Mailbox, type Message } from './mailboxes';
import { selected } from './query';

/** How a message is shown: `$select`, `$expand` and `$orderby`. */

const defaultProperties = [
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
/** The service returns internet headers only to a `$select` that names them. */
const selectable = [...defaultProperties, 'internetMessageHeaders'];
const type = 'microsoft.graph.message';

/** What an answer shows of each message. */
export interface Shape {
  select: Set<string> | undefined;
  /** Keys of the extended properties. */
  properties: string[];
  /** All, none, or only these properties of each. */
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
  const ids = alternativesOf(parseFilter(filter, unsupportedByExchange), 'id');
  if (!ids) throw unsupportedByExchange();
  return ids.map((id) => parsePropertyId(id).key);
}

/** Splits at the commas outside parentheses and quotes. */
function splitExpand(text: string): string[] {
  const parts = text.match(/(?:'(?:[^']|'')*'|\((?:'(?:[^']|'')*'|[^()'])*\)|[^,()'])+/g) ?? [];
  if (parts.join(',') !== text) throw badRequest('Parsing OData Select and Expand failed: syntax error.');
  return parts.map((part) => part.trim());
}

export async function entity(tenant: Tenant, call: Call, mailbox: Mailbox, message: Message, shape: Shape) {
  const context = contextUrl(call, `users('${mailbox.user.id}')/messages/$entity`);
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
    createdDateTime: wholeSeconds(message.createdAt),
    lastModifiedDateTime: wholeSeconds(message.modifiedAt),
    changeKey: changeKey(message),
    receivedDateTime: wholeSeconds(message.receivedAt),
    sentDateTime: wholeSeconds(message.sentAt),
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
  for (const name of select ?? defaultProperties) view[name] = all[name];
  const shown = properties.flatMap((key) => {
    const value = propertyOf(message, key);
    return value === undefined ? [] : [{ id: key, value }];
  });
  // As in the service, the collection is absent if the message has none of the properties.
  if (shown.length > 0) view.singleValueExtendedProperties = shown;
  if (attachments) {
    const chosen = attachments === true ? undefined : attachments;
    view.attachments = await Promise.all(
      message.attachments.map((file) => attachmentView(tenant, file, chosen)),
    );
  }
  return view;
}

const sortable = {
  receivedDateTime: 'receivedAt',
  sentDateTime: 'sentAt',
  createdDateTime: 'createdAt',
  lastModifiedDateTime: 'modifiedAt',
  subject: 'subject',
} as const;

/** The order that `$orderby` asks for; newest first without it. */
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

function preview({ body: { contentType, content } }: Message): string {
  const head = content.slice(0, 20_000);
  const text = contentType === 'text' ? head : head.replace(/<style[^]*?<\/style>|<[^>]*>/gi, ' ');
  const line = text.replace(/\s+/g, ' ').trim();
  // The cut may fall inside a surrogate pair, and half a pair is not valid JSON text.
  return line.slice(0, 255).replace(/[\ud800-\udbff]$/, '');
}

/** Messages with the same GUID in their conversation index are one conversation; without an index, with one subject. */
function conversationId(mailbox: Mailbox, message: Message): string {
  const index = message.properties[keyOfTag(tags.conversationIndex)];
  const topic = message.properties[keyOfTag(tags.conversationTopic)] ?? message.subject ?? '';
  const thread =
    index === undefined ? topic.toLowerCase() : Buffer.from(index, 'base64').toString('hex', 6, 22);
  const hash = createHash('sha256').update(`${mailbox.user.id} ${thread}`).digest('base64url');
  return `AAQkAD${hash}AAA=`;
}
