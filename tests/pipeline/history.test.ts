import type { AppDeps } from '../../shared/deps';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { reconcile } from '../../shared/pipeline/reconcile';
import { windowRun } from '../../shared/pipeline/windows';
import { nextManifest, type ChainEnd } from '../../shared/storage/manifest';
import { noCounters } from '../../shared/storage/counters';
import { batchRow } from '../../shared/storage/outcomes';
import { user } from '../support/graph-tenant';
import { useWorld } from '../support/world';

/** Nothing on the daily path depends on how much history there is. */

const DAY = 86_400_000;
const officer = user('officer');
const openWorld = useWorld({
  users: [officer],
  lines: {},
  settings: { CONNECTORS: 'whatsapp', FETCH_LAG_MINUTES: '0', REPORT_MAILBOX: officer.userPrincipalName },
});

/** Empty days that were fetched and closed, up to yesterday's. */
async function withHistory(deps: AppDeps, days: number): Promise<void> {
  const midnight = Math.floor(Date.now() / DAY) * DAY;
  let end: ChainEnd = { number: 0, sha256: null };
  for (let day = days; day >= 1; day--) {
    const [from, to] = [midnight - (day + 1) * DAY, midnight - day * DAY].map((ms) =>
      new Date(ms).toISOString(),
    ) as [string, string];
    const run = windowRun('daily', from, to);
    const opened = await deps.runs.open('whatsapp', run, end.number, to);
    const content = { sequence: 1, last: true, nextLastId: null, items: 0, bytes: 0, pages: [] };
    await deps.batches.commit(nextManifest(end, { connector: 'whatsapp', run, ...content, committedAt: to }));
    await deps.runs.save('whatsapp', { ...opened, state: 'fetched' });
    const { sha256 } = (await deps.batches.read('whatsapp', end.number + 1))!;
    end = { number: end.number + 1, sha256 };
    const state = {
      v: 1 as const,
      runName: run.name,
      splitAt: to,
      closedAt: to,
      toldAt: to,
      counters: noCounters(),
    };
    await deps.batchStates.put('whatsapp', batchRow(end.number), state);
  }
  await deps.runs.saveChainHint('whatsapp', end.number);
  await deps.runs.advanceClosedThrough('whatsapp', end.number, undefined);
  await deps.runs.moveWatermark('whatsapp', new Date(midnight - DAY).toISOString());
}

/** How many requests the work sends to storage, by kind. */
async function requestsOf(
  world: Awaited<ReturnType<typeof openWorld>>,
  work: (deps: AppDeps) => Promise<void>,
) {
  const counts: Record<string, number> = {};
  const counting = <T extends object>(name: string, client: T): T =>
    new Proxy(client, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const what = `${name}.${String(key)}`;
          counts[what] = (counts[what] ?? 0) + 1;
          return (value as (...all: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  const deps = world.deps;
  const watched = { ...deps };
  for (const name of [
    'batches',
    'batchStates',
    'outcomes',
    'quarantine',
    'quarantineEntries',
    'coverage',
    'ledger',
    'audit',
    'runs',
  ] as const)
    Object.assign(watched, { [name]: counting(name, deps[name]) });
  await work(watched);
  return counts;
}

test('a day costs the same operations after 10 days of history and after 150', async () => {
  const after: Record<string, number>[] = [];
  for (const days of [10, 150]) {
    const world = await openWorld();
    await withHistory(world.deps, days);
    after.push(
      await requestsOf(world, async (deps) => {
        await fetchBatch(deps);
        await reconcile(deps);
        await reconcile(deps);
      }),
    );
    expect((await world.deps.batches.read('whatsapp', days + 1))?.manifest.last).toBe(true);
    // The report of yesterday was filed.
    expect(await world.messages(officer)).toHaveLength(1);
  }
  const [short, long] = after;
  expect(long).toEqual(short);
  expect(Object.keys(long!).length).toBeGreaterThan(10);
});
