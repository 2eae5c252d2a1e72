import { createByteBudget } from '../../shared/byte-budget';
import { loadConfig } from '../../shared/config';
import type { Deps } from '../../shared/deps';
import { eventLine } from '../../shared/events';
import { createDirectory } from '../../shared/graph/directory.client';
import { createFolders, type FolderRow, type FolderRows } from '../../shared/graph/folder.client';
import { createMailboxes } from '../../shared/graph/mailboxes.client';
import { createGraph } from '../../shared/graph/request.client';
import type { Outgoing, Received, Transport } from '../../shared/graph/transport.client';
import type { ItemPointer } from '../../shared/item';
import { createNumbers } from '../../shared/participants/phone';
import { importItem } from '../../shared/pipeline/import-item';
import { orPutOff } from '../../shared/pipeline/put-off';
import { readLine } from '../../shared/reading/read-line';
import { chatLine, domain, userIdOf } from './lines';

/**
 * The import of many items in virtual time: the real stage, gate, directory and request code of any number of instances,
 * over stores and an Exchange in memory that do nothing but take their time and keep Exchange's limits.
 */

export interface Plan {
  items: number;
  /** The mailbox of each item. */
  mailboxOf: (item: number) => number;
  instances: number;
  /** Items in flight per instance. */
  slots: number;
  graphMs: number;
  storageMs: number;
  /** Every so many-th request is answered with 429 and `Retry-After: 1`; none if absent. */
  throttleEvery?: number;
}

export interface Simulated {
  /** Virtual time until the last item had an outcome (ms). */
  tookMs: number;
  /** When each item had its outcome (ms). */
  endedAt: Float64Array;
  graphRequests: number;
  /** Requests that Exchange refused because of one of its limits, or because the plan says so. */
  refused: number;
  storageOperations: number;
  putOffs: number;
  loggedBytes: number;
  /** Messages per mailbox and item beyond the first. */
  duplicates: number;
  failed: number;
}

/** Time that passes when nothing else can happen. */
function createVirtualTime() {
  let nowMs = 0;
  const heap: { atMs: number; wake: () => void }[] = [];
  const swap = (a: number, b: number) => ([heap[a], heap[b]] = [heap[b]!, heap[a]!]);
  const push = (one: { atMs: number; wake: () => void }) => {
    heap.push(one);
    for (let at = heap.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= heap[at]!.atMs) break;
      swap(at, parent);
      at = parent;
    }
  };
  const pop = () => {
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < heap.length && heap[left]!.atMs < heap[least]!.atMs) least = left;
      if (right < heap.length && heap[right]!.atMs < heap[least]!.atMs) least = right;
      if (least === at) return first;
      swap(at, least);
      at = least;
    }
  };
  return {
    now: () => nowMs,
    sleep: (ms: number) => new Promise<void>((wake) => push({ atMs: nowMs + ms, wake })),
    async runUntil(isDone: () => boolean): Promise<void> {
      for (let turns = 0; !isDone(); turns++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (isDone()) return;
        // The app itself may wait for a turn of the event loop.
        if (heap.length === 0 && turns < 100) continue;
        if (heap.length === 0) throw new Error('Nothing can happen any more');
        turns = 0;
        nowMs = Math.max(nowMs, heap[0]!.atMs);
        while (heap.length > 0 && heap[0]!.atMs <= nowMs) pop().wake();
      }
    },
  };
}

const settings = {
  ArchiveStorage: 'simulated',
  TELEMESSAGE_BASE_URL: 'http://127.0.0.1',
  GRAPH_BASE_URL: 'http://127.0.0.1',
  KEY_VAULT_URL: 'http://127.0.0.1',
};
/** 10,000 requests in ten minutes, and four at a time. */
const mailboxInFlight = 4;
const startMs = Date.parse('2026-11-21T00:05:00Z');

export async function simulate(plan: Plan): Promise<Simulated> {
  const time = createVirtualTime();
  const now = () => startMs + time.now();
  const result: Simulated = {
    tookMs: 0,
    endedAt: new Float64Array(plan.items).fill(-1),
    ...{ graphRequests: 0, refused: 0, storageOperations: 0, putOffs: 0, loggedBytes: 0 },
    ...{ duplicates: 0, failed: 0 },
  };
  let ended = 0;

  const inFlight = new Map<string, number>();
  const coolUntil = new Map<string, number>();
  const created = new Uint8Array(plan.items);
  let etags = 0;
  const answered = (status: number, json: unknown, headers = {}): Received => ({
    answered: true,
    answer: {
      status,
      codes: status === 429 ? ['ApplicationThrottled'] : [],
      message: status === 429 ? 'Application is over its MailboxConcurrency limit.' : '',
      retryAfter: status === 429 ? '1' : null,
      requestId: '',
    },
    headers: new Headers(headers),
    json,
  });
  async function exchange({ method, path, body }: Outgoing): Promise<Received> {
    result.graphRequests++;
    const mailbox = /^\/users\/([^/?]+)\/(.*)$/.exec(path);
    const user = mailbox?.[1] ?? '';
    const isThrottled = plan.throttleEvery !== undefined && result.graphRequests % plan.throttleEvery === 0;
    const running = inFlight.get(user) ?? 0;
    if (mailbox && (isThrottled || running >= mailboxInFlight || (coolUntil.get(user) ?? 0) > time.now())) {
      result.refused++;
      if (isThrottled) coolUntil.set(user, time.now() + 1000);
      await time.sleep(plan.graphMs / 10);
      return answered(429, undefined);
    }
    inFlight.set(user, running + 1);
    await time.sleep(plan.graphMs);
    inFlight.set(user, inFlight.get(user)! - 1);
    if (path.startsWith('/organization'))
      return answered(200, { value: [{ verifiedDomains: [{ name: domain }] }] });
    if (path.startsWith('/users?')) {
      const numbers = new Set(
        [...decodeURIComponent(path).matchAll(/user(\d+)@/g)].map(([, number]) => Number(number)),
      );
      const users = [...numbers].map((number) => ({
        id: userIdOf(number),
        mail: `user${number}@${domain}`,
        userPrincipalName: `user${number}@${domain}`,
        proxyAddresses: [`SMTP:user${number}@${domain}`],
      }));
      return answered(200, { value: users });
    }
    if (method === 'GET' && /mailFolders\?/.test(path)) return answered(200, { value: [] });
    if (method === 'POST' && mailbox?.[2]?.endsWith('mailFolders'))
      return answered(201, { id: `folder-${user}` });
    if (path.includes('/msgfolderroot')) return answered(200, { id: 'root' });
    if (method === 'GET') return answered(200, { id: `folder-${user}`, parentFolderId: 'root' });
    const item = Number(/Message (\d+): /.exec(String(body))?.[1]);
    if (created[item]) result.duplicates++;
    created[item] = 1;
    return answered(201, { id: `message-${item}` });
  }
  const transport: Transport = {
    send: (request) => exchange(request),
    upload: () => Promise.reject(new Error('No file is that large here')),
    uploadState: () => Promise.reject(new Error('No file is that large here')),
  };

  const operation = async <T>(value: T): Promise<T> => {
    result.storageOperations++;
    await time.sleep(plan.storageMs);
    return value;
  };
  /** Rows are not kept, except of items that were put off: nothing reads them again. */
  const begun = new Map<string, { row: string; value: object; etag: string }>();
  const etag = () => `"${++etags}"`;
  const rowsOf = (table: string) => ({
    async insert(partition: string, row: string, value: object) {
      const key = `${table} ${partition} ${row}`;
      const written = { row, value, etag: etag() };
      const isThere = begun.has(key);
      if (!isThere) begun.set(key, written);
      return operation(isThere ? undefined : written.etag);
    },
    async get(partition: string, row: string) {
      return operation(begun.get(`${table} ${partition} ${row}`));
    },
    async replace(partition: string, row: string, value: { kind?: string; state?: string }) {
      const key = `${table} ${partition} ${row}`;
      const written = { row, value, etag: etag() };
      const isOver =
        (table === 'outcomes' && value.kind !== 'begun') || (table === 'ledger' && value.state === 'done');
      if (isOver) begun.delete(key);
      else begun.set(key, written);
      if (table === 'outcomes' && isOver) {
        result.endedAt[Number(row)] = time.now();
        if (value.kind !== 'delivered') result.failed++;
        ended++;
      }
      return operation(written.etag);
    },
    async put() {
      await operation(undefined);
    },
    async *list() {
      await operation(undefined);
      yield* [];
    },
    async remove() {
      await operation(undefined);
    },
  });

  /** Every mailbox has its folder from the day before. */
  const folderOf = new Map<string, FolderRow>();
  const folderRows: FolderRows = {
    get: (_, user) => operation({ value: folderOf.get(user) ?? { folderId: `folder-${user}` } }),
    put: async (_, user, value) => {
      folderOf.set(user, value);
      await operation(undefined);
    },
    async *list() {
      await operation(undefined);
      yield* [];
    },
  };

  /** The queue: what is visible, and what becomes visible later. */
  const visible: ItemPointer[] = [];
  let unseen = 0;
  let waiting: (() => void)[] = [];
  const wakeAll = () => {
    const all = waiting;
    waiting = [];
    all.forEach((wake) => wake());
  };
  const pointerTo = (position: number): ItemPointer => ({
    ...{ v: 1, connector: 'whatsapp', batch: 1, position, blob: 'page', offset: position, length: 900 },
  });
  const importQueue = {
    async send(pointer: ItemPointer, { delayMs = 0 } = {}) {
      result.putOffs++;
      await operation(undefined);
      void time.sleep(Math.ceil(delayMs / 1000) * 1000).then(() => {
        visible.push(pointer);
        wakeAll();
      });
    },
    depth: () => operation(0),
  };
  const next = async (): Promise<ItemPointer | undefined> => {
    for (;;) {
      const back = visible.shift();
      if (back) return back;
      if (unseen < plan.items) return pointerTo(unseen++);
      if (ended === plan.items) return undefined;
      await new Promise<void>((wake) => waiting.push(wake));
    }
  };

  const config = loadConfig(settings);
  const numbers = createNumbers(undefined);
  const instance = (): Deps => {
    let state = 1;
    const random = () => ((state = (state * 16_807) % 2_147_483_647) - 1) / 2_147_483_646;
    const clock = { now, random, sleep: (ms: number) => time.sleep(ms) };
    const graph = createGraph({
      transport,
      audience: 'https://graph.microsoft.com',
      credential: { getToken: () => Promise.resolve({ token: 't', expiresOnTimestamp: now() + 864e5 }) },
      timeoutMs: 60_000,
      clock: {
        ...clock,
        sleep: (ms, signal) => (signal && ms >= 60_000 ? new Promise(() => undefined) : time.sleep(ms)),
      },
    });
    const folders = createFolders(graph, folderRows, { now });
    return {
      config,
      now,
      random,
      newId: () => 'owner',
      emit: (name: never, fields: never) => void (result.loggedBytes += eventLine(name, fields).length),
      directory: createDirectory(graph, { cacheMs: 15 * 60_000, missCacheMs: 5 * 60_000, now }),
      mailboxes: createMailboxes(graph, folders),
      batches: {
        readRange: async (_blob: string, position: number) =>
          operation(chatLine(position, plan.mailboxOf(position), { outsider: position % 500 })),
      },
      itemReader: {
        read: (line: Uint8Array, connector: 'whatsapp') =>
          Promise.resolve(readLine(line as Buffer, connector, numbers)),
      },
      outcomes: rowsOf('outcomes'),
      quarantine: rowsOf('quarantine'),
      quarantineEntries: rowsOf('quarantine'),
      ledger: rowsOf('ledger'),
      tails: rowsOf('tails'),
      runs: { noteTrouble: () => Promise.resolve() },
      importQueue,
      memory: createByteBudget(config.import.memoryBytes),
    } as unknown as Deps;
  };

  const work = async (deps: Deps): Promise<void> => {
    for (let pointer = await next(); pointer; pointer = await next()) {
      const own = pointer;
      await orPutOff(deps, own, () => importItem(deps, own));
      if (ended === plan.items) wakeAll();
    }
  };
  const workers = Array.from({ length: plan.instances }, () => instance()).flatMap((deps) =>
    Array.from({ length: plan.slots }, () => work(deps)),
  );
  let isOver = false;
  let failure: unknown;
  void Promise.all(workers).then(
    () => (isOver = true),
    (error: unknown) => {
      failure = error;
      isOver = true;
    },
  );
  await time.runUntil(() => isOver);
  if (failure) throw failure;
  result.tookMs = result.endedAt.reduce((most, at) => Math.max(most, at), 0);
  return result;
}

/** The least time in which the items can be imported: latency and Exchange's limits leave no other way (ms). */
export function leastMs({ items, mailboxOf, instances, slots, graphMs }: Plan): number {
  const perMailbox = new Map<number, number>();
  for (let item = 0; item < items; item++)
    perMailbox.set(mailboxOf(item), (perMailbox.get(mailboxOf(item)) ?? 0) + 1);
  const hottest = Math.max(...perMailbox.values());
  return Math.max((items * graphMs) / (instances * slots), (hottest * graphMs) / mailboxInFlight);
}
