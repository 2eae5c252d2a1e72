import { randomInt } from 'node:crypto';
import { reasons } from '../../shared/errors';
import type { ItemPointer } from '../../shared/item';
import { tables } from '../../shared/names';
import { beginAttempt } from '../../shared/delivery/attempts';
import { recordOutcome, type ItemResult } from '../../shared/delivery/record-outcome';
import {
  batchPartition,
  positionRow,
  type Outcome,
  type Quarantined,
  type QuarantineEntry,
} from '../../shared/storage/outcomes';
import type { LedgerRow } from '../../shared/storage/ledger';
import { createRows } from '../../shared/storage/rows.client';
import type { Tail } from '../../shared/storage/tails';
import { useStore } from '../support/store';

/** What the outcome and the quarantine say of an item that has ended. */

const { account } = useStore();
const outcomes = createRows<Outcome>(account.table(tables.outcomes));
const quarantine = createRows<Quarantined>(account.table(tables.quarantine));
const quarantineEntries = createRows<QuarantineEntry>(account.table(tables.quarantine));
const ledger = createRows<LedgerRow>(account.table(tables.ledger));
const tails = createRows<Tail>(account.table(tables.ledger));

/** An item of its own: the first end that it comes to, and one after a redrive. */
function newItem() {
  const batch = randomInt(1, 2 ** 31);
  const pointer: ItemPointer = {
    v: 1,
    connector: 'whatsapp',
    batch,
    position: 3,
    blob: 'pages/x.ndjson',
    offset: 0,
    length: 10,
  };
  const place = [batchPartition('whatsapp', batch), positionRow(3)] as const;
  const deps = { outcomes, quarantine, quarantineEntries, ledger, tails, now: () => Date.now() };
  const read = async () => ({
    outcome: (await outcomes.get(...place))?.value,
    quarantined: (await quarantine.get(...place))?.value,
  });
  return {
    async end(result: ItemResult) {
      await recordOutcome(deps, pointer, (await beginAttempt(deps, pointer, false))!, result);
      return read();
    },
    /** By a worker that began before the item ended. */
    async late(result: ItemResult) {
      const row = { ...(await outcomes.get(...place))!, etag: 'W/"former"' };
      await recordOutcome(deps, pointer, { row }, result);
      return read();
    },
    async endAgain(result: ItemResult) {
      const { value, etag } = (await outcomes.get(...place))!;
      const redrivenAt = new Date().toISOString();
      await outcomes.replace(...place, { ...value, redrivenAt }, etag);
      await recordOutcome(deps, pointer, (await beginAttempt(deps, pointer, false))!, result);
      return read();
    },
  };
}

const full = (userId: string) => ({ userId, end: 'failed', reason: 'mailboxFull' }) as const;
const imported = (userId: string) => ({ userId, end: 'imported' }) as const;

it.each([
  [undefined, '2026-11-20T08:00:00.000Z', '2026-11-20T08:00:00.000Z'],
  ['2026-11-20T08:00:00.000Z', undefined, '2026-11-20T08:00:00.000Z'],
  ['2026-11-20T08:00:00.000Z', '2026-11-20T09:00:00.000Z', '2026-11-20T09:00:00.000Z'],
  ['2026-11-20T09:00:00.000Z', '2026-11-20T08:00:00.000Z', '2026-11-20T09:00:00.000Z'],
  [undefined, undefined, undefined],
])('of a doubt from %s before a redrive and one from %s after it, %s counts', async (before, now, latest) => {
  const { end, endAgain } = newItem();
  await end({ deliveries: [{ ...full('a'), ...(before ? { inDoubtSince: before } : {}) }] });
  const { outcome } = await endAgain({
    deliveries: [{ ...imported('a'), ...(now ? { inDoubtSince: now } : {}) }],
  });
  expect(outcome!.unsureAt).toBe(latest);
});

it('a quarantine row cuts what a stranger wrote to a size that the store takes', async () => {
  const strange = `\ud800\0${'x'.repeat(2000)}`;
  const participants = Array.from({ length: 5000 }, () => ({
    asWritten: strange,
    kind: 'external' as const,
  }));
  const { end } = newItem();
  const { outcome, quarantined } = await end({
    sourceId: strange,
    reason: 'unmapped',
    deliveries: [],
    detail: 'none',
    participants,
  });
  const sourceId = `\ufffd\ufffd${'x'.repeat(998)}`;
  expect([outcome!.sourceId, quarantined!.sourceId]).toEqual([sourceId, sourceId]);
  const [first] = quarantined!.participants!;
  expect(first).toEqual({ asWritten: `\ufffd\ufffd${'x'.repeat(298)}`, kind: 'external' });
  const length = JSON.stringify(quarantined!.participants).length;
  expect(length).toBeGreaterThan(140_000);
  expect(length).toBeLessThan(160_000);
});

it('an item that two workers give up for different reasons is quarantined for the reason that counts', async () => {
  const { end, late } = newItem();
  await end({ deliveries: [full('a'), imported('b')] });
  const { outcome, quarantined } = await late({ reason: 'gaveUp', deliveries: [], detail: 'gave up' });
  expect([outcome!.reason, quarantined!.reason]).toEqual(['mailboxFull', 'mailboxFull']);
});

it("a failed mailbox that is no longer the item's does not count after a redrive", async () => {
  const { end, endAgain } = newItem();
  await end({ deliveries: [full('a'), imported('b')] });
  const { outcome } = await endAgain({ deliveries: [imported('c')] });
  expect(outcome).toMatchObject({ expected: 2, deliveries: [imported('c'), imported('b')] });
  expect(outcome).not.toHaveProperty('reason');
});

it('a mailbox that has the item still counts when it refuses the app during a redrive', async () => {
  const { end, endAgain } = newItem();
  await end({ deliveries: [imported('a'), full('b')] });
  const refused = { userId: 'a', end: 'failed', reason: 'accessDenied' } as const;
  const { outcome } = await endAgain({ deliveries: [refused, imported('b')] });
  expect(outcome).toMatchObject({ expected: 2, deliveries: [imported('a'), imported('b')] });
  expect(outcome).not.toHaveProperty('reason');
});

it('the quarantine names each problem once', async () => {
  const denied = { userId: 'd', end: 'failed', reason: 'accessDenied' } as const;
  const { quarantined } = await newItem().end({ deliveries: [full('a'), imported('b'), full('c'), denied] });
  expect(quarantined!.detail).toBe(
    `3 of 4 deliveries failed. ${reasons.mailboxFull} ${reasons.accessDenied}`,
  );
});
