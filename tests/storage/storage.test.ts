import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { containers, queues, tables } from '../../shared/names';
import { openAccount, type Account } from '../../shared/storage/account.client';
import { createBatches } from '../../shared/storage/batches.client';
import { createMappingFiles } from '../../shared/mapping/file.client';
import { manifestBlob, type Manifest } from '../../shared/storage/manifest';
import { createWorkQueue } from '../../shared/storage/queues.client';
import { createRows } from '../../shared/storage/rows.client';
import { createRuns } from '../../shared/storage/runs';
import { useStore } from '../support/store';

const { account } = useStore();
const noCredential = { getToken: () => Promise.resolve(null) };

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

  it('are inserted once; a second insert leaves the first row as it is', async () => {
    const partition = randomUUID();
    expect(await rows().insert(partition, 'a', { n: 1 })).toEqual(expect.any(String));
    expect(await rows().insert(partition, 'a', { n: 2 })).toBeUndefined();
    expect((await rows().get(partition, 'a'))?.value).toEqual({ n: 1 });
  });

  it('are replaced only if unchanged, by the etag of the last write', async () => {
    const partition = randomUUID();
    const first = await rows().insert(partition, 'a', { n: 1 });
    const second = await rows().replace(partition, 'a', { n: 2 }, first!);
    expect(second).toEqual(expect.any(String));
    expect(await rows().replace(partition, 'a', { n: 3 }, first!)).toBeUndefined();
    expect(await rows().replace(partition, 'a', { n: 4 }, second!)).toEqual(expect.any(String));
    expect((await rows().get(partition, 'a'))?.value).toEqual({ n: 4 });
  });

  it('keep nothing of their former values', async () => {
    const partition = randomUUID();
    const first = await rows().insert(partition, 'a', { n: 1, list: ['gone'] });
    await rows().replace(partition, 'a', { n: 2, flag: true }, first!);
    expect((await rows().get(partition, 'a'))?.value).toEqual({ n: 2, flag: true });
    await rows().put(partition, 'a', { n: 3 });
    expect((await rows().get(partition, 'a'))?.value).toEqual({ n: 3 });
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

  it('are not read when a newer release wrote them, but are with version 1 or without one', async () => {
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

  it('are listed in the order of their keys, and can be removed twice', async () => {
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

const firstRun = {
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
  run: firstRun,
  sequence: number,
  last: false,
  nextLastId: null,
  items: 0,
  bytes: 0,
  pages: [],
  committedAt: '2026-11-20T01:00:00.000Z',
  ...change,
});

describe('batches', () => {
  const batches = () => createBatches(account.container(containers.batches));

  it('do not write a page twice', async () => {
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

  it('give each number of the chain to one manifest only', async () => {
    expect(await batches().commit(value(1))).toBe(true);
    expect(await batches().commit(value(1, { run: { ...firstRun, name: 'daily-2' } }))).toBe(false);
    expect(await batches().commit(value(2))).toBe(true);
    expect(await batches().head('wechat', 0)).toBe(2);
    expect((await batches().read('wechat', 1))?.manifest.run.name).toBe('daily-1');
    expect(await batches().read('wechat', 3)).toBeUndefined();
  });

  it('accept a commit that is sent again because its answer was lost', async () => {
    const number = (await batches().head('wechat', 0)) + 1;
    expect(await batches().commit(value(number))).toBe(true);
    expect(await batches().commit(value(number))).toBe(true);
  });

  it('are not read when a newer release wrote their manifest', async () => {
    const text = JSON.stringify({ ...value(1), connector: 'whatsapp', v: 2 });
    const blob = account.container(containers.batches).getBlockBlobClient(manifestBlob('whatsapp', 1));
    await blob.upload(text, text.length);
    await expect(batches().read('whatsapp', 1)).rejects.toThrow('"v"');
    await blob.delete();
  });

  it('read an empty line as no bytes', async () => {
    expect(await batches().readRange('pages/none', 0, 0)).toHaveLength(0);
  });
});

/** Runs `act` on an account whose service answers as the test says. */
async function withAnswers<T>(answer: RequestListener, act: (account: Account) => Promise<T>): Promise<T> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoints = ['Blob', 'Queue', 'Table'].map((one) => `${one}Endpoint=http://127.0.0.1:${port}/a;`);
  const connectionString = `AccountName=a;AccountKey=YQ==;DefaultEndpointsProtocol=http;${endpoints.join('')}`;
  try {
    return await act(
      openAccount(
        { connectionString, blobUrl: undefined, queueUrl: undefined, tableUrl: undefined },
        noCredential,
      ),
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('a store', () => {
  const rowsOf = (from: Account) => createRows<{ n: number }>(from.table(tables.ledger));
  const batchesOf = (from: Account) => createBatches(from.container(containers.batches));

  it.each<[string, (from: Account) => Promise<unknown>]>([
    ['a row that is there', (from) => rowsOf(from).insert('p', 'r', { n: 1 })],
    ['a row that is not there', (from) => rowsOf(from).get('p', 'r')],
    ['a row that was changed', (from) => rowsOf(from).replace('p', 'r', { n: 1 }, 'W/"1"')],
    ['a row that was removed', (from) => rowsOf(from).remove('p', 'r')],
    ['the end of the chain', (from) => batchesOf(from).read('wechat', 1)],
  ])('does not report a refused request as %s', async (_what, act) => {
    const refuse: RequestListener = (_request, response) => void response.writeHead(403).end();
    await expect(withAnswers(refuse, act)).rejects.toMatchObject({ statusCode: 403 });
  });

  it('is told that a number is a double, or it would store 32 bits and refuse a larger number', async () => {
    let sent = '';
    const listen: RequestListener = (request, response) => {
      request.on('data', (chunk: Buffer) => (sent += chunk.toString()));
      request.on('end', () => response.writeHead(204, { etag: 'W/"1"' }).end());
    };
    await withAnswers(listen, (from) => rowsOf(from).put('p', 'r', { n: 2 ** 40 }));
    expect(JSON.parse(sent)).toMatchObject({ n: 2 ** 40, 'n@odata.type': 'Edm.Double' });
  });

  it('may return the columns of a long value in any order', async () => {
    const columns = { PartitionKey: 'p', RowKey: 'r', list__json1: '2]', list__json0: '[1,' };
    const answer: RequestListener = (_request, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(columns));
    const found = await withAnswers(answer, (from) => rowsOf(from).get('p', 'r'));
    expect(found?.value).toEqual({ list: [1, 2] });
  });

  const answerToPut =
    (status: number): RequestListener =>
    ({ method }, response) =>
      void response.writeHead(method === 'PUT' ? status : 404).end();

  it('does not report a refused manifest as a number that is taken', async () => {
    const commit = (from: Account) => batchesOf(from).commit(value(1));
    await expect(withAnswers(answerToPut(403), commit)).rejects.toMatchObject({ statusCode: 403 });
  });

  it.each([409, 412])('reports a number as taken after the answer %d', async (status) => {
    const commit = (from: Account) => batchesOf(from).commit(value(1));
    expect(await withAnswers(answerToPut(status), commit)).toBe(false);
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

  it('keep their window when they are opened again', async () => {
    await runs().open('wechat', run, 3, '2026-11-20T01:00:00.000Z');
    const again = await runs().open(
      'wechat',
      { ...run, to: '2026-11-20T09:00:00Z' },
      5,
      '2026-11-20T02:00:00.000Z',
    );
    expect(again).toMatchObject({ to: '2026-11-20T00:00:00Z', after: 3, state: 'open' });
  });

  it('never move the watermark back', async () => {
    await runs().moveWatermark('wechat', '2026-11-20T00:00:00.000Z');
    await runs().moveWatermark('wechat', '2026-11-19T00:00:00.000Z');
    expect(await runs().watermark('wechat')).toBe('2026-11-20T00:00:00.000Z');
    expect(await runs().watermark('whatsapp')).toBeUndefined();
  });

  it.each<[before: string | undefined, others: string, own: string]>([
    [undefined, '2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z'],
    [undefined, '2026-11-21T00:00:00.000Z', '2026-11-20T00:00:00.000Z'],
    ['2026-11-19T00:00:00.000Z', '2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z'],
    ['2026-11-19T00:00:00.000Z', '2026-11-21T00:00:00.000Z', '2026-11-20T00:00:00.000Z'],
  ])(
    'end at the later watermark when two workers move it from %s to %s and %s',
    async (before, others, own) => {
      const rows = createRows<Record<string, unknown>>(account.table(tables.runs));
      await rows.remove('whatsapp', '~watermark');
      if (before !== undefined) await runs().moveWatermark('whatsapp', before);
      let isFirst = true;
      const overtaken: typeof rows = {
        ...rows,
        async get(partition, row) {
          const found = await rows.get(partition, row);
          if (isFirst) await runs().moveWatermark('whatsapp', others);
          isFirst = false;
          return found;
        },
      };
      await createRuns(overtaken).moveWatermark('whatsapp', own);
      expect(await runs().watermark('whatsapp')).toBe('2026-11-21T00:00:00.000Z');
    },
  );

  it('are listed without the other rows of their table', async () => {
    await runs().saveChainHint('wechat', 7);
    await runs().advanceClosedThrough('wechat', 6, undefined);
    expect((await runs().list('wechat')).map(({ name }) => name)).toEqual(['daily-x']);
    expect(await runs().chainHint('wechat')).toBe(7);
    expect(await runs().closedThrough('wechat')).toMatchObject({ number: 6 });
    expect(await runs().closedThrough('whatsapp')).toEqual({ number: 0, etag: undefined });
  });

  it('do not count batches as closed beyond one that has been opened again', async () => {
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

describe('a work queue', () => {
  it('holds messages as the host reads them, without expiry and hidden for the delay', async () => {
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
});

describe('mapping files', () => {
  it('are one per connector, and their versions differ', async () => {
    const files = createMappingFiles(account.container(containers.mappings));
    expect(await files.read('whatsapp')).toBeUndefined();
    expect(await files.version('whatsapp')).toBeUndefined();
    await files.write('whatsapp', Buffer.from('first'));
    const first = await files.version('whatsapp');
    await files.write('whatsapp', Buffer.from('second'));
    expect((await files.read('whatsapp'))?.bytes.toString()).toBe('second');
    expect(await files.version('whatsapp')).not.toBe(first);
  });
});
