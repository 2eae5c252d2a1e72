import {
  manifestBlob,
  manifestBytes,
  sha256,
  storedManifest,
  type Manifest,
} from '../../shared/storage/manifest';
import { entryBytes, type AuditEntry } from '../../shared/storage/audit';
import type { AuditTrail } from '../../shared/storage/audit.client';
import type { Batches } from '../../shared/storage/batches.client';
import type { WorkQueue } from '../../shared/storage/queues.client';
import type { Condition, Rows, Stored } from '../../shared/storage/rows.client';
import { fixedRead, read, write } from './call-faults';
import type { Io, Process } from './scheduler';

/**
 * Models of Azure Storage: tables, the blob container, queues. A store holds the data and outlives every worker; a
 * model is the view that one invocation has of it.
 */

export interface RowStore {
  partitions: Map<string, Map<string, { json: string; etag: string }>>;
  version: number;
  onWrite?: (partition: string, row: string, json: string) => void;
}
export const createRowStore = (): RowStore => ({ partitions: new Map(), version: 0 });

export function rowsOf<T>(store: RowStore, partition: string): Stored<T>[] {
  const rows = [...(store.partitions.get(partition) ?? [])];
  return rows
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([row, { json, etag }]) => ({ row, value: JSON.parse(json) as T, etag }));
}

export function createRowsModel<T extends object>(table: string, store: RowStore, io: Io): Rows<T> {
  const rowsIn = (partition: string) => {
    let rows = store.partitions.get(partition);
    if (!rows) store.partitions.set(partition, (rows = new Map()));
    return rows;
  };
  const set = (partition: string, row: string, value: T) => {
    const etag = `W/"${++store.version}"`;
    const json = JSON.stringify(value);
    rowsIn(partition).set(row, { json, etag });
    store.onWrite?.(partition, row, json);
    return etag;
  };
  const operation = (name: string, partition: string, row: string, faults: typeof read | typeof write) => ({
    name: `${table}.${name}`,
    key: `${partition} ${row}`,
    faults,
  });
  return {
    insert: (partition, row, value) =>
      io(operation('insert', partition, row, write), () =>
        rowsIn(partition).has(row) ? undefined : set(partition, row, value),
      ),
    get: (partition, row) =>
      io(operation('get', partition, row, read), () => {
        const found = rowsIn(partition).get(row);
        return found && { row, value: JSON.parse(found.json) as T, etag: found.etag };
      }),
    replace: (partition, row, value, etag) =>
      io(operation('replace', partition, row, write), () =>
        rowsIn(partition).get(row)?.etag === etag ? set(partition, row, value) : undefined,
      ),
    put: (partition, row, value) =>
      io(operation('put', partition, row, write), () => void set(partition, row, value)),
    remove: (partition, row) =>
      io(operation('remove', partition, row, write), () => void rowsIn(partition).delete(row)),
    async *list(partition) {
      yield* await io(operation('list', partition, '', read), () => rowsOf<T>(store, partition));
    },
    async *search(conditions) {
      const keys = [...store.partitions.keys()].sort();
      const found = await io(operation('search', '', '', read), () =>
        keys.flatMap((partition) => rowsOf<T>(store, partition).map((row) => ({ ...row, partition }))),
      );
      for (const one of found) {
        const columns: Record<string, unknown> = {
          ...one.value,
          PartitionKey: one.partition,
          RowKey: one.row,
        };
        if (conditions.every((condition) => isMet(condition, columns[condition.column]))) yield one;
      }
    },
  };
}

/** The service compares values of the same type only. */
function isMet({ is, value }: Condition, found: unknown): boolean {
  if (typeof found !== typeof value) return false;
  if (is === 'eq') return found === value;
  return is === 'ge' ? found! >= value : found! <= value;
}

export interface BlobStore {
  blobs: Map<string, Buffer>;
  /** A page that is read without its first line. */
  damagedPage?: string | undefined;
  /** Called with every new manifest, as Event Grid would be. */
  onManifest?: (bytes: Buffer) => void;
}

export function createBatchesModel(store: BlobStore, io: Io): Batches {
  const { blobs } = store;
  const need = (blob: string) => {
    const bytes = blobs.get(blob);
    if (!bytes) throw new Error('404 BlobNotFound');
    return bytes;
  };
  return {
    async writePage(blob, content) {
      const parts: Buffer[] = [];
      for await (const chunk of content) parts.push(chunk);
      await io({ name: 'batches.writePage', key: blob, faults: write }, () => {
        if (blobs.has(blob)) throw new Error('409 BlobAlreadyExists');
        blobs.set(blob, Buffer.concat(parts));
      });
    },
    commit(value) {
      const blob = manifestBlob(value.connector, value.number);
      return io({ name: 'batches.commit', key: blob, faults: write }, () => {
        const bytes = manifestBytes(value);
        const taken = blobs.get(blob);
        if (taken) return taken.equals(bytes);
        blobs.set(blob, bytes);
        store.onManifest?.(bytes);
        return true;
      });
    },
    read(connector, number) {
      const blob = manifestBlob(connector, number);
      return io({ name: 'batches.read', key: blob, faults: read }, () => {
        const bytes = blobs.get(blob);
        return bytes && storedManifest(bytes);
      });
    },
    head: (connector, from) =>
      io({ name: 'batches.head', key: connector, faults: read }, () => {
        let number = from;
        while (blobs.has(manifestBlob(connector, number + 1))) number++;
        return number;
      }),
    async *list(prefix) {
      yield* await io({ name: 'batches.list', key: prefix, faults: read }, () =>
        [...blobs.keys()].filter((name) => name.startsWith(prefix)).sort(),
      );
    },
    readBlob: (blob) => io({ name: 'batches.readBlob', key: blob, faults: read }, () => blobs.get(blob)),
    async streamPage(blob) {
      const bytes = await io(
        { name: 'batches.streamPage', key: blob, faults: [...fixedRead, 'damaged'] },
        (fault) => {
          const whole = need(blob);
          return fault === 'damaged' || blob === store.damagedPage
            ? whole.subarray(whole.indexOf(0x0a) + 1)
            : whole;
        },
      );
      return (async function* () {
        // Two chunks, so that the cut falls within a line.
        const half = Math.ceil(bytes.length / 2);
        yield bytes.subarray(0, half);
        if (half < bytes.length) yield await Promise.resolve(bytes.subarray(half));
      })();
    },
    async *streamRange(blob, offset, length) {
      yield await io({ name: 'batches.streamRange', key: blob, faults: fixedRead }, () =>
        need(blob).subarray(offset, offset + length),
      );
    },
    async readRange(blob, offset, length) {
      if (length === 0) return Buffer.alloc(0);
      return io({ name: 'batches.readRange', key: blob, faults: fixedRead }, () => {
        const bytes = need(blob).subarray(offset, offset + length);
        if (bytes.length !== length)
          throw new Error(`A page holds ${bytes.length} of ${length} bytes of an item`);
        return bytes;
      });
    },
  };
}

/** The audit trail; the links between its entries are the concern of its own tests. */
export function createAuditModel(trail: AuditEntry[], io: Io): AuditTrail {
  const stored = (number: number) => {
    const entry = trail[number - 1];
    return entry && { entry, sha256: sha256(entryBytes(entry)) };
  };
  return {
    append: (who, what, at) =>
      io({ name: 'audit.append', key: what.act, faults: write }, () => {
        const number = trail.length + 1;
        const id = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
        trail.push({ v: 1, number, previousSha256: stored(trail.length)?.sha256 ?? null, id, at, who, what });
        return number;
      }),
    read: (number) => io({ name: 'audit.read', key: String(number), faults: read }, () => stored(number)),
    readBytes: (number) =>
      io({ name: 'audit.readBytes', key: String(number), faults: read }, () => {
        const entry = trail[number - 1];
        return entry && entryBytes(entry);
      }),
    async *list() {
      yield* await io({ name: 'audit.list', key: '', faults: read }, () => trail.map(({ number }) => number));
    },
    head: () => io({ name: 'audit.head', key: '', faults: read }, () => trail.length),
    keepMapping: (connector) =>
      io({ name: 'audit.keepMapping', key: connector, faults: write }, () => undefined),
    readMapping: () => Promise.resolve(undefined),
  };
}

/** The manifests of a connector, in the order of their numbers. */
export function chainOf(
  store: BlobStore,
  connector: Manifest['connector'],
): { value: Manifest; sha256: string }[] {
  const chain: { value: Manifest; sha256: string }[] = [];
  for (let number = 1; ; number++) {
    const bytes = store.blobs.get(manifestBlob(connector, number));
    if (!bytes) return chain;
    chain.push({ value: JSON.parse(bytes.toString()) as Manifest, sha256: sha256(bytes) });
  }
}

export interface QueueMessage<T> {
  id: number;
  body: T;
  visibleAtMs: number;
  dequeueCount: number;
  popReceipt: number;
  /** The worker that handles it, and extends its invisibility for as long as it lives. */
  holder?: Process | undefined;
}

/** Visibility, pop receipts and dequeue counts. */
export interface QueueModel<T> {
  messages: QueueMessage<T>[];
  send(body: T, delayMs?: number): void;
  /** Hides the message that has been visible longest, and returns it; undefined if no message is visible. */
  receive(visibilityMs: number, holder?: Process): QueueMessage<T> | undefined;
  /** False if the receipt is outdated: another worker has received the message since. */
  delete(id: number, popReceipt: number): boolean;
  /** Makes the message visible after a time. Returns the new receipt, or undefined if the old one is outdated. */
  update(id: number, popReceipt: number, visibilityMs: number): number | undefined;
  /** The worker no longer extends the invisibility: an undeleted message becomes visible when its time is over. */
  stopHolding(id: number, popReceipt: number): void;
  /** When the next hidden message becomes visible. */
  nextVisibleMs(): number;
}

export function createQueueModel<T>(now: () => number): QueueModel<T> {
  const messages: QueueMessage<T>[] = [];
  let ids = 0;
  let receipts = 0;
  const isHeld = ({ holder }: QueueMessage<T>) =>
    holder !== undefined && holder.alive && holder.frozenUntilMs <= now();
  const find = (id: number, popReceipt: number) =>
    messages.find((one) => one.id === id && one.popReceipt === popReceipt);
  return {
    messages,
    send(body, delayMs = 0) {
      // The service takes whole seconds, and text only.
      const visibleAtMs = now() + Math.ceil(delayMs / 1000) * 1000;
      const copy = JSON.parse(JSON.stringify(body)) as T;
      messages.push({ id: ++ids, body: copy, visibleAtMs, dequeueCount: 0, popReceipt: ++receipts });
    },
    receive(visibilityMs, holder) {
      const visible = messages.filter((one) => one.visibleAtMs <= now() && !isHeld(one));
      const first = visible.sort((a, b) => a.visibleAtMs - b.visibleAtMs || a.id - b.id)[0];
      if (!first) return undefined;
      first.visibleAtMs = now() + visibilityMs;
      first.dequeueCount++;
      first.popReceipt = ++receipts;
      first.holder = holder;
      return { ...first };
    },
    delete(id, popReceipt) {
      const found = find(id, popReceipt);
      if (found) messages.splice(messages.indexOf(found), 1);
      return found !== undefined;
    },
    update(id, popReceipt, visibilityMs) {
      const found = find(id, popReceipt);
      if (!found) return undefined;
      found.visibleAtMs = now() + visibilityMs;
      found.popReceipt = ++receipts;
      found.holder = undefined;
      return found.popReceipt;
    },
    stopHolding(id, popReceipt) {
      const found = find(id, popReceipt);
      if (found) found.holder = undefined;
    },
    nextVisibleMs: () =>
      messages.reduce(
        (next, one) => (isHeld(one) || one.visibleAtMs <= now() ? next : Math.min(next, one.visibleAtMs)),
        Number.POSITIVE_INFINITY,
      ),
  };
}

export const createWorkQueueModel = <T extends { position: number }>(
  name: string,
  queue: QueueModel<T>,
  io: Io,
): WorkQueue<T> => ({
  send: (message, { delayMs = 0 } = {}) =>
    io({ name: `${name}.send`, key: String(message.position), faults: write }, () =>
      queue.send(message, delayMs),
    ),
  depth: () => io({ name: `${name}.depth`, key: '', faults: read }, () => queue.messages.length),
});
