import type { TableClient } from '@azure/data-tables';
import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { tables } from '../../shared/names';
import type { Account } from '../../shared/storage/account.client';
import { createRows } from '../../shared/storage/rows.client';
import { refuse, withAnswers } from '../support/answering-account';
import { useStore } from '../support/store';

const { account } = useStore();

function countRequests(table: TableClient) {
  let count = 0;
  for (const name of ['createEntity', 'updateEntity', 'submitTransaction'] as const) {
    const send = table[name].bind(table) as (...args: unknown[]) => Promise<never>;
    table[name] = (...args: unknown[]) => (count++, send(...args));
  }
  return { table, count: () => count, clear: () => void (count = 0) };
}

const collect = async <T>(values: AsyncIterable<T>) => {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
};

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

  it('share requests when they are written at the same time, and each write keeps its own fate', async () => {
    const partition = randomUUID();
    const requests = countRequests(account.table(tables.outcomes));
    const own = createRows<Record<string, unknown>>(requests.table);
    const taken = await own.insert(partition, 'taken', { n: 0 });
    requests.clear();
    const names = Array.from({ length: 20 }, (_, number) => `row${number}`);
    const etags = await Promise.all(names.map((name) => own.insert(partition, name, { n: 1 })));
    expect(requests.count()).toBeLessThanOrEqual(2);
    const changed = await Promise.all(
      names.map((name, at) => own.replace(partition, name, { n: 2 }, etags[at]!)),
    );
    expect(requests.count()).toBeLessThanOrEqual(4);
    expect(changed.every((etag) => etag !== undefined)).toBe(true);
    // One that is impossible spoils no other, whatever the order.
    const mixed = await Promise.all([
      own.insert(partition, 'new1', { n: 3 }),
      own.replace(partition, 'row0', { n: 3 }, etags[0]!),
      own.insert(partition, 'taken', { n: 3 }),
      own.replace(partition, 'gone', { n: 3 }, taken!),
      own.replace(partition, 'row1', { n: 3 }, changed[1]!),
      own.replace(partition, 'row1', { n: 4 }, changed[1]!),
    ]);
    expect(mixed.map((etag) => etag !== undefined)).toEqual([true, false, false, false, true, false]);
    const rowsThere = await collect(own.list(partition));
    expect(Object.fromEntries(rowsThere.map(({ row, value }) => [row, value['n']]))).toMatchObject({
      taken: 0,
      new1: 3,
      row0: 2,
      row1: 3,
      row19: 2,
    });
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
    await rows().put(partition, 'c', { v: 3, n: 3 });
    const refusal =
      `Row ${partition} / c of table outcomes: version 3, of which 2 is the highest known here. ` +
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

const rowsOf = (from: Account) => createRows<{ n: number }>(from.table(tables.ledger));

describe('a refused request', () => {
  it.each<[string, (from: Account) => Promise<unknown>]>([
    ['a row that is there', (from) => rowsOf(from).insert('p', 'r', { n: 1 })],
    ['a row that is not there', (from) => rowsOf(from).get('p', 'r')],
    ['a row that was changed', (from) => rowsOf(from).replace('p', 'r', { n: 1 }, 'W/"1"')],
    ['a row that was removed', (from) => rowsOf(from).remove('p', 'r')],
  ])('is not reported as %s', async (_what, act) => {
    await expect(withAnswers(refuse, act)).rejects.toMatchObject({ statusCode: 403 });
  });
});

describe('a table service', () => {
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
});
