import { randomUUID } from 'node:crypto';
import { storedAttachment } from './attachments';
import { contentType, mailboxOf, metadata, type Call, type Handler } from './call';
import { accessDenied, conflict, notFound } from './errors';
import { deletions, folderOf, removeFolder, wellKnown } from './folders';
import { readJson } from './json-body';
import { messageBytes, type Mailbox, type Message } from './mailboxes';
import { checkRoom, messageOf } from './message-lookup';
import { checkWhole, fieldsOfCreate, fieldsOfPatch, messageBody } from './message-properties';
import { entity, etagOf, messageFilter, messageOrder, shapeOf, viewOfMessage } from './message-view';
import { allowOptions, page, paging } from './query';

export function checkIfMatch(call: Call, message: Message): void {
  const wanted = call.headers['if-match'];
  if (wanted !== undefined && wanted !== '*' && wanted !== etagOf(message)) throw conflict();
}

export const createMessage: Handler = async (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  let folder = folderOf(mailbox, call.params.folder ?? 'drafts');
  const act = tenant.faults.userAct(mailbox.user.userPrincipalName, folder.displayName);
  if (act && !folder.wellKnown) removeFolder(tenant, mailbox, folder, act === 'purged');
  folder = folderOf(mailbox, call.params.folder ?? 'drafts');
  if (folder.wellKnown === deletions) throw accessDenied();

  const given = readJson(call.body, contentType(call), messageBody);
  const fields = fieldsOfCreate(given, call.now, `<${randomUUID()}@exchange.invalid>`);
  checkWhole(fields, mailbox, tenant.limits);
  const files = given.attachments ?? [];
  const fileBytes = files.reduce((sum, file) => sum + file.contentBytes.length, 0);
  checkRoom(tenant, mailbox, undefined, messageBytes({ ...fields, attachments: [] }) + fileBytes);
  const attachments = await Promise.all(
    files.map(async (file) => ({
      id: tenant.mailboxes.newAttachmentId(mailbox),
      ...(await storedAttachment(tenant, file, call.now)),
    })),
  );
  // The folder may have gone while the attachments were written.
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
  const shown = [...messagesAt(mailbox, call)].filter(matches).sort(messageOrder(call));
  const { rows, nextLink } = page(shown, paging(call.query, 10, 1000), call.url);
  return {
    status: 200,
    json: {
      '@odata.context': metadata(call, `users('${mailbox.user.id}')/messages`),
      value: await Promise.all(rows.map((message) => viewOfMessage(tenant, call, mailbox, message, shape))),
      ...(nextLink && { '@odata.nextLink': nextLink }),
    },
  };
};

/** Of one folder; or of the whole mailbox, Deleted Items included, Recoverable Items not. */
function* messagesAt(mailbox: Mailbox, call: Call): Iterable<Message> {
  if (call.params.folder !== undefined) {
    yield* mailbox.contents.get(folderOf(mailbox, call.params.folder).id)!;
    return;
  }
  const hidden = wellKnown(mailbox, deletions).id;
  for (const [folderId, messages] of mailbox.contents) if (folderId !== hidden) yield* messages;
}

export const getMessage: Handler = async (tenant, call) => {
  allowOptions(call.query, '$select', '$expand');
  const mailbox = mailboxOf(tenant, call.params.user!);
  const shape = shapeOf(call);
  return { status: 200, json: await entity(tenant, call, mailbox, messageOf(mailbox, call), shape) };
};

export const patchMessage: Handler = async (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const message = messageOf(mailbox, call);
  checkIfMatch(call, message);
  const fields = fieldsOfPatch(readJson(call.body, contentType(call), messageBody), message);
  const changed = { ...message, ...fields };
  checkWhole(changed, mailbox, tenant.limits);
  checkRoom(tenant, mailbox, message, Math.max(0, messageBytes(changed) - messageBytes(message)));
  tenant.mailboxes.changeMessage(mailbox, message, { ...fields, modifiedAt: call.now });
  return { status: 200, json: await entity(tenant, call, mailbox, message, shapeOf(call)) };
};

export const deleteMessage: Handler = (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const message = messageOf(mailbox, call);
  checkIfMatch(call, message);
  const { id } = wellKnown(mailbox, deletions);
  if (message.folderId === id) throw accessDenied();
  tenant.mailboxes.moveMessage(mailbox, message, id);
  return { status: 204 };
};
