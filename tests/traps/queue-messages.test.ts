import { queues } from '../../shared/names';
import { readBackfillRequest, readItemPointer, readManifest } from '../../shared/pipeline/messages';
import { quarantineItem } from '../../shared/pipeline/quarantine-item';
import { reconcile } from '../../shared/pipeline/reconcile';
import { batchRow, strayPartition, type StrayMessage } from '../../shared/storage/outcomes';
import type { Deps } from '../../shared/deps';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld } from '../support/world';

const anna = user('anna');
const bo = user('bo');
const openWorld = useWorld({ users: [anna, bo], lines: { whatsapp: [chatLine('1_1'), chatLine('1_2')] } });
const open = async () => {
  const world = await openWorld();
  return { world, deps: world.deps };
};

const strays = async (deps: Deps) => {
  const found: StrayMessage[] = [];
  for await (const { value } of deps.strayMessages.list(strayPartition)) found.push(value);
  return found;
};
const hour = 60 * 60 * 1000;
const later = (deps: Deps): Deps => ({ ...deps, now: () => Date.now() + 2 * hour });

it.each([
  ['a text that is no JSON', 'call +46701740605 about the secret'],
  ['JSON of another shape', { secret: 'call +46701740605' }],
  ['nothing', ''],
  ['a text of 48,000 characters', '+46701740605 '.repeat(3692)],
])(
  'a message that names no item (%s) is kept with a reason, and neither lost nor repeated endlessly',
  async (_what, message) => {
    const { world, deps } = await open();
    await quarantineItem(deps, message);
    await quarantineItem(deps, message);
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    expect(await strays(deps)).toMatchObject(
      [{ reason: 'unreadable', text, detail: /^Expected the pointer to an item/ }].map(
        ({ detail, ...rest }) => ({ ...rest, detail: expect.stringMatching(detail) as string }),
      ),
    );
    const told = JSON.stringify(world.events);
    expect(told).toContain('quarantineGrew');
    expect(told).not.toContain('46701740605');
  },
);

it.each([0, 2])(
  'a message of version %d is refused with a clear error, and its item is imported anyway',
  async (v) => {
    const { world, deps } = await open();
    const [old, current] = await world.fetchUnqueued(deps);
    expect(() => readItemPointer({ ...old, v })).toThrow(/^Expected the pointer to an item\. v: /);
    // Refused five times, then poison.
    await quarantineItem(deps, { ...old, v });
    expect(await strays(deps)).toHaveLength(1);
    await deps.importQueue.send(current!);
    await world.drain(deps);
    await reconcile(later(deps));
    await world.drain(deps);
    expect(await world.messages(anna)).toHaveLength(2);
    await reconcile(deps);
    const state = await deps.batchStates.get('whatsapp', batchRow(1));
    expect(state?.value.counters?.items).toEqual({ available: 2, delivered: 2, failed: 0, events: 0 });
  },
);

it('a queue that expires or is purged loses nothing: every item without an outcome is put back', async () => {
  const { world, deps } = await open();
  await world.fetch(deps);
  expect(await world.queued()).toBe(2);
  await world.account.queue(queues.importItem).clearMessages();
  await reconcile(later(deps));
  await world.drain(deps);
  expect(await world.messages(anna)).toHaveLength(2);
});

it('a pointer to a page that does not exist ends in quarantine instead of being tried endlessly', async () => {
  const { world, deps } = await open();
  const [pointer] = await world.fetchUnqueued(deps);
  await deps.importQueue.send({ ...pointer!, blob: 'pages/whatsapp/gone/000001.ndjson' });
  await deps.importQueue.send({ ...pointer!, position: 1, offset: 10_000_000 });
  await world.drain(deps);
  expect(await world.quarantined(deps)).toMatchObject([{ reason: 'gaveUp' }, { reason: 'gaveUp' }]);
});

it.each(['../mappings/whatsapp.csv', 'pages/../../mappings/whatsapp.csv', '/x', 'pages//x', 'pages/./x'])(
  'a pointer with the blob name %s, which the storage client would resolve outside the container, is refused',
  async (blob) => {
    const pointer = { v: 1, connector: 'whatsapp', batch: 1, position: 0, blob, offset: 0, length: 1 };
    expect(() => readItemPointer(pointer)).toThrow('blob: expected the name of a blob');
  },
);

const run = {
  name: 'backfill-1',
  cause: 'backfill',
  from: '2026-11-20T00:00:00.000Z',
  to: '2026-11-21T00:00:00.000Z',
};

it.each([
  'backfill-../../manifests/whatsapp/0000000001',
  'backfill-a/b',
  'backfill-a.b',
  '~watermark',
  '',
  `backfill-${'x'.repeat(91)}`,
])('no request can fetch a window under the name "%s", which leads to other blobs and rows', (name) => {
  const request = { v: 1, connector: 'whatsapp', run };
  expect(readBackfillRequest(request)).toEqual(request);
  expect(() => readBackfillRequest({ ...request, run: { ...run, name } })).toThrow('run.name');
});

it.each([
  ['would take the place of a day', { name: 'daily-20261120T000000Z' }, 'run.name'],
  ['would move the watermark', { cause: 'daily' }, 'run.cause'],
  ['ends before it begins', { from: run.to, to: run.from }, 'run: expected `to` after `from`'],
  ['is empty', { to: run.from }, 'run: expected `to` after `from`'],
  ['is longer than the longest day', { to: '2026-11-21T01:00:00.001Z' }, 'at most 25 hours'],
])('a requested window that %s is refused', (_, difference, message) => {
  const request = { v: 1, connector: 'whatsapp', run: { ...run, ...difference } };
  expect(() => readBackfillRequest(request)).toThrow(message);
});

const page = { blob: 'pages/x', sha256: 'ab'.repeat(32), bytes: 10, items: 1 };
const manifest = {
  v: 1,
  connector: 'whatsapp',
  number: 2,
  previousSha256: 'ab'.repeat(32),
  run,
  sequence: 1,
  last: true,
  nextLastId: null,
  items: 1,
  bytes: 10,
  pages: [page],
  committedAt: '2026-11-21T00:00:00.000Z',
};

it.each<[what: string, change: object]>([
  ['of another version', { v: 2 }],
  ['with a field that nobody knows', { more: 1 }],
  ['of a run with a field that nobody knows', { run: { ...run, more: 1 } }],
  ['of a page that stands elsewhere', { pages: [{ ...page, blob: '../mappings/whatsapp.csv' }] }],
  ['without the hash of a page', { pages: [{ ...page, sha256: '' }] }],
])('a manifest %s is not split', (_what, change) => {
  const bytes = (value: object) => Buffer.from(JSON.stringify(value));
  expect(readManifest(bytes(manifest))).toEqual(manifest);
  expect(() => readManifest(bytes({ ...manifest, ...change }))).toThrow('Expected the manifest of a batch');
});
