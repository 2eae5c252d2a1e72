import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { TableEntity } from '@azure/data-tables';
import type { AppDeps } from '../../shared/deps';
import { containers } from '../../shared/names';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { reconcile } from '../../shared/pipeline/reconcile';
import { splitBatch } from '../../shared/pipeline/split-batch';
import { readStatus } from '../../shared/evidence/status';
import { batchRow } from '../../shared/storage/outcomes';
import { openClients, user } from '../support/graph-tenant';
import { chatLine, useWorld, type World } from '../support/world';

/** Storage and mailboxes as release 1 left them; its README.md says what is in them. */
const snapshot = join(__dirname, '..', 'fixtures', 'release-1');
const read = <T>(file: string) => JSON.parse(readFileSync(join(snapshot, file), 'utf8')) as T;
const blobFolder = join(snapshot, containers.batches);
const blobs = readdirSync(blobFolder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => {
    const path = join(parentPath, name);
    return { name: relative(blobFolder, path).replaceAll(sep, '/'), bytes: readFileSync(path) };
  });

const anna = user('anna', { id: '3f1c8a52-6d0e-4b7f-9a41-000000000001' });
const bo = user('bo', { id: '3f1c8a52-6d0e-4b7f-9a41-000000000002' });
const doneRun = 'daily-20251117T000000Z';
const openRun = 'daily-20251118T000000Z';
/** The site still has what it served then, and a line that it has added since. */
const lines = [
  ...blobs
    .filter(({ name }) => name.endsWith('.ndjson'))
    .flatMap(({ bytes }) => bytes.toString().trimEnd().split('\n'))
    .toSorted(),
  chatLine('2_8', { gatewayReceivedDate: '2025-11-18T08:08:05Z', messageTime: '2025-11-18T08:08:00Z' }),
].map((line) => Buffer.from(line));

const openWorld = useWorld({
  users: [anna, bo],
  lines: { whatsapp: lines },
  settings: { CONNECTORS: 'whatsapp', FETCH_LAG_MINUTES: '0' },
});

interface SentMessage {
  userId: string;
  folderId: string;
  messageId: string;
  request: object;
}

/** Restores folders and messages of the snapshot; returns their new ids by their former ones. */
async function restoreMailboxes(origin: string): Promise<Map<string, string>> {
  const { graph } = openClients(origin);
  const ids = new Map<string, string>();
  const post = async (mailbox: string, path: string, body: object, formerId: string) => {
    const { json } = await graph.post(`/users/${mailbox}/${path}`, { doing: 'restore', mailbox, body });
    ids.set(formerId, (json as { id: string }).id);
  };
  for (const { userId, folderId, messageId, request } of read<SentMessage[]>('mailboxes.json')) {
    // Its owner has renamed the folder: only the table rows lead to it.
    if (!ids.has(folderId)) await post(userId, 'mailFolders', { displayName: 'Old chats' }, folderId);
    await post(userId, `mailFolders/${ids.get(folderId)}/messages`, request, messageId);
  }
  return ids;
}

async function restoreStore({ account }: World, ids: ReadonlyMap<string, string>): Promise<void> {
  for (const { name, bytes } of blobs)
    await account.container(containers.batches).getBlockBlobClient(name).upload(bytes, bytes.length);
  let tables = JSON.stringify(read('tables.json'));
  for (const [formerId, id] of ids) tables = tables.replaceAll(formerId, id);
  for (const [name, rows] of Object.entries(JSON.parse(tables) as Record<string, TableEntity[]>))
    for (const row of rows) await account.table(name).createEntity(row);
}

const statusOf = async (deps: AppDeps) => (await readStatus(deps)).connectors[0];
const countersOf = async (deps: AppDeps, batch: number) =>
  (await deps.batchStates.get('whatsapp', batchRow(batch)))?.value.counters;
const textsIn = async (opened: World, owner: typeof anna) =>
  (await opened.messages(owner)).map(({ body }) => body.content.split(/\r?\n/)[0]).toSorted();
const texts = (...ids: string[]) => ids.map((id) => `text of ${id}`);

it.each([
  ['with its queue', true],
  ['whose queue was lost', false],
])('this release finishes what release 1 left under way, %s', async (_what, hasQueue) => {
  const world = await openWorld();
  const ids = await restoreMailboxes(world.exchange.origin);
  await restoreStore(world, ids);
  if (hasQueue)
    for (const [name, messages] of Object.entries(read<Record<string, string[]>>('queue.json')))
      for (const text of messages) await world.account.queue(name).sendMessage(text);
  // Hours later every lease has run out, and what is not on the queue counts as lost.
  const deps: AppDeps = { ...world.deps, now: () => Date.parse('2025-11-19T04:00:00Z') };

  expect(await statusOf(deps)).toMatchObject({
    watermark: '2025-11-18T00:00:00.000Z',
    lastRun: { name: openRun, state: 'open' },
    openRuns: [{ name: openRun }],
    batches: 2,
    openBatches: [{ number: 2, run: openRun, items: 6, split: true }],
    quarantine: { unmapped: 1 },
  });
  expect(await deps.runs.get('whatsapp', doneRun)).toMatchObject({ state: 'fetched' });
  expect(await deps.runs.chainHint('whatsapp')).toBe(2);
  expect(await deps.runs.closedThrough('whatsapp')).toMatchObject({ number: 1 });
  expect(await countersOf(deps, 1)).toMatchObject({
    items: { available: 2, delivered: 1, failed: 0, events: 1 },
    deliveries: { expected: 2, imported: 2 },
  });
  expect(await world.quarantined(deps, 'whatsapp', 2)).toMatchObject([
    { position: 3, participants: [{ kind: 'external' }, { kind: 'external' }] },
  ]);

  if (!hasQueue) await reconcile(deps);
  await world.drain(deps);
  await reconcile(deps);
  expect(await countersOf(deps, 2)).toEqual({
    items: { available: 6, delivered: 4, failed: 1, events: 1 },
    deliveries: { expected: 8, imported: 8, partial: 0, skipped: 0, failed: 0 },
    reasons: { unmapped: 1 },
    quarantined: 1,
  });
  for (const owner of [anna, bo])
    expect(await textsIn(world, owner)).toEqual(texts('1_0', '2_0', '2_1', '2_2', '2_4'));

  // The site has forgotten the cursor meanwhile: the window comes again from its start, and the run goes on.
  await fetchBatch(deps);
  const second = (await deps.batches.read('whatsapp', 2))!;
  const third = (await deps.batches.read('whatsapp', 3))!;
  expect(third.manifest).toMatchObject({
    run: second.manifest.run,
    sequence: 2,
    last: true,
    items: 9,
    previousSha256: second.sha256,
  });
  await splitBatch(deps, third.manifest);
  await world.drain(deps);
  await reconcile(deps);
  expect(await countersOf(deps, 3)).toMatchObject({
    items: { available: 9, delivered: 7, failed: 1, events: 1 },
    deliveries: { expected: 14, imported: 6, skipped: 8 },
  });
  for (const owner of [anna, bo]) {
    expect(await textsIn(world, owner)).toEqual(
      texts('1_0', '2_0', '2_1', '2_2', '2_4', '2_6', '2_7', '2_8'),
    );
    for (const { parentFolderId } of await world.messages(owner))
      expect([...ids.values()]).toContain(parentFolderId);
  }
  expect(await statusOf(deps)).toMatchObject({
    watermark: '2025-11-19T00:00:00.000Z',
    lastRun: { name: openRun, state: 'fetched' },
    openRuns: [],
    batches: 3,
    openBatches: [],
    quarantine: { unmapped: 2 },
  });
  expect(world.events.map(({ name }) => name)).not.toContain('unbalanced');
});
