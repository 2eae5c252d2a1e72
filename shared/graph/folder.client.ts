import type { Connector } from '../connectors';
import { createLookUps, type LookUps } from '../look-ups';
import { hasNoMailbox, isNotFound, RefusedError, toFolderError } from './failure';
import { folderPath, foldersPath } from './paths';
import type { Graph } from './request.client';

/** The table of each connector's folder per mailbox, so that a folder that its user renames or moves is found again. */
export interface FolderRow {
  folderId: string;
  /** When an instance last found it in use, ISO-8601 UTC: the others need not look as well. */
  checkedAt?: string;
}

export interface FolderRows {
  get(connectorId: string, userId: string): Promise<{ value: FolderRow } | undefined>;
  put(connectorId: string, userId: string, value: FolderRow): Promise<void>;
  /** The rows of a connector. */
  list(connectorId: string): AsyncIterable<{ row: string }>;
}

export interface Folders {
  /**
   * Id of the connector's folder in the mailbox, which is created if it is missing; undefined when Graph says that the
   * user has no usable mailbox. `refresh` ignores what this process remembers. Throws `PermanentError` when the mailbox
   * refuses the app or does not show its root folders, and what `Graph` throws.
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
const rootCacheMs = 60 * minuteMs;
const maxDepth = 50;

/**
 * The connectors' folders in all mailboxes. A folder is looked for again after `verifyMs`: one that its user deletes
 * still exists, in Deleted Items, and would silently take further items there.
 */
export function createFolders(
  graph: Graph,
  rows: FolderRows,
  options: { now: () => number; verifyMs?: number },
): Folders {
  const { now, verifyMs = minuteMs } = options;

  async function storedOrCreated(connectorId: string, name: string, userId: string): Promise<string> {
    const stored = (await rows.get(connectorId, userId))?.value;
    const isDoubted = doubted.delete(JSON.stringify([connectorId, name, userId] satisfies Key));
    const ageMs = Math.abs(now() - Date.parse(stored?.checkedAt ?? ''));
    // Half of it, because this process remembers the answer for the whole of it.
    if (stored && ageMs < verifyMs / 2 && !isDoubted) return stored.folderId;
    const checkedAt = new Date(now()).toISOString();
    const isKnown = stored !== undefined && (await isInUse(graph, userId, stored.folderId, roots));
    const folderId = isKnown ? stored.folderId : await findOrCreate(graph, userId, name);
    await rows.put(connectorId, userId, { folderId, checkedAt });
    return folderId;
  }

  /** Folders that a request did not find, whatever an instance has found before. */
  const doubted = new Set<string>();

  /** Asked for once an hour: a mailbox that was deleted and created again has another root. */
  const roots = createLookUps(async (userId: string) => (await read(graph, userId, 'msgfolderroot'))?.id, {
    freshForMs: () => rootCacheMs,
    now,
  });

  /** Keys are texts, because objects with the same content are different keys. */
  type Key = [connectorId: string, name: string, userId: string];
  const folders = createLookUps(
    async (key: string) => unlessNoMailbox(storedOrCreated(...(JSON.parse(key) as Key))),
    { freshForMs: () => verifyMs, now },
  );

  return {
    async folder(userId, { id, folder: name }, { refresh = false } = {}) {
      const key = JSON.stringify([id, name, userId] satisfies Key);
      if (!refresh) return folders.find(key, 0);
      doubted.add(key);
      return folders.refresh(key);
    },
  };
}

/**
 * Id of the folder with this name below the mailbox's root, which is created if it is missing. Returns undefined and
 * throws as `Folders` does.
 */
export const ensureFolder = (graph: Graph, userId: string, name: string): Promise<string | undefined> =>
  unlessNoMailbox(findOrCreate(graph, userId, name));

async function unlessNoMailbox<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (hasNoMailbox(error)) return undefined;
    throw toFolderError(error);
  }
}

/** Whether the folder exists and is, at any depth, outside Deleted Items. */
async function isInUse(
  graph: Graph,
  userId: string,
  folderId: string,
  roots: LookUps<string, string | undefined>,
): Promise<boolean> {
  const folder = await read(graph, userId, folderId);
  if (!folder) return false;
  const root = await roots.find(userId, 0);
  const deleted = folder.parentFolderId === root ? undefined : await read(graph, userId, 'deleteditems');
  let parentId = folder.parentFolderId;
  for (let depth = 0; deleted && parentId !== undefined && depth < maxDepth; depth += 1) {
    if (parentId === deleted.id) return false;
    if (parentId === root) return true;
    parentId = (await read(graph, userId, parentId))?.parentFolderId;
  }
  return true;
}

async function read(graph: Graph, userId: string, folderId: string): Promise<MailFolder | undefined> {
  try {
    const { json } = await graph.get(folderPath(userId, folderId), {
      doing: 'read folder',
      mailbox: userId,
      query: { $select: 'id,displayName,parentFolderId' },
      retryNotFound: 'unlessNamed',
    });
    return json as MailFolder;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const findOrCreate = async (graph: Graph, userId: string, name: string): Promise<string> =>
  (await childNamed(graph, userId, name)) ?? (await create(graph, userId, name));

/** The root's child with this name, hidden ones included. Exchange ignores case when it compares names. */
async function childNamed(graph: Graph, userId: string, name: string): Promise<string | undefined> {
  const folders = (await graph.list(foldersPath(userId), {
    doing: 'list folders',
    mailbox: userId,
    query: { $select: 'id,displayName', $top: '100', includeHiddenFolders: 'true' },
    retryNotFound: 'always',
  })) as MailFolder[];
  const same = (folder: MailFolder) => folder.displayName?.toLowerCase() === name.toLowerCase();
  return (folders.find((folder) => folder.displayName === name) ?? folders.find(same))?.id;
}

/** Creates the folder, or finds the one that another worker created at the same time. */
async function create(graph: Graph, userId: string, name: string): Promise<string> {
  try {
    const { json } = await graph.post(foldersPath(userId), {
      doing: 'create folder',
      mailbox: userId,
      body: { displayName: name },
      // Exchange refuses a second folder of the same name, so a repeated request does no harm.
      repeatable: true,
      retryNotFound: 'always',
    });
    return (json as MailFolder).id;
  } catch (error) {
    if (!(error instanceof RefusedError) || !error.codes.includes('ErrorFolderExists')) throw error;
    const existing = await childNamed(graph, userId, name);
    if (existing === undefined) throw error;
    return existing;
  }
}
