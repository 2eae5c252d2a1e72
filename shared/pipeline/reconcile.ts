import type { ConnectorId } from '../connectors';
import { nextDayStart } from '../days';
import type { Deps } from '../deps';
import { noteCoverage } from '../evidence/coverage';
import type { Manifest, StoredManifest } from '../storage/manifest';
import { batchPartition, batchRow, hasOutcome, type BatchState, type Outcome } from '../storage/outcomes';
import type { Stored } from '../storage/rows.client';
import { changeBatch, closeBatch, markTold, passClosed } from './batch-state';
import { balances, count, noCounters } from '../storage/counters';
import type { Reason } from '../errors';
import { isKnownFromElsewhere } from '../delivery/quarantine-entry';
import { takeOut } from '../delivery/record-outcome';
import { lookForSecondDeployment } from '../delivery/look-for-second-deployment';
import { reviewMapping, reviewSettings } from './review-changes';
import { fileDailyReport } from './daily-report';
import { putPointers, splitBatch } from './split-batch';
import { sweepCopies } from '../delivery/sweep-copies';
import { sweepBudgetMs } from '../time-budget';

/** A day with many faults needs hundreds of sweeps, each one or two requests to a mailbox. */
const sweepsInFlight = 8;
/** A daily window is late when it is not stored so long after its end. */
const lateAfterMs = 2 * 60 * 60 * 1000;
/** Wait this many times longer while the queue still covers the missing items. */
const patience = 24;
/** The clocks of two machines differ by less than this. */
const clockToleranceMs = 10 * 60 * 1000;

/**
 * Repairs what triggers and queues lost: puts items without an outcome back on the queue, looks once more into mailboxes
 * where a create request got no answer, and closes each batch whose sums balance, with its counters. A batch that fails
 * does not stop the others.
 *
 * @throws Error that names each connector and each batch that failed
 */
export async function reconcile(deps: Deps): Promise<void> {
  const failures: string[] = [];
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  await attempt('settings', () => reviewSettings(deps));
  for (const id of deps.config.connectors) {
    await attempt(`mapping of ${id}`, () => reviewMapping(deps, id));
    await attempt(id, () => reportLateness(deps, id));
    await attempt(id, async () => {
      failures.push(...(await reconcileConnector(deps, id)));
    });
  }
  await attempt('daily report', () => fileDailyReport(deps));
  if (failures.length > 0) throw new Error(`Reconciling failed. ${failures.join('; ')}`);
}

async function reportLateness(deps: Deps, id: ConnectorId): Promise<void> {
  const watermark = (await deps.runs.watermark(id)) ?? (await firstWindow(deps, id));
  if (watermark === undefined) return;
  const ageMs = deps.now() - Date.parse(watermark);
  const { dayStarts, lagMs } = deps.config.fetch;
  if (deps.now() > nextDayStart(Date.parse(watermark), dayStarts) + lateAfterMs + lagMs)
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

/** The start of the first daily window, while it is not fetched; undefined before anything was begun. */
async function firstWindow(deps: Deps, id: ConnectorId): Promise<string | undefined> {
  const days = (await deps.runs.listOpen(id)).filter(({ cause }) => cause === 'daily');
  return days.map(({ from }) => from).toSorted()[0];
}

/** Returns what failed, a line per batch. */
async function reconcileConnector(deps: Deps, id: ConnectorId): Promise<string[]> {
  const failures: string[] = [];
  const sweeps: Sweeps = { untilMs: deps.now() + sweepBudgetMs, unreachable: new Map() };
  const closedBefore = await deps.runs.closedThrough(id);
  const lastKnown = await deps.runs.chainHint(id);
  let closedThrough = closedBefore.number;
  for (let number = closedThrough + 1; ; number++) {
    try {
      const isNext = closedThrough === number - 1;
      const pass = await reconcileNumber(deps, id, number, { isNext, sweeps });
      if (pass === 'end') break;
      if (pass === 'closed' && isNext) closedThrough = number;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      failures.push(`${id} batch ${number}: ${message}`);
      deps.emit('batchBlocked', { connector: id, batch: number, message });
      // When the store itself fails, every number fails, and the chain has no end.
      if (number > lastKnown) break;
    }
  }
  if (closedThrough > closedBefore.number)
    await deps.runs.advanceClosedThrough(id, closedThrough, closedBefore.etag);
  return failures;
}

/** `end`: the chain has no batch of this number. */
async function reconcileNumber(
  deps: Deps,
  id: ConnectorId,
  number: number,
  { isNext, sweeps }: { isNext: boolean; sweeps: Sweeps },
): Promise<'closed' | 'open' | 'end'> {
  // Read the batch's state before its outcomes: a redrive between the two then keeps the batch open.
  const state = await deps.batchStates.get(id, batchRow(number));
  if (state?.value.closedAt !== undefined) {
    const { closedAt, toldAt } = state.value;
    if (toldAt === undefined)
      return (await tellClosed(deps, id, number, { ...state.value, closedAt })) ? 'closed' : 'open';
    return isNext && (await passClosed(deps, id, state)) ? 'closed' : 'open';
  }
  const found = await deps.batches.read(id, number);
  if (!found) return 'end';
  return (await reconcileBatch(deps, found, state, sweeps)) ? 'closed' : 'open';
}

/** Returns whether the batch is closed now. */
async function reconcileBatch(
  deps: Deps,
  { manifest: batch, sha256 }: StoredManifest,
  state: Stored<BatchState> | undefined,
  sweeps: Sweeps,
): Promise<boolean> {
  const outcomes = new Map<number, Stored<Outcome>>();
  const redriven: string[] = [];
  for await (const outcome of deps.outcomes.list(batchPartition(batch.connector, batch.number)))
    if (hasOutcome(outcome)) outcomes.set(Number(outcome.row), outcome);
    else if (outcome.value.redrivenAt) redriven.push(outcome.value.redrivenAt);
  const missing = new Set<number>();
  for (let position = 0; position < batch.items; position++)
    if (!outcomes.has(position)) missing.add(position);
  if (missing.size > 0) {
    await putBack(deps, batch, state?.value, { outcomes, missing, redriven });
    return false;
  }
  const settled = await settleDoubts(deps, batch, outcomes, sweeps);
  return settled !== undefined && close(deps, { batch, sha256, state, outcomes: settled });
}

interface Sweeps {
  /** No further sweep begins after this instant (ms). */
  untilMs: number;
  /** Mailboxes that did not answer in this run, with the error. Asking again for each item could take hours. */
  unreachable: Map<string, unknown>;
}

/**
 * The outcomes, by position, after each that was in doubt was swept; undefined while one is still in doubt. A mailbox
 * that gives no answer keeps the batches of its items open and nothing else: the next run looks again.
 */
async function settleDoubts(
  deps: Deps,
  batch: Manifest,
  outcomes: ReadonlyMap<number, Stored<Outcome>>,
  { untilMs, unreachable }: Sweeps,
): Promise<Map<number, Outcome> | undefined> {
  const settled = new Map([...outcomes].map(([position, { value }]) => [position, value]));
  const inDoubt = [...outcomes].filter(([, { value }]) => value.unsureAt !== undefined);
  const due = inDoubt.filter(
    ([, { value }]) => deps.now() >= Date.parse(value.unsureAt!) + deps.config.reconcile.settlingMs,
  );
  const failed: { sinceMs: number; error: unknown }[] = [];
  for (let at = 0; at < due.length && deps.now() < untilMs; at += sweepsInFlight) {
    const sweeps = due.slice(at, at + sweepsInFlight).map(async ([position, outcome]) => {
      try {
        settled.set(position, await sweepCopies(deps, batch, outcome, unreachable));
      } catch (error) {
        failed.push({ sinceMs: Date.parse(outcome.value.unsureAt!), error });
      }
    });
    await Promise.all(sweeps);
  }
  const [oldest] = failed.toSorted((a, b) => a.sinceMs - b.sinceMs);
  if (oldest)
    deps.emit('doubtRemains', {
      connector: batch.connector,
      batch: batch.number,
      count: failed.length,
      ageMs: deps.now() - oldest.sinceMs,
      message: oldest.error instanceof Error ? oldest.error.message : 'a mailbox gave no answer',
    });
  const remain = [...settled.values()].some(({ unsureAt }) => unsureAt !== undefined);
  return remain ? undefined : settled;
}

interface Progress {
  outcomes: ReadonlyMap<number, Stored<Outcome>>;
  /** The positions without an outcome. */
  missing: ReadonlySet<number>;
  /** When items were redriven that have no new outcome yet. */
  redriven: readonly string[];
}

/** Puts positions without an outcome back on the queue when nothing has happened for a while. */
async function putBack(
  deps: Deps,
  batch: Manifest,
  state: BatchState | undefined,
  { outcomes, missing, redriven }: Progress,
): Promise<void> {
  const times = [batch.committedAt, state?.splitAt, state?.requeuedAt, ...redriven];
  for (const { value } of outcomes.values()) times.push(value.settledAt);
  const latest = Math.max(...times.map((time) => (time ? Date.parse(time) : 0)));
  const ageMs = deps.now() - latest;
  const { requeueAfterMs } = deps.config.reconcile;
  if (ageMs < requeueAfterMs) return;
  const { connector, number } = batch;
  const nowIso = new Date(deps.now()).toISOString();
  const heldSince =
    state?.splitAt === undefined ? undefined : await heldByQueue(deps, missing.size, state, nowIso);
  deps.emit('backlogOld', {
    connector,
    batch: number,
    count: missing.size,
    ageMs,
    message: heldSince ? 'the queue still holds them' : 'put back on the queue',
  });
  if (!state?.splitAt) return splitBatch(deps, batch);
  if (!heldSince) await putPointers(deps, batch, (position) => missing.has(position));
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

interface Closing {
  batch: Manifest;
  /** Of the manifest's bytes. */
  sha256: string;
  state: Stored<BatchState> | undefined;
  outcomes: ReadonlyMap<number, Outcome>;
}

async function close(deps: Deps, { batch, sha256, state, outcomes }: Closing): Promise<boolean> {
  const { connector, number } = batch;
  const ended = [...outcomes.values()];
  const counters = noCounters();
  for (const outcome of ended) count(counters, outcome);
  counters.items.available = batch.items - (counters.items.repeated ?? 0);
  if (!balances(counters)) {
    deps.emit('unbalanced', { connector, batch: number, items: batch.items, count: ended.length });
    return false;
  }
  await lookForSecondDeployment(deps, batch, ended);
  await noteCoverage(deps, batch, ended);
  const fresh = await clearQuarantine(deps, batch, outcomes);
  const closing = { closedAt: new Date(deps.now()).toISOString(), counters, fresh, manifestSha256: sha256 };
  if (!(await closeBatch(deps, batch, state, closing))) return false;
  const { told } = state?.value ?? {};
  return tellClosed(deps, connector, number, {
    v: 1,
    runName: batch.run.name,
    ...(told && { told }),
    ...closing,
  });
}

/**
 * Reports a closed batch, then writes down that it was reported: after a crash between the two it is reported twice,
 * which is better than never. Returns false when the batch was opened again meanwhile.
 */
async function tellClosed(
  deps: Deps,
  connector: ConnectorId,
  batch: number,
  { runName, closedAt, counters = noCounters(), fresh = {}, told = {} }: BatchState & { closedAt: string },
): Promise<boolean> {
  const { items, deliveries, quarantined } = counters;
  deps.emit('batchClosed', {
    connector,
    batch,
    run: runName,
    items: items.available,
    delivered: items.delivered,
    failed: items.failed,
    imported: deliveries.imported + deliveries.partial,
    skipped: deliveries.skipped,
    quarantined,
    ...(items.repeated ? { repeated: items.repeated } : {}),
  });
  const toldNow = { ...told };
  for (const [name, many] of Object.entries(fresh)) {
    const reason = name as Reason;
    const more = many - (told[reason] ?? 0);
    if (more <= 0) continue;
    toldNow[reason] = many;
    deps.emit('quarantineGrew', { connector, batch, reason, quarantined: more });
  }
  const toldAt = new Date(deps.now()).toISOString();
  return markTold(deps, connector, batch, { closedAt, toldAt, told: toldNow });
}

/**
 * Takes items out of quarantine that ended well after a redrive, or at another worker after one gave up. Counts those
 * that stay by reason, without items that were in quarantine from another batch before.
 */
async function clearQuarantine(
  deps: Deps,
  { connector, number }: Manifest,
  outcomes: ReadonlyMap<number, Outcome>,
): Promise<Partial<Record<Reason, number>>> {
  const partition = batchPartition(connector, number);
  const fresh: Partial<Record<Reason, number>> = {};
  for await (const { row, value } of deps.quarantine.list(partition)) {
    const reason = outcomes.get(Number(row))?.reason;
    if (reason === undefined) await takeOut(deps, value);
    else if (!(await isKnownFromElsewhere(deps, value))) fresh[reason] = (fresh[reason] ?? 0) + 1;
  }
  return fresh;
}
