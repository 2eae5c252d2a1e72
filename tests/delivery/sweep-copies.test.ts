import type { Deps } from '../../shared/deps';
import type { Reason } from '../../shared/errors';
import { importItem } from '../../shared/pipeline/import-item';
import { reconcile } from '../../shared/pipeline/reconcile';
import type { LedgerRow } from '../../shared/storage/ledger';
import { batchPartition, batchRow, positionRow, type DeliveryResult } from '../../shared/storage/outcomes';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld } from '../support/world';

/** What the sweep finds in mailboxes once a request without an answer can no longer take effect. */

const anna = user('anna');
const bo = user('bo');
const openWorld = useWorld({ users: [anna, bo], settings: { CONNECTORS: 'whatsapp' } });

const partition = batchPartition('whatsapp', 1);
const past = '2026-11-20T00:00:00.000Z';

/** A batch of these lines, imported but not closed. */
async function open(lines = [chatLine('1_1')]) {
  const world = await openWorld({ lines: { whatsapp: lines } });
  const [pointer] = await world.archive(world.deps);
  return { ...world, pointer: pointer! };
}

/** Makes the ledger row that of an attempt which died before it learned of its message. */
async function forget(deps: Deps, userId: string, change: Partial<LedgerRow> = {}): Promise<void> {
  const outcome = (await deps.outcomes.get(partition, positionRow(0)))!;
  const { row, value, etag } = (await deps.ledger.get(outcome.value.itemKey!, userId))!;
  const { messageId: _messageId, ...left } = value;
  const pending = { ...left, state: 'pending' as const, leaseUntil: past, unsureAt: past };
  await deps.ledger.replace(outcome.value.itemKey!, row, { ...pending, ...change }, etag);
}

/** Makes the item one in doubt whose deliveries ended like this, with its row in quarantine. */
async function endAs(deps: Deps, reason: Reason, ends: DeliveryResult['end'][], position = 0): Promise<void> {
  const row = positionRow(position);
  const { value, etag } = (await deps.outcomes.get(partition, row))!;
  const users = [anna.id, bo.id];
  const deliveries = ends.map((end, at) => ({
    userId: users[at]!,
    end,
    ...(end === 'failed' ? { reason } : {}),
  }));
  const kind = ends.every((end) => end === 'failed') ? 'failed' : 'delivered';
  const ended = { kind, reason, expected: ends.length, deliveries, unsureAt: past } as const;
  await deps.outcomes.replace(partition, row, { ...value, ...ended }, etag);
  await deps.quarantine.insert(partition, row, {
    v: 1,
    connector: 'whatsapp',
    batch: 1,
    position,
    blob: 'pages/x.ndjson',
    offset: 0,
    length: 1,
    reason,
    detail: 'as the test wants',
    at: past,
    deliveries,
  });
}

/** Finds copies only in the mailboxes that `shows` accepts. */
const watched = (deps: Deps, shows: (userId: string) => boolean): Deps => ({
  ...deps,
  mailboxes: {
    ...deps.mailboxes,
    find: (userId, ...rest) => (shows(userId) ? deps.mailboxes.find(userId, ...rest) : Promise.resolve([])),
  },
});

const countersOf = async (deps: Deps) =>
  (await deps.batchStates.get('whatsapp', batchRow(1)))?.value.counters;
const ledgerOf = async (deps: Deps, userId: string) => {
  const outcome = (await deps.outcomes.get(partition, positionRow(0)))!;
  return (await deps.ledger.get(outcome.value.itemKey!, userId))!.value;
};

it('counts a failed delivery that landed after all as imported, and ends its quarantine', async () => {
  const { deps, messages, quarantined, outcomes } = await open();
  for (const { id } of [anna, bo]) await forget(deps, id);
  await endAs(deps, 'mailboxFull', ['failed', 'failed']);

  await reconcile(deps);
  const [outcome] = await outcomes(deps);
  expect(outcome).toMatchObject({
    kind: 'delivered',
    deliveries: [{ end: 'imported' }, { end: 'imported' }],
  });
  expect(outcome).not.toHaveProperty('reason');
  expect(outcome).not.toHaveProperty('unsureAt');
  expect(await quarantined(deps)).toEqual([]);
  expect(await countersOf(deps)).toMatchObject({ items: { delivered: 1, failed: 0 }, quarantined: 0 });
  for (const one of [anna, bo]) {
    expect(await messages(one)).toHaveLength(1);
    expect(await ledgerOf(deps, one.id)).toMatchObject({
      state: 'done',
      messageId: expect.any(String) as string,
    });
  }
});

it('leaves an item in quarantine when only one of its deliveries landed', async () => {
  const { deps, quarantined } = await open();
  for (const { id } of [anna, bo]) await forget(deps, id);
  await endAs(deps, 'mailboxFull', ['failed', 'failed']);
  await reconcile(watched(deps, (userId) => userId !== bo.id));
  expect(await quarantined(deps)).toMatchObject([{ reason: 'mailboxFull' }]);
  expect(await countersOf(deps)).toEqual({
    items: { available: 1, delivered: 1, failed: 0, events: 0 },
    deliveries: { expected: 2, imported: 1, partial: 0, skipped: 0, failed: 1 },
    reasons: { mailboxFull: 1 },
    quarantined: 1,
  });
});

it('leaves an item that was given up in quarantine although a delivery landed: more mailboxes may lack it', async () => {
  const { deps, quarantined } = await open();
  await forget(deps, anna.id);
  await endAs(deps, 'gaveUp', ['failed']);
  await reconcile(deps);
  expect(await quarantined(deps)).toMatchObject([{ reason: 'gaveUp' }]);
  expect(await countersOf(deps)).toMatchObject({
    items: { delivered: 1, failed: 0 },
    deliveries: { imported: 1, failed: 0 },
    reasons: { gaveUp: 1 },
  });
});

it("does not count the first item's copy for an item that was served again", async () => {
  const { deps } = await open([chatLine('1_1'), chatLine('1_1')]);
  const first = (await ledgerOf(deps, anna.id)).position;
  for (const { id } of [anna, bo]) await forget(deps, id, { state: 'done' });
  await endAs(deps, 'mailboxFull', ['failed', 'failed'], 1 - first);
  await reconcile(deps);
  expect(await countersOf(deps)).toMatchObject({
    items: { available: 2, delivered: 1, failed: 1 },
    deliveries: { expected: 4, imported: 2, failed: 2 },
  });
});

it('looks only into the mailboxes in doubt', async () => {
  const { deps } = await open();
  await forget(deps, bo.id);
  await endAs(deps, 'mailboxFull', ['imported', 'failed']);
  const seen: string[] = [];
  await reconcile(watched(deps, (userId) => seen.push(userId) > 0));
  // The last look searches a sample of the batch for a second deployment.
  expect(seen.slice(0, -1)).toEqual([bo.id]);
});

it('removes nothing while another worker changes the delivery, and the second copy the next time', async () => {
  const { deps, pointer, messages, events } = await open();
  const { messageId } = await ledgerOf(deps, anna.id);
  await forget(deps, anna.id);
  await deps.outcomes.remove(partition, positionRow(0));
  // The first copy lands only after this attempt has looked.
  await importItem(
    watched(deps, () => false),
    pointer,
  );
  expect(await messages(anna)).toHaveLength(2);

  const changed = { ...deps, ledger: { ...deps.ledger, replace: () => Promise.resolve(undefined) } };
  await reconcile(changed);
  expect(events.find(({ name }) => name === 'doubtRemains')?.fields.message).toContain(
    'changed while its doubt',
  );
  expect(await messages(anna)).toHaveLength(2);

  await reconcile(deps);
  expect(await messages(anna)).toHaveLength(1);
  expect(await ledgerOf(deps, anna.id)).toMatchObject({ discarded: [messageId], removedCopies: 1 });
  expect(events.find(({ name }) => name === 'copyRemoved')?.fields).toMatchObject({ batch: 1, count: 1 });
  expect(await countersOf(deps)).toMatchObject({ deliveries: { imported: 2, skipped: 0, failed: 0 } });
});
