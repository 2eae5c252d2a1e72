import { randomUUID } from 'node:crypto';
import { storedAttachment } from './attachments';
import { contextUrl, type Call, type Handler } from './call';
import { mailboxOf } from './directory';
import { accessDenied, conflict, notFound } from './errors';
import { messageFilter } from './filters';
import { removeFolder } from './folders';
import {
  deletions,
  folderOf,
  messageBytes,
  messageOf,
  wellKnown,
  type Mailbox,
  type Message,
} from './mailboxes';
import { checkCounts, checkSizes, fieldsOfCreate, fieldsOfPatch, messageBody } from './message-input';
import { entity, etagOf, messageOrder, shapeOf, viewOfMessage } from './message-view';
import { allowOptions, page, paging } from './query';
import { readJson } from './request-body';

export const createMessage: Handler = async (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  let folder = folderOf(mailbox, call.params.folder ?? 'drafts');
  const removal = tenant.faults.folderRemoval(mailbox.user.userPrincipalName, folder.displayName);
  if (removal && !folder.wellKnown) removeFolder(tenant, mailbox, folder, removal === 'purged');
  folder = folderOf(mailbox, call.params.folder ?? 'drafts');
  if (folder.wellKnown === deletions) throw accessDenied();

  const given = readJson(call.body, call.headers['content-type'], messageBody);
  const fields = fieldsOfCreate(given, call.now, `<${randomUUID()}@exchange.invalid>`);
  checkCounts(fields, mailbox, tenant.limits);
  const files = given.attachments ?? [];
  const fileBytes = files.reduce((sum, file) => sum + file.contentBytes.length, 0);
  checkSizes(tenant, mailbox, undefined, messageBytes({ ...fields, attachments: [] }) + fileBytes);
  const attachments = await Promise.all(
    files.map(async (file) => ({
      id: tenant.mailboxes.newAttachmentId(mailbox),
      ...(await storedAttachment(tenant, file, call.now)),
    })),
  );
  // Another request may have removed the folder while the attachments were being written.
  if (!mailbox.folders.has(folder.id)) throw notFound();
  const message = tenant.mailboxes.newMessage(mailbox, { ...fields, folderId: folder.id, attachments });
  return { status: 201, json: await entity(tenant, call, mailbox, message, shapeOf(call)) };
};

export const listMessages: Handler = async (tenant, call) => {
  allowOptions(call.query, '$top', '$skip', '$select', '$filter', '$orderby', '$expand');
  const mailbox = mailboxOf(tenant, call.params.user!);
  const shape = shapeOf(call);
  const filter = call.query.get('$filter');
  const matches = filter === undefined ? () => true : messageFilter(filter);
  const found = [...messagesIn(mailbox, call.params.folder)].filter(matches).sort(messageOrder(call));
  const { rows, nextLink } = page(found, paging(call.query, 10, 1000), call.url);
  return {
    status: 200,
    json: {
      '@odata.context': contextUrl(call, `users('${mailbox.user.id}')/messages`),
      value: await Promise.all(rows.map((message) => viewOfMessage(tenant, call, mailbox, message, shape))),
      ...(nextLink && { '@odata.nextLink': nextLink }),
    },
  };
};

/** The messages of the folder, or of the whole mailbox: with Deleted Items, without Recoverable Items. */
function* messagesIn(mailbox: Mailbox, folderKey: string | undefined): Iterable<Message> {
  if (folderKey !== undefined) {
    yield* mailbox.contents.get(folderOf(mailbox, folderKey).id)!;
    return;
  }
  const hidden = wellKnown(mailbox, deletions).id;
  for (const [folderId, messages] of mailbox.contents) if (folderId !== hidden) yield* messages;
}

export const getMessage: Handler = async (tenant, call) => {
  allowOptions(call.query, '$select', '$expand');
  const mailbox = mailboxOf(tenant, call.params.user!);
  const shape = shapeOf(call);
  return { status: 200, json: await entity(tenant, call, mailbox, messageOf(mailbox, call.params), shape) };
};

export const patchMessage: Handler = async (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const message = messageOf(mailbox, call.params);
  checkIfMatch(call, message);
  const given = readJson(call.body, call.headers['content-type'], messageBody);
  const fields = fieldsOfPatch(given, message);
  const changed = { ...message, ...fields };
  checkCounts(changed, mailbox, tenant.limits);
  checkSizes(tenant, mailbox, message, Math.max(0, messageBytes(changed) - messageBytes(message)));
  tenant.mailboxes.changeMessage(mailbox, message, { ...fields, modifiedAt: call.now });
  return { status: 200, json: await entity(tenant, call, mailbox, message, shapeOf(call)) };
};

export const deleteMessage: Handler = (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const message = messageOf(mailbox, call.params);
  checkIfMatch(call, message);
  const { id } = wellKnown(mailbox, deletions);
  if (message.folderId === id) throw accessDenied();
  tenant.mailboxes.moveMessage(mailbox, message, id);
  return { status: 204 };
};

function checkIfMatch(call: Call, message: Message): void {
  const wanted = call.headers['if-match'];
  if (wanted !== undefined && wanted !== '*' && wanted !== etagOf(message)) throw conflict();
}
