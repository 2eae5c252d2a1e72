import { createHash, randomUUID } from 'node:crypto';
import type { TenantUser } from '../samples/organisation';
import { GraphError, notFound } from './errors';
import type { Journal } from './journal';

/** What the tenant's mailboxes hold, and how the keys in a path find it. */

export interface Folder {
  id: string;
  number: number;
  displayName: string;
  /** Empty for the two roots. */
  parentId: string;
  wellKnown?: string;
  isHidden: boolean;
}

export interface Attachment {
  id: string;
  name: string;
  contentType: string;
  bytes: number;
  isInline: boolean;
  contentId: string | null;
  sha256: string;
  modifiedAt: string;
}

export interface Recipient {
  emailAddress: { name: string; address: string };
}

export interface Message {
  /** Survives moves between folders; `id` does not. */
  immutableId: string;
  id: string;
  number: number;
  folderId: string;
  version: number;
  createdAt: string;
  modifiedAt: string;
  sentAt: string;
  receivedAt: string;
  isDraft: boolean;
  isRead: boolean;
  itemClass: string;
  subject: string | null;
  body: { contentType: 'text' | 'html'; content: string };
  from: Recipient | null;
  sender: Recipient | null;
  toRecipients: Recipient[];
  ccRecipients: Recipient[];
  bccRecipients: Recipient[];
  replyTo: Recipient[];
  internetMessageId: string;
  internetMessageHeaders: { name: string; value: string }[];
  importance: string;
  inferenceClassification: string;
  categories: string[];
  flagStatus: string;
  isReadReceiptRequested: boolean;
  isDeliveryReceiptRequested: boolean;
  /** Extended properties by the id that Exchange returns, except the ones that a field above holds. */
  properties: Record<string, string>;
  attachments: Attachment[];
}

export interface Mailbox {
  user: TenantUser;
  folders: Map<string, Folder>;
  /** By immutable id and by id. */
  messages: Map<string, Message>;
  /** The messages of each folder, by the folder's id. */
  contents: Map<string, Set<Message>>;
  lastNumber: number;
  usedBytes: number;
  /** Names of named properties and internet headers that messages of the mailbox have ever used. */
  named: Set<string>;
}

/** The tenant's mailboxes. Every change goes through here, into memory and into the journal. */
export interface Mailboxes {
  all(): Iterable<Mailbox>;
  get(userId: string): Mailbox;
  newFolder(mailbox: Mailbox, folder: Pick<Folder, 'displayName' | 'parentId' | 'isHidden'>): Folder;
  changeFolder(mailbox: Mailbox, folder: Folder, fields: Partial<Folder>): void;
  dropFolder(mailbox: Mailbox, folder: Folder): void;
  newMessage(mailbox: Mailbox, message: Omit<Message, 'id' | 'immutableId' | 'number' | 'version'>): Message;
  changeMessage(mailbox: Mailbox, message: Message, fields: Partial<Message>): void;
  moveMessage(mailbox: Mailbox, message: Message, folderId: string): void;
  newAttachmentId(mailbox: Mailbox): string;
}

type Event =
  | { op: 'tenant'; guid: string }
  | { op: 'folder'; user: string; folder: Folder }
  | { op: 'folderGone'; user: string; id: string }
  | { op: 'message'; user: string; message: Message }
  | { op: 'change'; user: string; id: string; fields: Partial<Message> };

/** Where deleted messages go: hidden from every other list, still there for eDiscovery. */
export const deletions = 'recoverableitemsdeletions';

/** Ten visible folders fill the first page of a list, so a new folder is on the second, as in a used mailbox. */
const initialFolders: [displayName: string, wellKnown?: string, isHidden?: boolean][] = [
  ['Archive', 'archive'],
  ['Conversation History', 'conversationhistory'],
  ['Deleted Items', 'deleteditems'],
  ['Drafts', 'drafts'],
  ['Inbox', 'inbox'],
  ['Junk Email', 'junkemail'],
  ['Outbox', 'outbox'],
  ['RSS Feeds'],
  ['Sent Items', 'sentitems'],
  ['Sync Issues', 'syncissues'],
  ['Clutter', 'clutter', true],
];

export function openMailboxes(users: TenantUser[], journal: Journal): Mailboxes {
  const past = journal.past as Event[];
  const first = past[0];
  // Every data folder is a tenant with its own GUID, so that no two tenants give out the same ids.
  const guid = first?.op === 'tenant' ? first.guid : randomUUID();
  if (!first) journal.append({ op: 'tenant', guid } satisfies Event);

  const idOf = (prefix: string, ...parts: (string | number)[]) =>
    prefix +
    createHash('sha512')
      .update([guid, ...parts].join(' '))
      .digest('base64url') +
    'AAA=';

  const mailboxes = new Map<string, Mailbox>();
  for (const user of users) if (user.mailbox === 'normal') mailboxes.set(user.id, emptyMailbox(user));
  for (const event of past) apply(event);

  function emptyMailbox(user: TenantUser): Mailbox {
    const mailbox: Mailbox = {
      user,
      folders: new Map(),
      messages: new Map(),
      contents: new Map(),
      lastNumber: 0,
      usedBytes: 0,
      named: new Set(),
    };
    const add = (displayName: string, parentId: string, wellKnown?: string, isHidden = false) => {
      const number = ++mailbox.lastNumber;
      const id = idOf('AAMkAF', user.id, 'folder', number);
      setFolder(mailbox, { id, number, displayName, parentId, isHidden, ...(wellKnown && { wellKnown }) });
      return id;
    };
    const root = add('Top of Information Store', '', 'msgfolderroot');
    for (const [displayName, wellKnown, isHidden] of initialFolders) {
      add(displayName, root, wellKnown, isHidden);
    }
    const recoverableItems = add('Recoverable Items', '', undefined, true);
    add('Deletions', recoverableItems, deletions, true);
    return mailbox;
  }

  function apply(event: Event): void {
    if (event.op === 'tenant') return;
    const mailbox = mailboxes.get(event.user);
    if (!mailbox) return; // The user has since left the sample organisation.
    if (event.op === 'folder') setFolder(mailbox, event.folder);
    else if (event.op === 'folderGone') mailbox.folders.delete(event.id);
    else if (event.op === 'message') setMessage(mailbox, event.message);
    else mergeMessage(mailbox, mailbox.messages.get(event.id)!, event.fields);
  }

  function setFolder(mailbox: Mailbox, folder: Folder): void {
    mailbox.lastNumber = Math.max(mailbox.lastNumber, folder.number);
    mailbox.folders.set(folder.id, folder);
    if (!mailbox.contents.has(folder.id)) mailbox.contents.set(folder.id, new Set());
  }

  function setMessage(mailbox: Mailbox, message: Message): void {
    mailbox.lastNumber = Math.max(mailbox.lastNumber, message.number);
    mailbox.messages.set(message.immutableId, message);
    mailbox.messages.set(message.id, message);
    mailbox.contents.get(message.folderId)!.add(message);
    mailbox.usedBytes += messageBytes(message);
    for (const name of namesOf(message)) mailbox.named.add(name);
  }

  function mergeMessage(mailbox: Mailbox, message: Message, fields: Partial<Message>): void {
    mailbox.contents.get(message.folderId)!.delete(message);
    mailbox.messages.delete(message.id);
    mailbox.usedBytes -= messageBytes(message);
    Object.assign(message, fields);
    setMessage(mailbox, message);
  }

  const record = (event: Event) => journal.append(event);

  const changeMessage = (mailbox: Mailbox, message: Message, fields: Partial<Message>) => {
    const changed = { ...fields, version: message.version + 1 };
    mergeMessage(mailbox, message, changed);
    record({ op: 'change', user: mailbox.user.id, id: message.immutableId, fields: changed });
  };

  const putFolder = (mailbox: Mailbox, folder: Folder) => {
    setFolder(mailbox, folder);
    record({ op: 'folder', user: mailbox.user.id, folder });
  };

  return {
    all: () => mailboxes.values(),
    get(userId) {
      let mailbox = mailboxes.get(userId);
      // The user was given a mailbox after the simulator started.
      if (!mailbox) mailboxes.set(userId, (mailbox = emptyMailbox(users.find(({ id }) => id === userId)!)));
      return mailbox;
    },
    newFolder(mailbox, fields) {
      const number = mailbox.lastNumber + 1;
      const folder = { id: idOf('AAMkAF', mailbox.user.id, 'folder', number), number, ...fields };
      putFolder(mailbox, folder);
      return folder;
    },
    changeFolder: (mailbox, folder, fields) => putFolder(mailbox, Object.assign(folder, fields)),
    dropFolder(mailbox, folder) {
      mailbox.folders.delete(folder.id);
      record({ op: 'folderGone', user: mailbox.user.id, id: folder.id });
    },
    newMessage(mailbox, fields) {
      const number = mailbox.lastNumber + 1;
      const message: Message = {
        immutableId: idOf('AAkALg', mailbox.user.id, 'message', number),
        id: idOf('AAMkAD', mailbox.user.id, 'message', number, 1),
        number,
        version: 1,
        ...fields,
      };
      setMessage(mailbox, message);
      record({ op: 'message', user: mailbox.user.id, message });
      return message;
    },
    changeMessage,
    moveMessage: (mailbox, message, folderId) =>
      changeMessage(mailbox, message, {
        folderId,
        id: idOf('AAMkAD', mailbox.user.id, 'message', message.number, message.version + 1),
      }),
    newAttachmentId: (mailbox) => idOf('AAMkAT', mailbox.user.id, 'attachment', randomUUID()),
  };
}

/** Names that v1.0 documents as keys. The root folders have no other key. */
const wellKnownNames = [
  'archive',
  'clutter',
  'conversationhistory',
  'deleteditems',
  'drafts',
  'inbox',
  'junkemail',
  'msgfolderroot',
  'outbox',
  deletions,
  'sentitems',
  'syncissues',
];

/**
 * The folder that a path names by its id or its well-known name. A folder's id never changes: it is the same with
 * and without `IdType="ImmutableId"`.
 */
export function folderOf(mailbox: Mailbox, key: string): Folder {
  const name = key.toLowerCase();
  if (wellKnownNames.includes(name)) return wellKnown(mailbox, name);
  checkId(key);
  const folder = mailbox.folders.get(key);
  if (!folder) throw notFound();
  return folder;
}

export function wellKnown(mailbox: Mailbox, name: string): Folder {
  for (const folder of mailbox.folders.values()) if (folder.wellKnown === name) return folder;
  throw notFound();
}

/** The message that a path names, in the folder if the path names one. A deleted message is only found through its folder. */
export function messageOf(mailbox: Mailbox, path: { message?: string; folder?: string }): Message {
  const key = path.message!;
  const folder = path.folder === undefined ? undefined : folderOf(mailbox, path.folder);
  checkId(key);
  const message = mailbox.messages.get(key);
  if (!message) throw notFound();
  const isDeleted = message.folderId === wellKnown(mailbox, deletions).id;
  if (folder ? message.folderId !== folder.id : isDeleted) throw notFound();
  return message;
}

/** Exchange does not even look up a key that does not have the form of an id. */
export function checkId(id: string): void {
  if (!/^AA[A-Za-z0-9_-]{60,200}={0,2}$/.test(id)) {
    throw new GraphError(400, 'ErrorInvalidIdMalformed', 'Id is malformed.');
  }
}

/** To Exchange, folder names that differ only in case are the same name. */
export const isSameName = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/** The folder and its parents, up to the root. */
export function ancestry(mailbox: Mailbox, folder: Folder): Folder[] {
  const chain = [folder];
  for (let at = mailbox.folders.get(folder.parentId); at; at = mailbox.folders.get(at.parentId))
    chain.push(at);
  return chain;
}

/** What counts against the message limit and the quota: text, properties and decoded attachments. */
export function messageBytes(
  message: Pick<Message, 'subject' | 'body' | 'properties' | 'attachments'>,
): number {
  let bytes = Buffer.byteLength(message.subject ?? '') + Buffer.byteLength(message.body.content);
  for (const value of Object.values(message.properties)) bytes += Buffer.byteLength(value);
  for (const attachment of message.attachments) bytes += attachment.bytes;
  return bytes;
}

/** The named properties that the message uses up. The mailbox keeps each internet header as one of them. */
export function namesOf(message: Pick<Message, 'properties' | 'internetMessageHeaders'>): string[] {
  const named = Object.keys(message.properties).filter((key) => key.includes('{'));
  return [...named, ...message.internetMessageHeaders.map(({ name }) => name.toLowerCase())];
}

export const hasAttachments = (message: Message) => message.attachments.some(({ isInline }) => !isInline);

/** Exchange gives the times of items in whole seconds. */
export const wholeSeconds = (iso: string) => `${iso.slice(0, 19)}Z`;
