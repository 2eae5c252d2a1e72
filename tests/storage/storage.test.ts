import { randomUUID } from 'node:crypto';
import { startAzurite, type Azurite } from '../../local/azurite';
import { provision } from '../../local/provision';
import { containers, queues, tables } from '../../shared/names';
import { openAccount, type Account } from '../../shared/storage/account.client';
import { createBatches } from '../../shared/storage/batches.client';
import { createMappingFiles } from '../../shared/storage/mapping-file.client';
import type { Manifest } from '../../shared/storage/manifest';
import { createWorkQueue } from '../../shared/storage/queues.client';
import { createRows } from '../../shared/storage/rows.client';
import { createRuns } from '../../shared/storage/runs';

let azurite: Azurite;
let account: Account;
const noCredential = { getToken: () => Promise.resolve(null) };

beforeAll(async () => {
  azurite = await startAzurite({ inMemory: true });
  await provision(azurite.connectionString);
  account = openAccount(
    {
      connectionString: azurite.connectionString,
      blobUrl: undefined,
      queueUrl: undefined,
      tableUrl: undefined,
    },
    noCredential,
  );
}, 60_000);
afterAll(() => azurite.close());

const collect = async <T>(values: AsyncIterable<T>) => {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
};
async function* chunks(...parts: string[]) {
  for (const part of parts) yield Buffer.from(part);
}

describe('rows', () => {
  const rows = () => createRows<Record<string, unknown>>(account.table(tables.outcomes));

  it('insert once and leave the first row as it is', async () => {
    const partition = randomUUID();
    expect(await rows().insert(partition, 'a', { n: 1 })).toEqual(expect.any(String));
    expect(await rows().insert(partition, 'a', { n: 2 })).toBeUndefined();
    expect((await rows().get(partition, 'a'))?.value).toEqual({ n: 1 });
  });

  it('replace only a row that is unchanged, by the etag that the last write gave', async () => {
    const partition = randomUUID();
    const first = await rows().insert(partition, 'a', { n: 1 });
    const second = await rows().replace(partition, 'a', { n: 2 }, first!);
    expect(second).toEqual(expect.any(String));
    expect(await rows().replace(partition, 'a', { n: 3 }, first!)).toBeUndefined();
    expect(await rows().replace(partition, 'a', { n: 4 }, second!)).toEqual(expect.any(String));
    expect((await rows().get(partition, 'a'))?.value).toEqual({ n: 4 });
  });

  it('keep text of any script, large numbers, booleans and nested values of any length', async () => {
    const partition = randomUUID();
    const value = {
      text: '微信 WhatsApp 🙂',
      long: 'x'.repeat(100_000),
      big: 2 ** 40,
      zero: 0,
      flag: false,
      list: Array.from({ length: 3000 }, (_, n) => ({ userId: `user-${n}`, end: 'imported' })),
    };
    await rows().put(partition, 'a', value);
    expect((await rows().get(partition, 'a'))?.value).toEqual(value);
  });

  it('are refused when a newer release wrote them, and read when they have version 1 or none', async () => {
    const partition = randomUUID();
    await rows().put(partition, 'a', { n: 1 });
    await rows().put(partition, 'b', { v: 1, n: 2 });
    expect((await collect(rows().list(partition))).map(({ value }) => value)).toEqual([
      { n: 1 },
      { v: 1, n: 2 },
    ]);
    await rows().put(partition, 'c', { v: 2, n: 3 });
    const refusal =
      `Row ${partition} / c of table outcomes: version 2, of which 1 is the highest known here. ` +
      'A newer release wrote it';
    await expect(rows().get(partition, 'c')).rejects.toThrow(refusal);
    await expect(collect(rows().list(partition))).rejects.toThrow(refusal);
    expect((await rows().get(partition, 'b'))?.value).toEqual({ v: 1, n: 2 });
  });

  it('list a partition in the order of row keys, and remove what may be gone already', async () => {
    const partition = randomUUID();
    for (const row of ['0000000002', '0000000010', '0000000001']) await rows().put(partition, row, { row });
    expect((await collect(rows().list(partition))).map(({ row }) => row)).toEqual([
      '0000000001',
      '0000000002',
      '0000000010',
    ]);
    await rows().remove(partition, '0000000002');
    await rows().remove(partition, '0000000002');
    expect(await rows().get(partition, '0000000002')).toBeUndefined();
  });
});

describe('batches', () => {
  const batches = () => createBatches(account.container(containers.batches));
  const run = {
    name: 'daily-1',
    cause: 'daily' as const,
    from: '2026-11-19T00:00:00Z',
    to: '2026-11-20T00:00:00Z',
  };
  const value = (number: number, change: Partial<Manifest> = {}): Manifest => ({
    v: 1,
    connector: 'wechat',
    number,
    previousSha256: null,
    run,
    sequence: number,
    last: false,
    nextLastId: null,
    items: 0,
    bytes: 0,
    pages: [],
    committedAt: '2026-11-20T01:00:00.000Z',
    ...change,
  });

  it('refuse to write a page twice', async () => {
    const blob = `pages/${randomUUID()}`;
    await batches().writePage(blob, chunks('one\n'));
    await expect(batches().writePage(blob, chunks('two\n'))).rejects.toThrow();
    expect((await batches().readRange(blob, 0, 3)).toString()).toBe('one');
  });

  it('store nothing of a page whose content fails', async () => {
    const blob = `pages/${randomUUID()}`;
    async function* broken() {
      yield Buffer.from('half');
      throw new Error('the transfer broke off');
    }
    await expect(batches().writePage(blob, broken())).rejects.toThrow('broke off');
    await expect(batches().readRange(blob, 0, 1)).rejects.toThrow();
  });

  it('give each number of the chain to one manifest alone', async () => {
    expect(await batches().commit(value(1))).toBe(true);
    expect(await batches().commit(value(1, { run: { ...run, name: 'daily-2' } }))).toBe(false);
    expect(await batches().commit(value(2))).toBe(true);
    expect(await batches().head('wechat', 0)).toBe(2);
    expect((await batches().read('wechat', 1))?.manifest.run.name).toBe('daily-1');
    expect(await batches().read('wechat', 3)).toBeUndefined();
  });

  it('take a commit for done whose answer was lost and that is sent again', async () => {
    const number = (await batches().head('wechat', 0)) + 1;
    expect(await batches().commit(value(number))).toBe(true);
    expect(await batches().commit(value(number))).toBe(true);
  });

  it('read an empty line as no bytes', async () => {
    expect(await batches().readRange('pages/none', 0, 0)).toHaveLength(0);
  });
});

describe('runs', () => {
  const runs = () => createRuns(createRows(account.table(tables.runs)));
  const run = {
    name: 'daily-x',
    cause: 'daily' as const,
    from: '2026-11-19T00:00:00Z',
    to: '2026-11-20T00:00:00Z',
  };

  it('keep the window of a run that was opened before', async () => {
    await runs().open('wechat', run, 3, '2026-11-20T01:00:00.000Z');
    const again = await runs().open(
      'wechat',
      { ...run, to: '2026-11-20T09:00:00Z' },
      5,
      '2026-11-20T02:00:00.000Z',
    );
    expect(again).toMatchObject({ to: '2026-11-20T00:00:00Z', after: 3, state: 'open' });
  });

  it('never move the watermark backwards', async () => {
    await runs().moveWatermark('wechat', '2026-11-20T00:00:00.000Z');
    await runs().moveWatermark('wechat', '2026-11-19T00:00:00.000Z');
    expect(await runs().watermark('wechat')).toBe('2026-11-20T00:00:00.000Z');
    expect(await runs().watermark('whatsapp')).toBeUndefined();
  });

  it('list runs without the rows that are none', async () => {
    await runs().saveChainHint('wechat', 7);
    await runs().advanceClosedThrough('wechat', 6, undefined);
    expect((await runs().list('wechat')).map(({ name }) => name)).toEqual(['daily-x']);
    expect(await runs().chainHint('wechat')).toBe(7);
    expect(await runs().closedThrough('wechat')).toMatchObject({ number: 6 });
    expect(await runs().closedThrough('whatsapp')).toEqual({ number: 0, etag: undefined });
  });

  it('do not call batches closed beyond one that was opened again meanwhile', async () => {
    for (const batch of [3, 5]) {
      const { number, etag } = await runs().closedThrough('wechat');
      await runs().lowerClosedThrough('wechat', batch);
      await runs().advanceClosedThrough('wechat', number + 1, etag);
      expect(await runs().closedThrough('wechat')).toMatchObject({ number: 2 });
    }
    await runs().lowerClosedThrough('whatsapp', 1);
    await runs().advanceClosedThrough('whatsapp', 1, undefined);
    expect(await runs().closedThrough('whatsapp')).toMatchObject({ number: 0 });
  });
});

it('puts messages on a queue as the host reads them, never to expire, hidden for the delay', async () => {
  const queue = account.queue(queues.backfillWindow);
  const work = createWorkQueue<{ n: number }>(queue);
  await work.send({ n: 1 });
  await work.send({ n: 2 }, { delayMs: 60_000 });
  const { receivedMessageItems } = await queue.receiveMessages({ numberOfMessages: 10 });
  expect(receivedMessageItems).toHaveLength(1);
  const [message] = receivedMessageItems;
  expect(JSON.parse(Buffer.from(message!.messageText, 'base64').toString())).toEqual({ n: 1 });
  expect(message!.expiresOn.getUTCFullYear()).toBeGreaterThan(2100);
});

it('keeps one mapping file per connector and tells versions apart', async () => {
  const files = createMappingFiles(account.container(containers.mappings));
  expect(await files.read('whatsapp')).toBeUndefined();
  expect(await files.version('whatsapp')).toBeUndefined();
  await files.write('whatsapp', Buffer.from('first'));
  const first = await files.version('whatsapp');
  await files.write('whatsapp', Buffer.from('second'));
  expect((await files.read('whatsapp'))?.bytes.toString()).toBe('second');
  expect(await files.version('whatsapp')).not.toBe(first);
});
