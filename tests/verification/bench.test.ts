import { createHook } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { operationsAfter } from '../../verification/bench/history';
import { leastMs, simulate, type Plan } from '../../verification/bench/simulation';
import { counted, isMet, median, paired } from '../../verification/bench/figure';

/** The counts that `npm run bench` shows; it alone measures times. */

const day: Plan = {
  ...{ items: 600, mailboxOf: (item: number) => item % 20, instances: 1, slots: 256 },
  ...{ graphMs: 150, storageMs: 5 },
};

describe('an ordinary day', () => {
  test('costs one request to Graph per delivery, and few more', async () => {
    const { graphRequests, refused, storageOperations, loggedBytes, failed, duplicates } =
      await simulate(day);
    expect({ refused, failed, duplicates, loggedBytes }).toEqual({
      refused: 0,
      failed: 0,
      duplicates: 0,
      loggedBytes: 0,
    });
    expect(graphRequests / day.items).toBeLessThanOrEqual(1.1);
    // One by one; writes of a batch and reads of a page share requests besides (tests/storage).
    expect(storageOperations / day.items).toBeLessThanOrEqual(6.2);
  });

  test('costs an item the same however many there are', async () => {
    const many = await simulate({ ...day, items: 3000 });
    expect(many.storageOperations / 3000).toBeLessThanOrEqual(6.2);
    expect(many.graphRequests / 3000).toBeLessThanOrEqual(1.05);
  });
});

test('a crowded mailbox keeps itself busy, and nobody else waiting', async () => {
  let other = 0;
  const mailboxes = Array.from({ length: 2000 }, (_, item) => (item % 5 === 0 ? 0 : 1 + (other++ % 49)));
  const plan = { ...day, items: 2000, mailboxOf: (item: number) => mailboxes[item]! };
  const rest = mailboxes.filter((mailbox) => mailbox !== 0);
  const alone = await simulate({ ...plan, items: rest.length, mailboxOf: (item) => rest[item]! });
  const crowded = await simulate(plan);
  const othersMs = crowded.endedAt.reduce(
    (most, at, item) => (mailboxes[item] === 0 ? most : Math.max(most, at)),
    0,
  );
  expect(othersMs / alone.tookMs).toBeLessThanOrEqual(1.05);
  expect(crowded.tookMs / leastMs(plan)).toBeLessThanOrEqual(1.1);
  expect(crowded.putOffs / 2000).toBeLessThanOrEqual(0.2);
  expect(crowded.loggedBytes / 2000).toBeLessThanOrEqual(300);
});

test('a tenant that throttles every tenth request costs hardly more than those requests', async () => {
  const plain = await simulate(day);
  const throttled = await simulate({ ...day, throttleEvery: 10 });
  expect(throttled).toMatchObject({ failed: 0, duplicates: 0 });
  expect(throttled.graphRequests / (plain.graphRequests / 0.9)).toBeLessThanOrEqual(1.15);
});

test('instances that share a mailbox agree on its limit after a few refusals', async () => {
  const plan = { ...day, items: 2000, mailboxOf: (item: number) => item % 20, instances: 10, slots: 64 };
  const { refused, failed, duplicates, tookMs } = await simulate(plan);
  expect({ failed, duplicates }).toEqual({ failed: 0, duplicates: 0 });
  expect(refused / plan.items).toBeLessThanOrEqual(0.8);
  expect(tookMs / leastMs(plan)).toBeLessThanOrEqual(3);
});

test('a request leaves no timer behind', async () => {
  const timers = new Set<number>();
  const hook = createHook({
    init: (id, type) => void (type === 'Timeout' && timers.add(id)),
    destroy: (id) => void timers.delete(id),
  }).enable();
  const { graphRequests } = await simulate(day);
  await new Promise((resolve) => setImmediate(resolve));
  hook.disable();
  expect(graphRequests).toBeGreaterThan(600);
  expect(timers.size).toBeLessThanOrEqual(1);
});

test('the timers ask the same after 10 and after 1,000 days', async () => {
  expect(await operationsAfter(1000)).toEqual(await operationsAfter(10));
});

test('a figure is the median of both sides, and is met up to its goal', () => {
  const figure = paired({ name: 'x', against: 'y', unit: 'ms', goal: 1.5 }, [3, 9, 3], [2, 3, 2]);
  expect(figure).toMatchObject({ ours: 3, other: 2, ratio: 1.5, spread: [1.5, 3] });
  expect(isMet(figure)).toBe(true);
  expect(isMet(counted({ name: 'x', ours: 4, other: 2, against: 'y', unit: '', goal: 1.9 }))).toBe(false);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('a bench that does not exist is named, with those that do', () => {
  const { status, stderr } = spawnSync(process.execPath, ['dist/local/bench.js', 'nothing'], {
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stderr).toContain('There is no bench "nothing".');
  for (const name of ['split', 'costs', 'memory', 'history']) expect(stderr).toContain(`  ${name} `);
});
