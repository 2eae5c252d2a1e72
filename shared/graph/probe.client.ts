import type { ExtendedProperty } from '../email/provenance';
import { PermanentError } from '../errors';
import { isNotFound, orPermanentError, toPermanentError } from './failure';
import { ensureFolder } from './folder.client';
import { folderPath, messagePath } from './paths';
import type { Call, Graph } from './request.client';

interface Address {
  emailAddress: { name?: string; address?: string };
}

/** A message as Exchange returns it. */
export interface ReadMessage {
  isDraft: boolean;
  sentDateTime: string;
  receivedDateTime: string;
  from?: Address;
  sender?: Address;
  toRecipients: Address[];
  ccRecipients: Address[];
  conversationId: string;
  singleValueExtendedProperties?: ExtendedProperty[];
}

/** A message as its owner sees it. */
export interface ShownMessage {
  receivedDateTime: string;
  subject: string;
  from: string;
  to: string[];
  /** Plain text; Exchange makes it of an HTML body. */
  text: string;
  attachments: string[];
}

export interface ReadAttachment {
  name: string;
  content: Buffer;
}

/**
 * What the preflight needs beyond archiving: reading back what was stored, and removing a folder. All methods throw
 * `PermanentError` (a retry cannot help this mailbox) and what `Graph` throws.
 */
export interface MailboxProbe {
  signIn(): Promise<void>;
  /** Reads the root folder, which proves access and changes nothing. */
  enter(userId: string): Promise<void>;
  /** Id of the folder below the mailbox's root, which is created if it is missing; nothing remembers it. */
  makeFolder(userId: string, displayName: string): Promise<string>;
  readMessage(userId: string, messageId: string, propertyIds: readonly string[]): Promise<ReadMessage>;
  readAttachments(userId: string, messageId: string): Promise<ReadAttachment[]>;
  /** Subjects of the messages in the folder, and how many folders are in it. */
  contents(userId: string, folderId: string): Promise<{ subjects: string[]; folders: number }>;
  /** How many messages are in the folder. */
  count(userId: string, folderId: string): Promise<number>;
  /** The newest messages of a folder as their owner sees them, with the text of their bodies. */
  newest(userId: string, folderId: string, count: number): Promise<ShownMessage[]>;
  /** Removes the folder with its contents, from Deleted Items too. A folder that is already gone counts as removed. */
  removeFolder(userId: string, folderId: string): Promise<void>;
}

interface GraphMessage {
  receivedDateTime: string;
  subject?: string | null;
  from?: Address;
  toRecipients?: Address[];
  body: { content: string };
  attachments?: { name: string }[];
}

const fields =
  'id,isDraft,sentDateTime,receivedDateTime,from,sender,toRecipients,ccRecipients,conversationId';

/** The probe, by way of `graph`. */
export function createMailboxProbe(graph: Graph): MailboxProbe {
  const read = async (path: string, call: Call): Promise<unknown> =>
    (await orPermanentError(graph.get(path, call))).json;

  /** False when it did not exist. */
  async function remove(path: string, call: Call): Promise<boolean> {
    try {
      await graph.delete(path, call);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw toPermanentError(error);
    }
  }

  return {
    signIn: () => graph.signIn(),

    async enter(userId) {
      const call: Call = {
        doing: 'enter mailbox',
        mailbox: userId,
        query: { $select: 'id' },
        retryNotFound: 'always',
      };
      await graph.get(folderPath(userId, 'msgfolderroot'), call).catch((error: unknown) => {
        // Every mailbox has a root folder.
        if (isNotFound(error))
          throw new PermanentError('mailboxUnavailable', error.message, { cause: error });
        throw toPermanentError(error);
      });
    },

    async makeFolder(userId, displayName) {
      const folderId = await ensureFolder(graph, userId, displayName);
      if (folderId === undefined)
        throw new PermanentError('mailboxUnavailable', 'create folder: there is no mailbox');
      return folderId;
    },

    async readMessage(userId, messageId, propertyIds) {
      const wanted = propertyIds.map((id) => `id eq '${id}'`).join(' or ');
      const message = await read(messagePath(userId, messageId), {
        doing: 'read message',
        mailbox: userId,
        query: { $select: fields, $expand: `singleValueExtendedProperties($filter=${wanted})` },
      });
      return message as ReadMessage;
    },

    async readAttachments(userId, messageId) {
      const path = `${messagePath(userId, messageId)}/attachments`;
      const listed = await orPermanentError(graph.list(path, { doing: 'read attachments', mailbox: userId }));
      return (listed as { name: string; contentBytes?: string }[]).map(({ name, contentBytes = '' }) => ({
        name,
        content: Buffer.from(contentBytes, 'base64'),
      }));
    },

    async contents(userId, folderId) {
      const path = folderPath(userId, folderId);
      const call = { doing: 'list folder', mailbox: userId };
      const query = { $select: 'subject', $top: '100' };
      const messages = await orPermanentError(graph.list(`${path}/messages`, { ...call, query }));
      const folder = await read(path, { ...call, query: { $select: 'childFolderCount' } });
      return {
        subjects: (messages as { subject?: string | null }[]).map(({ subject }) => subject ?? ''),
        folders: (folder as { childFolderCount?: number }).childFolderCount ?? 0,
      };
    },

    async count(userId, folderId) {
      const json = await read(folderPath(userId, folderId), {
        doing: 'read folder',
        mailbox: userId,
        query: { $select: 'id,totalItemCount' },
      });
      return (json as { totalItemCount: number }).totalItemCount;
    },
    async newest(userId, folderId, count) {
      const json = await read(`${folderPath(userId, folderId)}/messages`, {
        doing: 'list messages',
        mailbox: userId,
        headers: { Prefer: 'IdType="ImmutableId", outlook.body-content-type="text"' },
        query: {
          $top: String(count),
          $orderby: 'receivedDateTime desc',
          $select: 'id,receivedDateTime,subject,from,toRecipients,body',
          $expand: 'attachments($select=id,name)',
        },
      });
      const nameOf = ({ emailAddress }: Address) => emailAddress.name || (emailAddress.address ?? '');
      return (json as { value: GraphMessage[] }).value.map((message) => ({
        receivedDateTime: message.receivedDateTime,
        subject: message.subject ?? '',
        from: message.from ? nameOf(message.from) : '',
        to: (message.toRecipients ?? []).map(nameOf),
        text: message.body.content,
        attachments: (message.attachments ?? []).map(({ name }) => name),
      }));
    },

    async removeFolder(userId, folderId) {
      const path = folderPath(userId, folderId);
      const call = { doing: 'remove folder', mailbox: userId };
      // The first request moves it to Deleted Items, where the mailbox's owner would find it.
      if (await remove(path, call)) await remove(path, call);
    },
  };
}
