import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../../verification/explore/call-faults';
import {
  createDirectoryModel,
  createMailboxesModel,
  createTenant,
} from '../../verification/explore/exchange-model';
import { createScheduler, type Io } from '../../verification/explore/scheduler';
import {
  createBatchesModel,
  createQueueModel,
  createRowsModel,
  createRowStore,
} from '../../verification/explore/storage-model';
import { createTeleMessageModel } from '../../verification/explore/telemessage-model';
import { startTeleMessage, type TeleMessage as Simulator } from '../../simulators/telemessage/server';
import { connectors } from '../../shared/connectors';
import { PermanentError, PutOffError } from '../../shared/errors';
import type { Directory } from '../../shared/graph/directory.client';
import { createDirectory } from '../../shared/graph/directory.client';
import { UncertainError } from '../../shared/graph/failure';
import type { Mailboxes } from '../../shared/graph/mailboxes.client';
import { containers, queues, tables } from '../../shared/names';
import { createBatches, type Batches } from '../../shared/storage/batches.client';
import { createRows, type Rows } from '../../shared/storage/rows.client';
import { createTeleMessage, type PageRequest, type TeleMessage } from '../../shared/telemessage/client';
import { bytes, connector, file, item, openTenant, sha256, signal, user } from '../support/graph-tenant';
import { manifest } from '../support/manifest';
import { useStore } from '../support/store';

/**
 * A model that differs from the service it stands for would make the explorer's result worthless. So one test checks
 * each promise that the pipeline relies on, against the model and against the real protocol.
 */

const { account } = useStore();

/** Runs operations without delay; `inject` sets a fault for the next operation that can have it. */
function modelIo(): { io: Io; inject: (fault: Fault) => void } {
  let next: Fault | undefined;
  const scheduler = createScheduler({
    startMs: 0,
    times: { stallMs: 0, freezeMs: 0, lateMs: 0, slowMs: 0, tardyMs: 0 },
    onCrash: () => undefined,
    choose: ({ faults }) => {
      const fault = next && faults.includes(next) ? next : undefined;
      if (fault) next = undefined;
      return fault;
    },
  });
  const io = scheduler.io({ name: 'test', alive: true, frozenUntilMs: 0, aheadMs: 0 }, 'test');
  return {
    io: (operation, effect) => {
      const result = io(operation, effect);
      setImmediate(() => scheduler.step());
      return result;
    },
    inject: (fault) => (next = fault),
  };
}

const collect = async <T>(values: AsyncIterable<T>) => {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
};
async function* chunks(...parts: string[]) {
  for (const part of parts) yield await Promise.resolve(Buffer.from(part));
}

type Row = Record<string, unknown>;
describe.each<[string, () => Rows<Row>]>([
  ['the model', () => createRowsModel<Row>('outcomes', createRowStore(), modelIo().io)],
  ['Azurite', () => createRows<Row>(account.table(tables.outcomes))],
])('rows of %s', (_name, open) => {
  it('are inserted only if their key is free', async () => {
    const [rows, partition] = [open(), randomUUID()];
    expect(await rows.get(partition, 'a')).toBeUndefined();
    const etag = await rows.insert(partition, 'a', { n: 1 });
    expect(await rows.insert(partition, 'a', { n: 2 })).toBeUndefined();
    expect(await rows.get(partition, 'a')).toEqual({ row: 'a', value: { n: 1 }, etag });
  });

  it('are replaced as a whole, and only under the etag of their last change', async () => {
    const [rows, partition] = [open(), randomUUID()];
    const first = await rows.insert(partition, 'a', { n: 1, gone: true });
    const second = await rows.replace(partition, 'a', { n: 2 }, first!);
    expect(second).not.toBe(first);
    expect(await rows.replace(partition, 'a', { n: 3 }, first!)).toBeUndefined();
    await rows.put(partition, 'a', { n: 4 });
    expect(await rows.replace(partition, 'a', { n: 5 }, second!)).toBeUndefined();
    expect((await rows.get(partition, 'a'))?.value).toEqual({ n: 4 });
    const third = (await rows.get(partition, 'a'))!.etag;
    await rows.remove(partition, 'a');
    expect(await rows.replace(partition, 'a', { n: 6 }, third)).toBeUndefined();
    await expect(rows.remove(partition, 'a')).resolves.toBeUndefined();
  });

  it('are listed in the order of their keys, as they were written, without undefined fields', async () => {
    const [rows, partition] = [open(), randomUUID()];
    const value = { text: '微信', list: [{ userId: 'a', end: 'imported' }], flag: false, none: undefined };
    for (const row of ['0000000010', '0000000002']) await rows.put(partition, row, { ...value, row: 1 });
    const found = await collect(rows.list(partition));
    expect(found.map(({ row }) => row)).toEqual(['0000000002', '0000000010']);
    expect(found[0]!.value).toEqual({
      text: '微信',
      list: [{ userId: 'a', end: 'imported' }],
      flag: false,
      row: 1,
    });
    expect(await collect(rows.list(randomUUID()))).toEqual([]);
  });
});

describe.each<[string, () => Batches]>([
  ['the model', () => createBatchesModel({ blobs: new Map() }, modelIo().io)],
  ['Azurite', () => createBatches(account.container(containers.batches))],
])('batches of %s', (_name, open) => {
  it('write a page only once, and nothing of a page whose transfer breaks off', async () => {
    const [batches, blob] = [open(), `pages/${randomUUID()}`];
    async function* broken() {
      yield await Promise.resolve(Buffer.from('half'));
      throw new Error('the transfer broke off');
    }
    await expect(batches.writePage(blob, broken())).rejects.toThrow('broke off');
    await expect(batches.readRange(blob, 0, 1)).rejects.toThrow();
    await batches.writePage(blob, chunks('one\n', 'two\n'));
    await expect(batches.writePage(blob, chunks('three\n'))).rejects.toThrow();
    expect(Buffer.concat(await collect(await batches.streamPage(blob))).toString()).toBe('one\ntwo\n');
    expect((await batches.readRange(blob, 4, 3)).toString()).toBe('two');
    await expect(batches.readRange(blob, 4, 30)).rejects.toThrow();
    await expect(batches.streamPage(`pages/${randomUUID()}`)).rejects.toThrow();
  });

  it('give a number of the chain to only one manifest', async () => {
    const batches = open();
    const from = await batches.head('wechat', 0);
    expect(await batches.commit(manifest(from + 1))).toBe(true);
    expect(await batches.commit(manifest(from + 1, { items: 1 }))).toBe(false);
    expect(await batches.commit(manifest(from + 1))).toBe(true);
    expect(await batches.head('wechat', from)).toBe(from + 1);
    expect((await batches.read('wechat', from + 1))?.manifest).toEqual(manifest(from + 1));
    expect(await batches.read('wechat', from + 2)).toBeUndefined();
  });
});

interface Message {
  id: string;
  receipt: string;
  dequeueCount: number;
}
interface Queue {
  send(delayMs: number): Promise<void>;
  receive(visibilityMs: number): Promise<Message | undefined>;
  delete(message: Message): Promise<boolean>;
  update(message: Message, visibilityMs: number): Promise<string | undefined>;
  pass(ms: number): Promise<void>;
}

function modelQueue(): Queue {
  let nowMs = 0;
  const queue = createQueueModel<string>(() => nowMs);
  return {
    send: async (delayMs) => queue.send('message', delayMs),
    async receive(visibilityMs) {
      const found = queue.receive(visibilityMs);
      return (
        found && { id: String(found.id), receipt: String(found.popReceipt), dequeueCount: found.dequeueCount }
      );
    },
    delete: async ({ id, receipt }) => queue.delete(Number(id), Number(receipt)),
    update: async ({ id, receipt }, visibilityMs) =>
      queue.update(Number(id), Number(receipt), visibilityMs)?.toString(),
    pass: async (ms) => void (nowMs += ms),
  };
}

function azuriteQueue(): Queue {
  const queue = account.queue(queues.backfillWindow);
  const gone = (error: { statusCode?: number }) => {
    if (error.statusCode === 404 || error.statusCode === 400) return undefined;
    throw error;
  };
  return {
    send: async (delayMs) => void (await queue.sendMessage('message', { visibilityTimeout: delayMs / 1000 })),
    async receive(visibilityMs) {
      const { receivedMessageItems } = await queue.receiveMessages({
        visibilityTimeout: visibilityMs / 1000,
      });
      const [found] = receivedMessageItems;
      return found && { id: found.messageId, receipt: found.popReceipt, dequeueCount: found.dequeueCount };
    },
    delete: async ({ id, receipt }) => (await queue.deleteMessage(id, receipt).catch(gone)) !== undefined,
    update: async ({ id, receipt }, visibilityMs) =>
      (await queue.updateMessage(id, receipt, 'message', visibilityMs / 1000).catch(gone))?.popReceipt,
    pass: (ms) => sleep(ms),
  };
}

describe.each([
  ['the model', modelQueue],
  ['Azurite', azuriteQueue],
])('a queue of %s', (_name, open) => {
  const receiveSoon = async (queue: Queue, visibilityMs: number) => {
    for (let tries = 0; tries < 100; tries++) {
      const found = await queue.receive(visibilityMs);
      if (found) return found;
      await queue.pass(100);
    }
    throw new Error('No message became visible');
  };

  it('hides a message during its delay and after it is received, counts how often, and accepts only the last receipt', async () => {
    const queue = open();
    await queue.send(1000);
    expect(await queue.receive(60_000)).toBeUndefined();
    const first = await receiveSoon(queue, 1000);
    expect(first.dequeueCount).toBe(1);
    expect(await queue.receive(60_000)).toBeUndefined();
    const second = await receiveSoon(queue, 60_000);
    expect(second).toMatchObject({ id: first.id, dequeueCount: 2 });
    expect(await queue.delete(first)).toBe(false);
    expect(await queue.update(first, 0)).toBeUndefined();
    const receipt = await queue.update(second, 0);
    expect(receipt).not.toBe(second.receipt);
    const third = await receiveSoon(queue, 60_000);
    expect(third.dequeueCount).toBe(3);
    expect(await queue.delete({ ...third, receipt: receipt! })).toBe(false);
    expect(await queue.delete(third)).toBe(true);
    expect(await queue.delete(third)).toBe(false);
  });
});

const anna = user('anna');
const full = user('full', { quotaBytes: 1000 });

interface Tenancy {
  mailboxes: Mailboxes;
  directory: Directory;
  /** Sets the fault of the next create. */
  inject(fault: 'lostAnswer' | 'timeOut' | 'throttled'): void;
  /** From now on, every attachment that takes further requests is refused. */
  closeSessions(): void;
  /** The size of an attachment that takes further requests. */
  largeBytes: number;
  close(): Promise<void>;
}

function modelTenancy(): Promise<Tenancy> {
  const { io, inject } = modelIo();
  const users = [anna, full].map(({ id, mail }) => ({ userId: id, address: mail! }));
  const tenant = createTenant({ users, repairs: { missingUsers: [], fullMailboxes: [full.id] } });
  return Promise.resolve({
    mailboxes: createMailboxesModel(tenant, io, () => 0),
    directory: createDirectoryModel(tenant, io),
    inject,
    closeSessions: () => void (tenant.withoutSessions = true),
    largeBytes: 200,
    close: () => Promise.resolve(),
  });
}

async function simulatedTenancy(): Promise<Tenancy> {
  const tenant = await openTenant([anna, full]);
  const kinds = { lostAnswer: 'resetAfter', timeOut: 'resetBefore', throttled: 'throttled' } as const;
  return {
    mailboxes: tenant.mailboxes,
    directory: createDirectory(tenant.graph, { cacheMs: 60_000, now: Date.now }),
    inject: (fault) =>
      tenant.exchange.setFaults({
        script: [{ kind: kinds[fault], method: 'POST', path: '/messages$', retryAfterSeconds: 60 }],
      }),
    closeSessions: () => tenant.exchange.setFaults({ noUploadSessions: true }),
    largeBytes: 4 * 1024 * 1024,
    close: () => tenant.close(),
  };
}

describe.each([
  ['the model', modelTenancy],
  ['Exchange', simulatedTenancy],
])('mailboxes of %s', (_name, open) => {
  let tenancy: Tenancy;
  let folderId: string;
  beforeEach(async () => {
    tenancy = await open();
    folderId = (await tenancy.mailboxes.folder(anna.id, connector))!;
  });
  afterEach(() => tenancy.close());
  const create = (
    text: string,
    files = [file('a.txt', Buffer.from('text'))],
    beforeStep = async () => undefined as void,
  ) => tenancy.mailboxes.create(anna.id, folderId, item(text, files), { signal: signal(), beforeStep });
  const find = (text: string) => tenancy.mailboxes.find(anna.id, folderId, sha256(text));
  const large = () => [file('large.bin', bytes(tenancy.largeBytes, 1))];

  it('have one folder, in which a message is found by its key only', async () => {
    expect(await tenancy.mailboxes.folder(anna.id, connector, { refresh: true })).toBe(folderId);
    const created = await create('hello');
    const messageId = created.kind === 'created' ? created.messageId : '';
    expect(created).toEqual({ kind: 'created', messageId });
    expect(await find('hello')).toEqual([
      { messageId, itemKey: sha256('hello'), complete: true, batch: 7, position: 42 },
    ]);
    expect(await find('other')).toEqual([]);
    expect(await tenancy.mailboxes.find(full.id, folderId, sha256('hello'))).toEqual([]);
    await create('hello');
    expect(await find('hello')).toHaveLength(2);
    await tenancy.mailboxes.remove(anna.id, messageId);
    await tenancy.mailboxes.remove(anna.id, messageId);
    expect(await find('hello')).toHaveLength(1);
  });

  it('report a folder that is gone and a mailbox that is full', async () => {
    const other = await tenancy.mailboxes.folder(full.id, connector);
    const options = { signal: signal() };
    await expect(
      tenancy.mailboxes.create(anna.id, other!, item('x', [file('a.bin', bytes(2000))]), options),
    ).resolves.toEqual({
      kind: 'folderGone',
    });
    const refused = await tenancy.mailboxes
      .create(full.id, other!, item('x', [file('a.bin', bytes(2000))]), options)
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PermanentError);
    expect(refused).toMatchObject({ reason: 'mailboxFull' });
    expect(await tenancy.mailboxes.find(full.id, other!, sha256('x'))).toEqual([]);
  });

  it.each([
    ['lostAnswer', UncertainError, 1],
    ['timeOut', UncertainError, 0],
    ['throttled', PutOffError, 0],
  ] as const)(
    'throw, after %s, an error that says whether a copy may exist',
    async (fault, error, copies) => {
      tenancy.inject(fault);
      await expect(create('unsure')).rejects.toBeInstanceOf(error);
      if (fault !== 'throttled') expect(await find('unsure')).toHaveLength(copies);
    },
  );

  it('announce each request of an item that takes several, and complete the item with the last one', async () => {
    let steps = 0;
    await create('large', large(), async () => void steps++);
    expect(steps).toBeGreaterThanOrEqual(3);
    expect(await find('large')).toMatchObject([{ complete: true }]);
    expect(await find('large')).toHaveLength(1);
  });

  it('return the attachments that they refuse, and mark a message that is created without them', async () => {
    tenancy.closeSessions();
    const created = await create('refused', large());
    expect(created).toMatchObject({ kind: 'refused', refused: [{ name: 'large.bin' }] });
    expect(await find('refused')).toMatchObject([{ complete: false }]);
    if (created.kind === 'refused') await tenancy.mailboxes.remove(anna.id, created.messageId);
    const without = { ...item('refused'), partial: true };
    await tenancy.mailboxes.create(anna.id, folderId, without, { signal: signal() });
    expect(await find('refused')).toMatchObject([{ complete: true, partial: true }]);
  });

  it('keep a recognisable incomplete copy if the work ends between two steps', async () => {
    let steps = 0;
    const lost = new Error('the lease is lost');
    const ending = create('large', large(), async () => {
      if (++steps === 2) throw lost;
    });
    await expect(ending).rejects.toBe(lost);
    expect(await find('large')).toMatchObject([{ complete: false }]);
  });

  it('belong to users whose address is found in upper and lower case', async () => {
    expect(await tenancy.directory.find('Anna@Contoso.Example')).toMatchObject({ userId: anna.id });
    expect(await tenancy.directory.find('nobody@contoso.example')).toBeUndefined();
  });
});

const arrivals = [
  '2026-11-19T23:59:59Z',
  '2026-11-20T00:00:00Z',
  '2026-11-20T12:00:00Z',
  '2026-11-21T00:00:00Z',
];
const lineOf = (n: number) => JSON.stringify({ messageId: `1_${n}`, gatewayReceivedDate: arrivals[n] });
const request: PageRequest = {
  connector: connectors.wechat,
  credentials: { usernameSecret: 'u', passwordSecret: 'p' },
  from: '2026-11-20T00:00:00.000Z',
  to: '2026-11-21T00:00:00.000Z',
};

interface Site {
  telemessage: TeleMessage;
  close(): Promise<void>;
}

function modelSite(fault?: 'truncated'): Promise<Site> {
  const { io, inject } = modelIo();
  if (fault) inject(fault);
  const lines = arrivals.map((arrivedAt, n) => ({ arrivedAt, line: lineOf(n) }));
  const telemessage = createTeleMessageModel(
    { lines, connector: request.connector.id, pageItems: 1, servings: 0, ended: new Set() },
    io,
  );
  return Promise.resolve({ telemessage, close: () => Promise.resolve() });
}

async function simulatedSite(fault?: 'truncated'): Promise<Site> {
  const site: Simulator = await startTeleMessage({
    username: 'reader',
    password: 'right',
    sources: () =>
      arrivals.map((gatewayReceivedDate, n) => ({ gatewayReceivedDate, line: Buffer.from(lineOf(n)) })),
    ...(fault ? { faults: { script: [{ kind: fault }] } } : {}),
  });
  const telemessage = createTeleMessage({
    baseUrl: site.origin,
    pageItems: 1,
    pageMaxBytes: 1024 * 1024,
    timeoutMs: 5000,
    credentials: { read: () => Promise.resolve({ username: 'reader', password: 'right' }) },
    now: Date.now,
    random: () => 0,
  });
  return { telemessage, close: () => site.close() };
}

describe.each([
  ['the model', modelSite],
  ['TeleMessage', simulatedSite],
])('pages of %s', (_name, open) => {
  const fetchAll = async ({ telemessage }: Site, window: Partial<PageRequest> = {}) => {
    const stored: string[] = [];
    const ends: boolean[] = [];
    let broken = 0;
    let lastId: string | undefined;
    do {
      let content = '';
      const page = await telemessage.fetchPage({ ...request, ...window, lastId }, async (arriving) => {
        const parts = await collect(arriving).catch((error: unknown) => {
          broken++;
          throw error;
        });
        content = Buffer.concat(parts).toString();
      });
      if (page.kind !== 'page') throw new Error('The cursor expired');
      expect(page).toMatchObject({
        items: content.split('\n').length - 1,
        bytes: Buffer.byteLength(content),
      });
      expect(page.sha256).toBe(createHash('sha256').update(content).digest('hex'));
      stored.push(content);
      ends.push(page.end);
      lastId = page.lastId;
    } while (!ends.at(-1));
    return { stored, ends, broken };
  };
  let site: Site | undefined;
  afterEach(() => site?.close());

  it('hold every message that arrived in the window, which includes its start and not its end', async () => {
    site = await open();
    const { stored, ends } = await fetchAll(site);
    expect(stored).toEqual([`${lineOf(1)}\n`, `${lineOf(2)}\n`]);
    expect(ends).toEqual([false, true]);
  });

  it('are one empty page if nothing arrived', async () => {
    site = await open();
    const window = { from: '2026-12-01T00:00:00.000Z', to: '2026-12-02T00:00:00.000Z' };
    expect(await fetchAll(site, window)).toMatchObject({ stored: [''], ends: [true] });
  });

  it('are served again as a whole after the transfer broke off', async () => {
    site = await open('truncated');
    expect(await fetchAll(site)).toMatchObject({ stored: [`${lineOf(1)}\n`, `${lineOf(2)}\n`], broken: 1 });
  });

  it('are refused for a cursor that the site does not know', async () => {
    site = await open();
    const page = await site.telemessage.fetchPage({ ...request, lastId: 'unknown' }, () => Promise.resolve());
    expect(page).toEqual({ kind: 'cursorExpired' });
  });
});
