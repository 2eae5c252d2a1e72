import { createHash, randomUUID } from 'node:crypto';
import type { TenantUser } from '../samples/organisation';
import type { Journal } from './journal';
import type { Recipient } from './recipients';

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
  /** Extended properties by the key that Exchange hands back, without those that other fields hold. */
  properties: Record<string, string>;
  attachments: Attachment[];
}

export interface Mailbox {
  user: TenantUser;
  folders: Map<string, Folder>;
  /** By either id. */
  messages: Map<string, Message>;
  contents: Map<string, Set<Message>>;
  lastNumber: number;
  usedBytes: number;
  named: Set<string>;
}

/** The tenant's mailboxes; every change goes through here, into memory and into the journal. */
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

/** Ten visible folders: a new one stands on the second page of a list, as it does in a used mailbox. */
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
  // The tenant's own number makes ids of two data folders different, as those of two tenants are.
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
    const dumpster = add('Recoverable Items', '', undefined, true);
    add('Deletions', dumpster, 'recoverableitemsdeletions', true);
    return mailbox;
  }

  function apply(event: Event): void {
    if (event.op === 'tenant') return;
    const mailbox = mailboxes.get(event.user);
    if (!mailbox) return; // a person who has left the sample organisation since
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
      // A user who was given a mailbox since the start.
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

/** What counts against the message limit and the quota: text, properties and decoded attachments. */
export function messageBytes(
  message: Pick<Message, 'subject' | 'body' | 'properties' | 'attachments'>,
): number {
  let bytes = Buffer.byteLength(message.subject ?? '') + Buffer.byteLength(message.body.content);
  for (const value of Object.values(message.properties)) bytes += Buffer.byteLength(value);
  for (const attachment of message.attachments) bytes += attachment.bytes;
  return bytes;
}

/** The names that the message uses up: of named properties, and of internet headers, each of which is one. */
export function namesOf(message: Pick<Message, 'properties' | 'internetMessageHeaders'>): string[] {
  const named = Object.keys(message.properties).filter((key) => key.includes('{'));
  return [...named, ...message.internetMessageHeaders.map(({ name }) => name.toLowerCase())];
}

/** The folder's own chain of parents, itself first. */
export function ancestry(mailbox: Mailbox, folder: Folder): Folder[] {
  const chain = [folder];
  for (let at = mailbox.folders.get(folder.parentId); at; at = mailbox.folders.get(at.parentId))
    chain.push(at);
  return chain;
}
