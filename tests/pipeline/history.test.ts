import type { AppDeps } from '../../shared/deps';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { reconcile } from '../../shared/pipeline/reconcile';
import { addHistory } from '../../verification/bench/history';
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
    await addHistory(world.deps, days, Math.floor(Date.now() / DAY) * DAY);
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
