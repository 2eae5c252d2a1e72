import type { Connector } from '../connectors';
import { PermanentError } from '../errors';
import { RefusedError, settled } from './failure';
import type { Graph } from './request.client';

/** Remembers each connector's folder per mailbox, so that one that its user renames or moves is found again. */
export interface FolderStore {
  get(connectorId: string, userId: string): Promise<string | undefined>;
  put(connectorId: string, userId: string, folderId: string): Promise<void>;
}

export interface Folders {
  /**
   * Id of the connector's folder in the mailbox, made when it is missing; undefined when the user has no usable
   * mailbox, and Graph says so. `refresh` passes over what is remembered in the process. Throws `PermanentError`
   * when the app may not enter the mailbox, or its root folders are refused for another reason, and what `Graph`
   * throws.
   */
  folder(
    userId: string,
    connector: Pick<Connector, 'id' | 'folder'>,
    options?: { refresh?: boolean },
  ): Promise<string | undefined>;
}

interface MailFolder {
  id: string;
  displayName?: string;
  parentFolderId?: string;
}

const minuteMs = 60_000;
const deepest = 50;

/**
 * `verifyMs`: for how long a folder is taken to be where it was. A folder that its user deletes still exists, in
 * Deleted Items, and would take further items there without a word.
 */
export function createFolders(
  graph: Graph,
  store: FolderStore,
  options: { now: () => number; verifyMs?: number },
): Folders {
  const { now, verifyMs = minuteMs } = options;
  const known = new Map<string, { folderId: string | undefined; untilAt: number }>();
  const pending = new Map<string, Promise<string | undefined>>();

  async function resolve(
    userId: string,
    connector: Pick<Connector, 'id' | 'folder'>,
  ): Promise<string | undefined> {
    const stored = await store.get(connector.id, userId);
    if (stored !== undefined && (await isInUse(graph, userId, stored))) return stored;
    const folderId =
      (await childNamed(graph, userId, connector.folder)) ?? (await create(graph, userId, connector.folder));
    await store.put(connector.id, userId, folderId);
    return folderId;
  }

  async function look(key: string, userId: string, connector: Pick<Connector, 'id' | 'folder'>) {
    const folderId = await resolve(userId, connector).catch((error: unknown) => {
      if (hasNoMailbox(error)) return undefined;
      throw refused(error);
    });
    known.set(key, { folderId, untilAt: now() + verifyMs });
    return folderId;
  }

  return {
    async folder(userId, connector, { refresh = false } = {}) {
      const key = `${connector.id} ${userId}`;
      const remembered = known.get(key);
      if (!refresh && remembered && now() < remembered.untilAt) return remembered.folderId;
      let found = pending.get(key);
      if (!found) {
        found = look(key, userId, connector).finally(() => pending.delete(key));
        pending.set(key, found);
      }
      return found;
    },
  };
}

const foldersOf = (userId: string) => `/users/${encodeURIComponent(userId)}/mailFolders`;

/** Only codes that say so: taken for "no mailbox", any other 404 would take the person's copies away in silence. */
const hasNoMailbox = (error: unknown) =>
  error instanceof RefusedError &&
  error.failure.kind === 'mailbox' &&
  error.failure.reason === 'mailboxUnavailable';

/** No item is part of these requests, and every mailbox has a root: what is refused there is the mailbox's fault. */
function refused(error: unknown): unknown {
  const { kind } = error instanceof RefusedError ? error.failure : { kind: undefined };
  if (kind !== 'item' && kind !== 'notFound') return settled(error);
  return new PermanentError('mailboxUnavailable', (error as Error).message, { cause: error });
}

/** Whether the folder exists and stands, at any depth, outside Deleted Items. */
async function isInUse(graph: Graph, userId: string, folderId: string): Promise<boolean> {
  const folder = await read(graph, userId, folderId);
  if (!folder) return false;
  const root = await read(graph, userId, 'msgfolderroot');
  const deleted = folder.parentFolderId === root?.id ? undefined : await read(graph, userId, 'deleteditems');
  let parentId = folder.parentFolderId;
  for (let depth = 0; deleted && parentId !== undefined && depth < deepest; depth += 1) {
    if (parentId === deleted.id) return false;
    if (parentId === root?.id) return true;
    parentId = (await read(graph, userId, parentId))?.parentFolderId;
  }
  return true;
}

async function read(graph: Graph, userId: string, folderId: string): Promise<MailFolder | undefined> {
  try {
    const { json } = await graph.get(`${foldersOf(userId)}/${encodeURIComponent(folderId)}`, {
      doing: 'read folder',
      mailbox: userId,
      query: { $select: 'id,displayName,parentFolderId' },
      doubtNotFound: 'unnamed',
    });
    return json as MailFolder;
  } catch (error) {
    if (error instanceof RefusedError && error.failure.kind === 'notFound') return undefined;
    throw error;
  }
}

/** Child of the mailbox's root with this name, hidden ones included; Exchange tells names apart regardless of case. */
async function childNamed(graph: Graph, userId: string, name: string): Promise<string | undefined> {
  const folders = (await graph.list(foldersOf(userId), {
    doing: 'list folders',
    mailbox: userId,
    query: { $select: 'id,displayName', $top: '100', includeHiddenFolders: 'true' },
    doubtNotFound: 'any',
  })) as MailFolder[];
  const same = (folder: MailFolder) => folder.displayName?.toLowerCase() === name.toLowerCase();
  return (folders.find((folder) => folder.displayName === name) ?? folders.find(same))?.id;
}

/** Makes the folder, or finds the one that another worker made at the same time. */
async function create(graph: Graph, userId: string, name: string): Promise<string> {
  try {
    const { json } = await graph.post(foldersOf(userId), {
      doing: 'create folder',
      mailbox: userId,
      body: { displayName: name },
      // A second one of the same name is refused, so a repeated request does no harm.
      repeatable: true,
      doubtNotFound: 'any',
    });
    return (json as MailFolder).id;
  } catch (error) {
    if (!(error instanceof RefusedError) || !error.codes.includes('ErrorFolderExists')) throw error;
    const existing = await childNamed(graph, userId, name);
    if (existing === undefined) throw error;
    return existing;
  }
}
