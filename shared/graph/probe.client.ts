import type { ExtendedProperty } from '../email/provenance';
import { PermanentError } from '../errors';
import { RefusedError, settled } from './failure';
import { createFolders } from './folder.client';
import type { Call, Graph } from './request.client';
import { messagePath } from './upload';

interface Address {
  emailAddress: { name?: string; address?: string };
}

/** A message as Exchange hands it back. */
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

export interface ReadAttachment {
  name: string;
  content: Buffer;
}

/**
 * What proving a mailbox takes beyond archiving into it: reading back, and removing a folder. All methods throw
 * `PermanentError` (never in this mailbox) and what `Graph` throws.
 */
export interface MailboxProbe {
  signIn(): Promise<void>;
  /** Enters the mailbox and changes nothing. */
  enter(userId: string): Promise<void>;
  /** Id of the folder below the mailbox's root; made when missing, and remembered nowhere. */
  makeFolder(userId: string, displayName: string): Promise<string>;
  readMessage(userId: string, messageId: string, propertyIds: readonly string[]): Promise<ReadMessage>;
  readAttachments(userId: string, messageId: string): Promise<ReadAttachment[]>;
  /** Subjects of the messages in the folder, and how many folders are in it. */
  contents(userId: string, folderId: string): Promise<{ subjects: string[]; folders: number }>;
  /** Removes the folder with what is in it, from Deleted Items too; one that is gone already is as wished. */
  removeFolder(userId: string, folderId: string): Promise<void>;
}

const noStore = { get: async () => undefined, put: async () => undefined };
const fields =
  'id,isDraft,sentDateTime,receivedDateTime,from,sender,toRecipients,ccRecipients,conversationId';

export function createMailboxProbe(graph: Graph): MailboxProbe {
  // Nothing is kept between calls, so the time does not matter.
  const folders = createFolders(graph, noStore, { now: () => 0, verifyMs: 0 });
  const folderPath = (userId: string, folderId: string) =>
    `/users/${encodeURIComponent(userId)}/mailFolders/${encodeURIComponent(folderId)}`;

  async function get(path: string, call: Call): Promise<unknown> {
    const { json } = await graph.get(path, call).catch((error: unknown) => {
      throw settled(error);
    });
    return json;
  }

  /** False when it was not there. */
  async function remove(path: string, call: Call): Promise<boolean> {
    try {
      await graph.delete(path, call);
      return true;
    } catch (error) {
      if (error instanceof RefusedError && error.failure.kind === 'notFound') return false;
      throw settled(error);
    }
  }

  return {
    signIn: () => graph.signIn(),

    async enter(userId) {
      const path = folderPath(userId, 'msgfolderroot');
      const call = { doing: 'enter mailbox', mailbox: userId, query: { $select: 'id' } };
      await graph.get(path, { ...call, doubtNotFound: 'any' }).catch((error: unknown) => {
        // The root is there in every mailbox.
        if (error instanceof RefusedError && error.failure.kind === 'notFound')
          throw new PermanentError('mailboxUnavailable', error.message, { cause: error });
        throw settled(error);
      });
    },

    async makeFolder(userId, displayName) {
      const folderId = await folders.folder(
        userId,
        { id: displayName, folder: displayName },
        { refresh: true },
      );
      if (folderId === undefined)
        throw new PermanentError('mailboxUnavailable', 'create folder: there is no mailbox');
      return folderId;
    },

    async readMessage(userId, messageId, propertyIds) {
      const wanted = propertyIds.map((id) => `id eq '${id}'`).join(' or ');
      const message = await get(messagePath({ userId, messageId }), {
        doing: 'read message',
        mailbox: userId,
        query: { $select: fields, $expand: `singleValueExtendedProperties($filter=${wanted})` },
      });
      return message as ReadMessage;
    },

    async readAttachments(userId, messageId) {
      const path = `${messagePath({ userId, messageId })}/attachments`;
      const listed = await graph
        .list(path, { doing: 'read attachments', mailbox: userId })
        .catch((error: unknown) => {
          throw settled(error);
        });
      return (listed as { name: string; contentBytes?: string }[]).map(({ name, contentBytes = '' }) => ({
        name,
        content: Buffer.from(contentBytes, 'base64'),
      }));
    },

    async contents(userId, folderId) {
      const path = folderPath(userId, folderId);
      const call = { doing: 'list folder', mailbox: userId };
      const messages = await graph
        .list(`${path}/messages`, { ...call, query: { $select: 'subject', $top: '100' } })
        .catch((error: unknown) => {
          throw settled(error);
        });
      const folder = await get(path, { ...call, query: { $select: 'childFolderCount' } });
      return {
        subjects: (messages as { subject?: string | null }[]).map(({ subject }) => subject ?? ''),
        folders: (folder as { childFolderCount?: number }).childFolderCount ?? 0,
      };
    },

    async removeFolder(userId, folderId) {
      const path = folderPath(userId, folderId);
      const call = { doing: 'remove folder', mailbox: userId };
      // The first time it moves to Deleted Items, where its owner would find it.
      if (await remove(path, call)) await remove(path, call);
    },
  };
}
