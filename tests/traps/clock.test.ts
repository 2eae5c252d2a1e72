import type { Deps } from '../../shared/deps';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { importItem } from '../../shared/pipeline/import-item';
import { reconcile } from '../../shared/pipeline/reconcile';
import { user } from '../support/graph-tenant';
import { isCreate, startProxy } from '../support/proxy';
import { chatLine, from, to, useWorld } from '../support/world';
import { until } from '../support/until';

const anna = user('anna');

const hour = 60 * 60 * 1000;
const day = 24 * hour;
const at = (deps: Deps, offsetMs: number): Deps => ({ ...deps, now: () => Date.now() + offsetMs });
const lines = {
  whatsapp: [chatLine('1_1', { usersEmailAddress: [{ emailAddress: 'anna@contoso.example' }] })],
};
const openWorld = useWorld({ users: [anna], lines });

/** Holds the first create request on its way to Exchange until it is released. */
function holdFirstCreate() {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  let held = false;
  const proxy = (exchangeOrigin: string) =>
    startProxy(exchangeOrigin, {
      async answer(request) {
        if (!held && isCreate(request)) {
          held = true;
          await released;
        }
        return undefined;
      },
    });
  return { proxy, release: () => release(), isHeld: () => held };
}

it('a worker whose clock runs an hour ahead takes over a live delivery, and the second copy is removed', async () => {
  const hold = holdFirstCreate();
  const settings = { GRAPH_TIMEOUT_SECONDS: '20', LEASE_SECONDS: '60' };
  const world = await openWorld({ settings, proxy: hold.proxy });
  const { deps } = world;
  const [pointer] = await world.fetchUnqueued(deps);
  const slow = importItem(deps, pointer!);
  slow.catch(() => undefined);
  await until('the held request', hold.isHeld);
  await importItem(at(world.instance(), hour), pointer!);
  hold.release();
  await expect(slow).rejects.toThrow('Another worker took over the delivery');
  expect(await world.messages(anna)).toHaveLength(2);

  await reconcile(at(deps, 2 * hour));
  expect(await world.messages(anna)).toHaveLength(1);
  expect(world.events.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['copyRemoved', 'batchClosed']),
  );
  const [outcome] = await world.outcomes(deps);
  expect(outcome!.deliveries).toEqual([{ userId: anna.id, end: 'imported' }]);
});

it.each([
  ['an hour', hour],
  ['a year', 365 * day],
])(
  'the lease of a dead worker whose clock ran %s ahead neither delays its item nor doubles it',
  async (_how, aheadMs) => {
    const world = await openWorld();
    const { deps } = world;
    const [pointer] = await world.fetchUnqueued(deps);
    const replace = () => Promise.reject(new Error('killed'));
    const dying = { ...at(deps, aheadMs), ledger: { ...deps.ledger, replace } };
    await expect(importItem(dying, pointer!)).rejects.toThrow('killed');

    await importItem(deps, pointer!);
    expect(await world.messages(anna)).toHaveLength(1);
    const [outcome] = await world.outcomes(deps);
    expect(outcome!.deliveries).toEqual([{ userId: anna.id, end: 'imported' }]);
  },
);

it('a clock that jumps back fetches no window twice and leaves the watermark where it is', async () => {
  const world = await openWorld();
  const { deps } = world;
  const due = Date.parse(to) + deps.config.fetch.lagMs;
  await fetchBatch({ ...deps, now: () => due });
  await fetchBatch({ ...deps, now: () => due - 3 * day });
  expect(await deps.runs.watermark('whatsapp')).toBe(to);
  expect((await deps.runs.list('whatsapp')).map((run) => [run.from, run.to])).toEqual([[from, to]]);
});

it('a clock that ran days ahead is reported as long as days may be missing', async () => {
  const world = await openWorld();
  const { deps } = world;
  const due = Date.parse(to) + deps.config.fetch.lagMs;
  const right = { ...deps, now: () => due };
  await fetchBatch({ ...deps, now: () => due + 3 * day });
  await fetchBatch(right);
  await reconcile(right);
  const late = world.events.filter(({ name }) => name === 'windowLate').map(({ fields }) => fields);
  expect(late).toContainEqual(
    expect.objectContaining({
      connector: 'whatsapp',
      message: expect.stringContaining('lies in the future') as string,
    }),
  );
});
