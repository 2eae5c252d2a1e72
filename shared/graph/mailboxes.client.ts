import type { Connector } from '../connectors';
import type { Attachment } from '../email/email';
import type { MailboxItem } from '../email/mailbox-item';
import { completeMark, isComplete, partialMark, propertyIds, propertyValue } from '../email/provenance';
import type { ExtendedProperty } from '../email/provenance';
import { PermanentError } from '../errors';
import { addAttachments, inMemory, messageJson, planAttachments, type AttachmentPlan } from './attachments';
import { isGone, isNotFound, RefusedError, toPermanentError, UncertainError } from './failure';
import type { Folders } from './folder.client';
import { folderPath, messagePath } from './paths';
import type { Call, Graph } from './request.client';

/** A message in the folder that carries the item's key. */
export interface FoundCopy {
  messageId: string;
  /** False when a worker stopped before it had added every attachment. */
  complete: boolean;
  batch?: number;
  position?: number;
  /** True when the message lacks some of the item's attachments on purpose. */
  partial?: boolean;
}

/** A message with what it says about the item that it archives; without a key it archives none. */
export type ArchivedMessage = FoundCopy & { itemKey?: string };

export type Created =
  | { kind: 'created'; messageId: string }
  /**
   * This mailbox or cloud has no way to take these attachments of the item (the same objects). The message was created
   * without them and is not marked complete: the caller must remove it.
   */
  | { kind: 'refused'; messageId: string; refused: Attachment[] }
  /** The folder no longer exists; nothing was created. */
  | { kind: 'folderGone' };

export interface CreateOptions {
  /** Must abort well before the lease of the delivery ends. */
  signal: AbortSignal;
  /** Called before each request of an item that needs several; what it throws ends the work and reaches the caller. */
  beforeStep?: () => Promise<void>;
}

/**
 * Messages in the users' mailboxes. All methods throw `PermanentError` (a retry cannot help this item or mailbox),
 * `PutOffError` (try later; nothing has happened), `DeploymentError`, and other errors that a retry may cure.
 */
export interface Mailboxes {
  /**
   * Takes a place in the mailbox for one delivery, which the caller gives back at its end. Throws `CrowdedMailboxError`
   * when none is free: then nothing that costs a request should begin.
   */
  enter(userId: string): () => void;
  /** See `Folders`. */
  folder(userId: string, connector: Connector, options?: { refresh?: boolean }): Promise<string | undefined>;
  /**
   * Creates the item as a received message with all its attachments. Throws `UncertainError` when the mailbox may hold
   * a copy, complete or not: look with `find` before trying again.
   */
  create(userId: string, folderId: string, item: MailboxItem, options: CreateOptions): Promise<Created>;
  /** Copies of an item in the folder; none when the folder is gone. Slow, since Exchange does not index the key. */
  find(userId: string, folderId: string, itemKey: string): Promise<FoundCopy[]>;
  /** The message, in whatever folder it is; undefined when the mailbox does not show it. */
  look(userId: string, messageId: string): Promise<ArchivedMessage | undefined>;
  /** All messages of a folder, those of other programs too; none if the folder no longer exists. */
  inFolder(userId: string, folderId: string): AsyncIterable<ArchivedMessage>;
  /** Deletes a message; Exchange keeps it in Recoverable Items. A message that is already gone counts as deleted. */
  remove(userId: string, messageId: string): Promise<void>;
}

interface Message {
  id: string;
  singleValueExtendedProperties?: ExtendedProperty[];
}

/** PidTagTransportMessageHeaders: the one property whose value the sender wrote, in whatever syntax they chose. */
const transportHeaders = /^string\s+0x0*7d$/i;

/** Messages by way of `graph`, in the folders of `folders`. */
export function createMailboxes(graph: Graph, folders: Folders): Mailboxes {
  /** Undefined when the folder is gone. */
  async function postMessage(
    path: string,
    json: Record<string, unknown>,
    inline: Attachment[],
    call: Call,
  ): Promise<string | undefined> {
    try {
      const { json: message } = await graph.post(path, {
        ...call,
        body: messageJson(json, await Promise.all(inline.map(inMemory))),
      });
      const id = (message as Message | undefined)?.id;
      if (typeof id !== 'string') throw new UncertainError('create message: the answer has no id');
      return id;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!(error instanceof RefusedError)) throw error;
      // The original header block is the likeliest part to be refused, and the item can do without it.
      const without = error.status === 400 ? withoutTransportHeaders(json) : undefined;
      if (without) return postMessage(path, without, inline, call);
      throw toPermanentError(error);
    }
  }

  async function createInSteps(
    target: { userId: string; path: string },
    item: MailboxItem,
    plan: AttachmentPlan,
    { signal, beforeStep }: Required<CreateOptions>,
  ): Promise<Created> {
    const { userId, path } = target;
    /** What `beforeStep` threw: it reaches the caller as it is. */
    const stopped = new Set<unknown>();
    const step = async () =>
      beforeStep().catch((error: unknown) => {
        stopped.add(error);
        throw error;
      });
    const call = { mailbox: userId, signal, begun: true };

    await step();
    const messageId = await postMessage(path, item.json, plan.inline, { ...call, doing: 'create message' });
    if (messageId === undefined) return { kind: 'folderGone' };
    try {
      const message = { userId, messageId, signal, beforeStep: step };
      const refused = await addAttachments(graph, message, plan.later);
      if (refused.length > 0) return { kind: 'refused', messageId, refused };
      await step();
      await graph.patch(messagePath(userId, messageId), {
        ...call,
        doing: 'mark message complete',
        begun: true,
        body: { singleValueExtendedProperties: [markOf(item)] },
      });
      return { kind: 'created', messageId };
    } catch (error) {
      if (stopped.has(error) || error instanceof UncertainError) throw error;
      const final = toPermanentError(error);
      if (!(final instanceof PermanentError))
        throw new UncertainError('The message was created, but it is not complete.', { cause: error });
      // Nothing looks at a failed item again: its incomplete copy would stay in the mailbox.
      await remove(userId, messageId);
      throw final;
    }
  }

  async function remove(userId: string, messageId: string): Promise<void> {
    const call: Call = {
      doing: 'delete message',
      mailbox: userId,
      begun: true,
      retryNotFound: 'unlessNamed',
    };
    await graph.delete(messagePath(userId, messageId), call).catch((error: unknown) => {
      // A 404 that stays counts as gone, whatever its code: otherwise the delivery would try again and again.
      if (!isNotFound(error)) throw toPermanentError(error);
    });
  }

  return {
    enter: (userId) => graph.enter(userId),
    folder: async (userId, connector, options) => folders.folder(userId, connector, options),

    async create(userId, folderId, item, { signal, beforeStep = async () => undefined }) {
      const path = messagesPath(userId, folderId);
      const whole = {
        ...item.json,
        singleValueExtendedProperties: [...propertiesOf(item.json), markOf(item)],
      };
      const plan = planAttachments(Buffer.byteLength(JSON.stringify(whole)), item.attachments);
      if (plan.later.length > 0) return createInSteps({ userId, path }, item, plan, { signal, beforeStep });
      const call = { doing: 'create message', mailbox: userId, signal, begun: true };
      const messageId = await postMessage(path, whole, plan.inline, call);
      return messageId === undefined ? { kind: 'folderGone' } : { kind: 'created', messageId };
    },

    async find(userId, folderId, itemKey) {
      if (!/^[0-9a-f]+$/i.test(itemKey)) throw new Error('find message: an item key is hexadecimal');
      const query = {
        $filter: `singleValueExtendedProperties/Any(ep: ep/id eq '${propertyIds.itemKey}' and ep/value eq '${itemKey}')`,
        ...provenanceQuery,
      };
      try {
        const call: Call = { doing: 'find message', mailbox: userId, query, retryNotFound: 'unlessNamed' };
        return ((await graph.list(messagesPath(userId, folderId), call)) as Message[]).map(foundCopy);
      } catch (error) {
        // Any other 404 proves nothing: taken for "no copy", it would lead to a second one.
        if (isGone(error)) return [];
        throw toPermanentError(error);
      }
    },

    async look(userId, messageId) {
      const call: Call = {
        doing: 'read message',
        mailbox: userId,
        query: provenanceQuery,
        retryNotFound: 'unlessNamed',
      };
      try {
        return foundCopy((await graph.get(messagePath(userId, messageId), call)).json as Message);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw toPermanentError(error);
      }
    },

    async *inFolder(userId, folderId) {
      const query = { ...provenanceQuery, $top: messagesPerPage };
      const call: Call = { doing: 'list messages', mailbox: userId, query, retryNotFound: 'unlessNamed' };
      try {
        for await (const page of graph.pages(messagesPath(userId, folderId), call))
          yield* (page as Message[]).map(foundCopy);
      } catch (error) {
        if (isGone(error)) return;
        throw toPermanentError(error);
      }
    },

    remove,
  };
}

const messagesPerPage = '250';
const provenanceIds = [propertyIds.itemKey, propertyIds.complete, propertyIds.batch, propertyIds.position];
const provenanceQuery = {
  $select: 'id',
  $expand: `singleValueExtendedProperties($filter=${provenanceIds.map((id) => `id eq '${id}'`).join(' or ')})`,
};

const messagesPath = (userId: string, folderId: string) => `${folderPath(userId, folderId)}/messages`;

const markOf = ({ partial }: MailboxItem) => (partial ? partialMark : completeMark);

const propertiesOf = (json: Record<string, unknown>) =>
  (json['singleValueExtendedProperties'] ?? []) as ExtendedProperty[];

/** The message without its original header block, or undefined when it has none. */
function withoutTransportHeaders(json: Record<string, unknown>): Record<string, unknown> | undefined {
  const properties = propertiesOf(json);
  const kept = properties.filter(({ id }) => !transportHeaders.test(id.trim()));
  return kept.length === properties.length ? undefined : { ...json, singleValueExtendedProperties: kept };
}

function foundCopy(message: Message): ArchivedMessage {
  const batch = Number(propertyValue(message, propertyIds.batch) ?? Number.NaN);
  const position = Number(propertyValue(message, propertyIds.position) ?? Number.NaN);
  const itemKey = propertyValue(message, propertyIds.itemKey);
  return {
    messageId: message.id,
    ...(itemKey !== undefined && { itemKey }),
    complete: isComplete(message),
    ...(propertyValue(message, propertyIds.complete) === partialMark.value && { partial: true }),
    ...(Number.isInteger(batch) && { batch }),
    ...(Number.isInteger(position) && { position }),
  };
}
