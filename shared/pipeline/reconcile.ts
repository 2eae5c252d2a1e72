import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import type { Manifest } from '../storage/manifest';
import { batchPartition, batchRow, type BatchState, type Outcome } from '../storage/outcomes';
import type { Stored } from '../storage/rows.client';
import { changeBatch, closeBatch, passClosed } from './batch-state';
import { balances, count, noCounters } from './counters';
import { lookForSecondDeployment } from '../delivery/look-for-second-deployment';
import { putPointers, splitBatch } from './split-batch';
import { sweepCopies } from '../delivery/sweep-copies';

/** A day with many faults needs hundreds of sweeps, each one or two requests to a mailbox. */
const sweepsInFlight = 8;
/** A daily window is late when it is not stored at this age. */
const lateAfterMs = 26 * 60 * 60 * 1000;
/** Wait this many times longer while the queue still covers the missing items. */
const patience = 24;
/** The clocks of two machines differ by less than this. */
const clockToleranceMs = 10 * 60 * 1000;

/**
 * Repairs what triggers and queues lost: puts items without an outcome back on the queue, looks once more into mailboxes
 * where a create request got no answer, and closes each batch whose sums balance, with its counters.
 *
 * @throws Error that names each connector that failed
 */
export async function reconcile(deps: Deps): Promise<void> {
  const failures: string[] = [];
  for (const id of deps.config.connectors) {
    try {
      await reportLateness(deps, id);
      await reconcileConnector(deps, id);
    } catch (error) {
      failures.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failures.length > 0) throw new Error(`Reconciling failed. ${failures.join('; ')}`);
}

async function reportLateness(deps: Deps, id: ConnectorId): Promise<void> {
  const watermark = await deps.runs.watermark(id);
  if (watermark === undefined) return;
  const ageMs = deps.now() - Date.parse(watermark);
  if (ageMs > lateAfterMs + deps.config.fetch.lagMs)
    deps.emit('windowLate', {
      connector: id,
      from: watermark,
      ageMs,
      message: 'no window was stored in time',
    });
  // A clock that ran ahead fetched days before they had come; the days since then would never be fetched.
  if (ageMs < -clockToleranceMs)
    deps.emit('windowLate', {
      connector: id,
      from: watermark,
      ageMs,
      message: 'the last stored window lies in the future: the clock was wrong; backfill the days since',
    });
}

async function reconcileConnector(deps: Deps, id: ConnectorId): Promise<void> {
  const closedBefore = await deps.runs.closedThrough(id);
  let closedThrough = closedBefore.number;
  for (let number = closedThrough + 1; ; number++) {
    // Read the batch's state before its outcomes: a redrive between the two then keeps the batch open.
    const state = await deps.batchStates.get(id, batchRow(number));
    const isNext = closedThrough === number - 1;
    if (state?.value.closedAt !== undefined) {
      if (isNext && (await passClosed(deps, id, state))) closedThrough = number;
      continue;
    }
    const found = await deps.batches.read(id, number);
    if (!found) break;
    if ((await reconcileBatch(deps, found.manifest, state)) && isNext) closedThrough = number;
  }
  if (closedThrough > closedBefore.number)
    await deps.runs.advanceClosedThrough(id, closedThrough, closedBefore.etag);
}

/** Returns whether the batch is closed now. */
async function reconcileBatch(
  deps: Deps,
  batch: Manifest,
  state: Stored<BatchState> | undefined,
): Promise<boolean> {
  const outcomes = new Map<number, Stored<Outcome>>();
  const redriven: string[] = [];
  for await (const outcome of deps.outcomes.list(batchPartition(batch.connector, batch.number)))
    if (outcome.value.redrivenAt === undefined) outcomes.set(Number(outcome.row), outcome);
    else redriven.push(outcome.value.redrivenAt);
  if (outcomes.size < batch.items || redriven.length > 0) {
    await putBack(deps, batch, state?.value, outcomes, redriven);
    return false;
  }
  const settled = await settleDoubts(deps, batch, outcomes);
  return settled !== undefined && close(deps, batch, state, settled);
}

/** The outcomes, by position, after each that was in doubt was swept; undefined while one has not been in doubt for long enough. */
async function settleDoubts(
  deps: Deps,
  batch: Manifest,
  outcomes: ReadonlyMap<number, Stored<Outcome>>,
): Promise<Map<number, Outcome> | undefined> {
  const settled = new Map([...outcomes].map(([position, { value }]) => [position, value]));
  const inDoubt = [...outcomes].filter(([, { value }]) => value.unsureAt !== undefined);
  const due = inDoubt.filter(
    ([, { value }]) => deps.now() >= Date.parse(value.unsureAt!) + deps.config.reconcile.settlingMs,
  );
  for (let at = 0; at < due.length; at += sweepsInFlight) {
    const sweeps = due.slice(at, at + sweepsInFlight).map(async ([position, outcome]) => {
      settled.set(position, await sweepCopies(deps, batch, outcome));
    });
    // Wait for all of them, even if one fails: the next run must not find a sweep of the same batch still at work.
    for (const sweep of await Promise.allSettled(sweeps)) if (sweep.status === 'rejected') throw sweep.reason;
  }
  return due.length < inDoubt.length ? undefined : settled;
}

/** Puts positions without an outcome back on the queue when nothing has happened for a while. */
async function putBack(
  deps: Deps,
  batch: Manifest,
  state: BatchState | undefined,
  outcomes: ReadonlyMap<number, Stored<Outcome>>,
  redriven: readonly string[],
): Promise<void> {
  const times = [batch.committedAt, state?.splitAt, state?.requeuedAt, ...redriven];
  for (const { value } of outcomes.values()) times.push(value.settledAt);
  const latest = Math.max(...times.map((time) => (time ? Date.parse(time) : 0)));
  const ageMs = deps.now() - latest;
  const { requeueAfterMs } = deps.config.reconcile;
  if (ageMs < requeueAfterMs) return;
  const { connector, number } = batch;
  const missing = batch.items - outcomes.size;
  const nowIso = new Date(deps.now()).toISOString();
  const heldSince =
    state?.splitAt === undefined ? undefined : await heldByQueue(deps, missing, state, nowIso);
  deps.emit('backlogOld', {
    connector,
    batch: number,
    count: missing,
    ageMs,
    message: heldSince ? 'the queue still holds them' : 'put back on the queue',
  });
  if (!state?.splitAt) return splitBatch(deps, batch);
  if (!heldSince) await putPointers(deps, batch, (position) => !outcomes.has(position));
  await changeBatch(deps, batch, ({ heldSince: _former, ...known }) => ({
    ...known,
    requeuedAt: nowIso,
    ...(heldSince ? { heldSince } : {}),
  }));
}

/**
 * Since when the queue has held enough messages for all missing items; undefined when it does not, or has for too long.
 * Most likely the items wait for a throttled mailbox, and another pointer to each of them every hour would pile up.
 */
async function heldByQueue(
  { importQueue, config }: Deps,
  missing: number,
  { heldSince = '' }: BatchState,
  nowIso: string,
): Promise<string | undefined> {
  if ((await importQueue.depth()) < missing) return undefined;
  const heldMs = heldSince === '' ? 0 : Date.parse(nowIso) - Date.parse(heldSince);
  return heldMs < config.reconcile.requeueAfterMs * patience ? heldSince || nowIso : undefined;
}

async function close(
  deps: Deps,
  batch: Manifest,
  state: Stored<BatchState> | undefined,
  outcomes: ReadonlyMap<number, Outcome>,
): Promise<boolean> {
  const { connector, number } = batch;
  const ended = [...outcomes.values()];
  const counters = noCounters();
  counters.items.available = batch.items;
  for (const outcome of ended) count(counters, outcome);
  if (!balances(counters)) {
    deps.emit('unbalanced', { connector, batch: number, items: batch.items, count: ended.length });
    return false;
  }
  await lookForSecondDeployment(deps, batch, ended);
  await clearQuarantine(deps, batch, outcomes);
  const closedAt = new Date(deps.now()).toISOString();
  if (!(await closeBatch(deps, batch, state, { closedAt, counters }))) return false;
  const { items, deliveries, quarantined } = counters;
  deps.emit('batchClosed', {
    connector,
    batch: number,
    run: batch.run.name,
    items: items.available,
    delivered: items.delivered,
    failed: items.failed,
    imported: deliveries.imported + deliveries.partial,
    skipped: deliveries.skipped,
    quarantined,
  });
  for (const [reason, many] of Object.entries(counters.reasons))
    deps.emit('quarantineGrew', { connector, batch: number, reason, quarantined: many });
  return true;
}

/** Takes items out of quarantine that ended well after a redrive, or at another worker after one gave up. */
async function clearQuarantine(
  deps: Deps,
  { connector, number }: Manifest,
  outcomes: ReadonlyMap<number, Outcome>,
): Promise<void> {
  const partition = batchPartition(connector, number);
  for await (const { row } of deps.quarantine.list(partition))
    if (outcomes.get(Number(row))?.reason === undefined) await deps.quarantine.remove(partition, row);
}
