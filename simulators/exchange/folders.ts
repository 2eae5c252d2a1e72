import * as z from 'zod';
import { contextUrl, type Call, type Handler, type Tenant } from './call';
import { mailboxOf } from './directory';
import { GraphError } from './errors';
import { folderFilter } from './filters';
import { ancestry, deletions, folderOf, isSameName, wellKnown, type Folder, type Mailbox } from './mailboxes';
import { allowOptions, page, paging, selected } from './query';
import { readJson } from './request-body';

const properties = [
  'id',
  'displayName',
  'parentFolderId',
  'childFolderCount',
  'unreadItemCount',
  'totalItemCount',
  'isHidden',
];

const type = z.literal('#microsoft.graph.mailFolder').optional();
const newFolderBody = z.strictObject({
  '@odata.type': type,
  displayName: z.string(),
  isHidden: z.boolean().optional(),
});
const renameBody = z.strictObject({ '@odata.type': type, displayName: z.string() });
const moveBody = z.strictObject({ destinationId: z.string() });

const folderExists = () =>
  new GraphError(409, 'ErrorFolderExists', 'A folder with the specified name already exists.');
const distinguished = (change: 'Delete' | 'Move' | 'Rename') =>
  new GraphError(403, `Error${change}DistinguishedFolder`, 'This is not allowed for a distinguished folder.');

export const listFolders: Handler = (tenant, call) => {
  const mailbox = mailboxOf(tenant, call.params.user!);
  return folderList(call, mailbox, folderOf(mailbox, call.params.folder ?? 'msgfolderroot'));
};

export const getFolder: Handler = (tenant, call) => {
  allowOptions(call.query, '$select');
  const mailbox = mailboxOf(tenant, call.params.user!);
  return { status: 200, json: entity(call, mailbox, folderOf(mailbox, call.params.folder!)) };
};

export const createFolder: Handler = (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const parent = folderOf(mailbox, call.params.folder ?? 'msgfolderroot');
  const { displayName, isHidden = false } = readJson(call.body, call.headers['content-type'], newFolderBody);
  checkName(mailbox, parent.id, displayName);
  const folder = tenant.mailboxes.newFolder(mailbox, { displayName, parentId: parent.id, isHidden });
  return { status: 201, json: entity(call, mailbox, folder) };
};

export const renameFolder: Handler = (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const folder = folderOf(mailbox, call.params.folder!);
  const { displayName } = readJson(call.body, call.headers['content-type'], renameBody);
  if (folder.wellKnown) throw distinguished('Rename');
  checkName(mailbox, folder.parentId, displayName, folder);
  tenant.mailboxes.changeFolder(mailbox, folder, { displayName });
  return { status: 200, json: entity(call, mailbox, folder) };
};

export const moveFolder: Handler = (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const folder = folderOf(mailbox, call.params.folder!);
  const { destinationId } = readJson(call.body, call.headers['content-type'], moveBody);
  const destination = folderOf(mailbox, destinationId);
  if (folder.wellKnown) throw distinguished('Move');
  if (ancestry(mailbox, destination).includes(folder)) {
    throw new GraphError(400, 'ErrorMoveCopyFailed', 'A folder cannot be moved into itself.');
  }
  checkName(mailbox, destination.id, folder.displayName, folder);
  tenant.mailboxes.changeFolder(mailbox, folder, { parentId: destination.id });
  return { status: 201, json: entity(call, mailbox, folder) };
};

export const deleteFolder: Handler = (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const folder = folderOf(mailbox, call.params.folder!);
  if (folder.wellKnown || !folder.parentId) throw distinguished('Delete');
  removeFolder(tenant, mailbox, folder);
  return { status: 204 };
};

/** Moves the folder to Deleted Items, where its id still works; purges it if it is already there, or with `purge`. */
export function removeFolder(tenant: Tenant, mailbox: Mailbox, folder: Folder, purge = false): void {
  const bin = wellKnown(mailbox, 'deleteditems');
  if (purge || ancestry(mailbox, folder).includes(bin)) purgeFolder(tenant, mailbox, folder);
  else {
    const displayName = freeName(mailbox, bin.id, folder.displayName);
    tenant.mailboxes.changeFolder(mailbox, folder, { parentId: bin.id, displayName });
  }
}

function purgeFolder(tenant: Tenant, mailbox: Mailbox, folder: Folder): void {
  for (const child of children(mailbox, folder.id)) purgeFolder(tenant, mailbox, child);
  const { id } = wellKnown(mailbox, deletions);
  for (const message of [...mailbox.contents.get(folder.id)!]) {
    tenant.mailboxes.moveMessage(mailbox, message, id);
  }
  tenant.mailboxes.dropFolder(mailbox, folder);
}

function folderList(call: Call, mailbox: Mailbox, parent: Folder) {
  allowOptions(call.query, '$top', '$skip', '$filter', '$select', 'includeHiddenFolders');
  const hidden = call.query.get('includeHiddenFolders');
  const filter = call.query.get('$filter');
  const shown = children(mailbox, parent.id)
    .filter((folder) => hidden === 'true' || !folder.isHidden)
    .filter(filter === undefined ? () => true : folderFilter(filter))
    .sort((a, b) => a.displayName.localeCompare(b.displayName, 'en'));
  const { rows, nextLink } = page(shown, paging(call.query, 10, 1000), call.url);
  const select = selected(call.query, properties, 'microsoft.graph.mailFolder');
  return {
    status: 200,
    json: {
      '@odata.context': contextUrl(call, `users('${mailbox.user.id}')/mailFolders`),
      value: rows.map((folder) => viewOfFolder(mailbox, folder, select)),
      ...(nextLink && { '@odata.nextLink': nextLink }),
    },
  };
}

function entity(call: Call, mailbox: Mailbox, folder: Folder): object {
  const context = contextUrl(call, `users('${mailbox.user.id}')/mailFolders/$entity`);
  const select = selected(call.query, properties, 'microsoft.graph.mailFolder');
  return { '@odata.context': context, ...viewOfFolder(mailbox, folder, select) };
}

function viewOfFolder(mailbox: Mailbox, folder: Folder, select: Set<string> | undefined): object {
  const messages = mailbox.contents.get(folder.id)!;
  let unreadItemCount = 0;
  for (const message of messages) if (!message.isRead) unreadItemCount++;
  const all: Record<string, unknown> = {
    id: folder.id,
    displayName: folder.displayName,
    parentFolderId: folder.parentId || folder.id,
    childFolderCount: children(mailbox, folder.id).filter(({ isHidden }) => !isHidden).length,
    unreadItemCount,
    totalItemCount: messages.size,
    isHidden: folder.isHidden,
  };
  return Object.fromEntries([...(select ?? properties)].map((name) => [name, all[name]]));
}

function children(mailbox: Mailbox, parentId: string): Folder[] {
  return [...mailbox.folders.values()].filter((folder) => folder.parentId === parentId);
}

function checkName(mailbox: Mailbox, parentId: string, displayName: string, renamed?: Folder): void {
  if (displayName.trim() === '' || displayName.length > 255) {
    throw new GraphError(400, 'ErrorInvalidArgument', 'The display name is empty or too long.');
  }
  const taken = children(mailbox, parentId).some(
    (folder) => folder !== renamed && isSameName(folder.displayName, displayName),
  );
  if (taken) throw folderExists();
}

/** The name, or the first of `name1`, `name2`, … that no other folder has. */
function freeName(mailbox: Mailbox, parentId: string, displayName: string): string {
  const taken = children(mailbox, parentId);
  for (let number = 0; ; number++) {
    const name = number === 0 ? displayName : `${displayName}${number}`;
    if (!taken.some((folder) => isSameName(folder.displayName, name))) return name;
  }
}
