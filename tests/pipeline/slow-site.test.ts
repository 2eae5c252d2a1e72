import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Deps } from '../../shared/deps';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { reconcile } from '../../shared/pipeline/reconcile';
import { splitBatch } from '../../shared/pipeline/split-batch';
import { batchRow } from '../../shared/storage/outcomes';
import { functionTimeoutMs, fetchBudgetMs, longestDeliveryMs, sweepBudgetMs } from '../../shared/time-budget';
import host from '../../host.json';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld } from '../support/world';

/** Sites that hang, that are slower than a function may run, that list late, and that never end. */

const anna = user('anna');
const bo = user('bo');
const open = useWorld({ users: [anna, bo], settings: { FETCH_LAG_MINUTES: '0' } });
const day = '2026-11-21T00:00:00.000Z';
const nextDay = '2026-11-22T00:00:00.000Z';
const at = (deps: Deps, instant: string, budgetMs?: number): Deps => {
  const shiftMs = Date.parse(instant) - deps.now();
  const fetch = { ...deps.config.fetch, ...(budgetMs === undefined ? {} : { budgetMs }) };
  return { ...deps, config: { ...deps.config, fetch }, now: () => deps.now() + shiftMs };
};
const batchesOf = async (deps: Deps, connector: 'wechat' | 'whatsapp' = 'whatsapp') => {
  const found = [];
  for (let number = 1; ; number++) {
    const next = await deps.batches.read(connector, number);
    if (!next) return found;
    found.push(next.manifest);
  }
};

test('every function stops by itself within the time-out of the host', () => {
  const [hours, minutes, seconds] = host.functionTimeout.split(':').map(Number);
  expect(functionTimeoutMs).toBe(((hours! * 60 + minutes!) * 60 + seconds!) * 1000);
  for (const budgetMs of [fetchBudgetMs, longestDeliveryMs, 2 * sweepBudgetMs])
    expect(budgetMs).toBeLessThan(functionTimeoutMs);
});

// First, because the identity library keeps the address at which its first token came.
describe('a message that the site lists late', () => {
  it('is in the next window, and what comes twice for that reason counts nowhere', async () => {
    const inTail = { gatewayReceivedDate: '2026-11-20T23:30:00.000Z' };
    const world = await open({
      lines: {
        whatsapp: [
          chatLine('1_0', { gatewayReceivedDate: '2026-11-20T08:00:00.000Z' }),
          chatLine('1_1', inTail),
          chatLine('1_2', { ...inTail, usersEmailAddress: [], from: '1', to: [] }),
          chatLine('1_3', { ...inTail, messageContext: 'event' }),
          Buffer.from(`{"messageId":"1_4","gatewayReceivedDate":"${inTail.gatewayReceivedDate}"`),
        ],
      },
      settings: { CONNECTORS: 'whatsapp' },
    });
    const { deps, lines } = world;
    const archiveAt = async (instant: string, number: number) => {
      await fetchBatch(at(deps, instant));
      await splitBatch(deps, (await deps.batches.read('whatsapp', number))!.manifest);
      await world.drain(deps);
      await reconcile(at(deps, instant));
      return (await deps.batchStates.get('whatsapp', batchRow(number)))?.value.counters;
    };
    const first = await archiveAt(day, 1);
    expect(first).toMatchObject({
      items: { available: 5, delivered: 2, failed: 2, events: 1 },
      quarantined: 2,
    });

    lines['whatsapp']!.push(chatLine('1_5', { gatewayReceivedDate: '2026-11-20T23:59:59.000Z' }));
    const second = await archiveAt(nextDay, 2);
    expect(second).toEqual({
      items: { available: 1, delivered: 1, failed: 0, events: 0, repeated: 4 },
      deliveries: { expected: 2, imported: 2, partial: 0, skipped: 0, failed: 0 },
      reasons: {},
      quarantined: 0,
    });
    expect(await world.messages(anna)).toHaveLength(3);
    expect(await world.quarantined(deps, 'whatsapp', 2)).toEqual([]);
  });
});

test('a site that hangs for one connector holds up no other one, and is told', async () => {
  const world = await open({
    lines: { whatsapp: [chatLine('1_1')] },
    siteFaults: { script: [{ kind: 'stalled', source: 'wechat', times: 1000 }] },
  });
  const { deps, events } = world;
  const due = at(deps, day, 500);
  for (let tick = 0; tick < 2; tick++)
    await expect(fetchBatch(due)).rejects.toThrow('wechat: Fetching a page failed');
  expect(await batchesOf(deps)).toHaveLength(1);
  expect(await deps.runs.watermark('whatsapp')).toBe(day);
  expect(events.filter(({ name }) => name === 'windowLate').map(({ fields }) => fields.connector)).toEqual([
    'wechat',
    'wechat',
  ]);
  // The alarm of the watermark also sounds for a connector that has never had one.
  events.length = 0;
  await reconcile(at(deps, '2026-11-21T03:00:00.000Z'));
  expect(events.filter(({ name }) => name === 'windowLate').map(({ fields }) => fields.connector)).toEqual([
    'wechat',
  ]);
});

test('a batch that takes longer than there is time is committed as far as it is there, and the next call goes on', async () => {
  const lines = Array.from({ length: 6 }, (_, n) => chatLine(`1_${n}`));
  const { deps } = await open({
    lines: { whatsapp: lines },
    settings: { CONNECTORS: 'whatsapp', PAGE_ITEMS: '1' },
  });
  let passedMs = 0;
  const slow = at(
    {
      ...deps,
      now: () => deps.now() + passedMs,
      telemessage: {
        async fetchPage(request, store) {
          const page = await deps.telemessage.fetchPage(request, store);
          passedMs += 15 * 60_000;
          return page;
        },
      },
    },
    day,
  );
  for (let call = 0; call < 3; call++) await fetchBatch(slow);
  const batches = await batchesOf(deps);
  expect(batches.map(({ items, last }) => [items, last])).toEqual([
    [2, false],
    [2, false],
    [2, true],
  ]);
  // No page was read twice.
  expect(new Set(batches.flatMap(({ pages }) => pages.map(({ blob }) => blob))).size).toBe(6);
});

describe('a site whose pages never end', () => {
  const serve = async (
    answer: (lastId: string | null, count: number) => { lastId: string; line: boolean },
  ) => {
    let count = 0;
    const server = createServer((request, response) => {
      const lastId = new URL(request.url!, 'http://x').searchParams.get('lastId');
      const next = answer(lastId, ++count);
      response.writeHead(200, {
        'x-message-count': next.line ? '1' : '0',
        'x-end-of-messages': 'false',
        'x-last-id': next.lastId,
      });
      response.end(next.line ? `${chatLine(`1_${count}`).toString()}\n` : '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      close: () => {
        server.close();
        server.closeAllConnections();
      },
    };
  };
  it.each([
    [
      'sends cursors in a circle',
      (_: string | null, count: number) => ({ lastId: 'abc'.charAt(count % 3), line: true }),
      'a cursor came back',
    ],
    [
      'sends empty pages',
      (_: string | null, count: number) => ({ lastId: String(count), line: false }),
      'pages in a row without a message',
    ],
  ])('%s is refused', async (_, answer, problem) => {
    const site = await serve(answer);
    try {
      const { instance } = await open({ settings: { CONNECTORS: 'whatsapp' } });
      const deps = instance({ TELEMESSAGE_BASE_URL: site.origin });
      for (let call = 0; call < 2; call++) await expect(fetchBatch(at(deps, day))).rejects.toThrow(problem);
    } finally {
      site.close();
    }
  });
});
