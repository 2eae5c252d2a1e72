import type { Deps } from '../deps';
import { BusyError } from '../errors';
import type { ItemPointer } from '../item';
import { batchPartition, positionRow, type Attempts, type Outcome } from '../storage/outcomes';
import { functionTimeoutMs } from '../time-budget';
import type { Stored } from '../storage/rows.client';

/**
 * The attempts of an item are counted in its row of the table `outcomes`, so that a death is blamed on the item that
 * causes it: the host's time-out, or a lack of memory, ends the worker with everything in it, and each item in it loses
 * one of the host's five attempts. An item that was present in two deaths is a suspect and runs alone from then on; only
 * one that ends its worker alone is given up.
 */

type Stage = Pick<Deps, 'outcomes' | 'now'>;

/** The host's own number of attempts. */
const mostFailures = 5;
/** Deployments and restarts end workers too. */
const mostDeathsAlone = 3;
const deathsOfSuspect = 2;

const none: Attempts = { begun: 0, ended: 0, failed: 0, begunAlone: 0, endedAlone: 0 };

export interface Attempt {
  /** The item's row as this attempt last read or wrote it. */
  row: Stored<Outcome>;
  alone: boolean;
  /** When the latest attempt before this one began, ISO-8601 UTC; empty if none did. */
  formerBegan: string;
  /** Until then (ms), an earlier attempt that has not ended may still be at work: no function outlasts its time-out. */
  rivalUntilMs: number;
}

/** Whether the item has an outcome and was not put back on the queue since. */
export const hasOutcome = (outcome: Stored<Outcome> | undefined): boolean =>
  outcome !== undefined && outcome.value.kind !== 'begun' && outcome.value.redrivenAt === undefined;

/** Whether the item was present in so many deaths that it must run alone. */
export function isSuspect(outcome: Stored<Outcome> | undefined): boolean {
  const { begun, ended } = outcome?.value.attempts ?? none;
  return begun - ended >= deathsOfSuspect;
}

/** Whether the item ends its worker: it did so with nothing beside it. Nothing may read it again. */
export function isDeadly(outcome: Stored<Outcome> | undefined): boolean {
  const { begunAlone, endedAlone } = outcome?.value.attempts ?? none;
  return begunAlone - endedAlone >= mostDeathsAlone;
}

/** Whether an item that the host gave up on failed by itself, and not because of another item or of a restart. */
export function isAtFault(outcome: Stored<Outcome> | undefined): boolean {
  return (outcome?.value.attempts?.failed ?? 0) >= mostFailures || isDeadly(outcome);
}

/** Notes that an attempt begins; undefined if the item has an outcome by now. */
export async function beginAttempt(
  deps: Stage,
  pointer: ItemPointer,
  alone: boolean,
): Promise<Attempt | undefined> {
  const partition = batchPartition(pointer.connector, pointer.batch);
  const key = positionRow(pointer.position);
  for (;;) {
    const known = await deps.outcomes.get(partition, key);
    if (hasOutcome(known)) return undefined;
    const former = known?.value.attempts ?? none;
    const attempts: Attempts = {
      ...former,
      begun: former.begun + 1,
      begunAlone: former.begunAlone + (alone ? 1 : 0),
    };
    const fresh: Outcome = { v: 2, kind: 'begun', settledAt: '', expected: 0, deliveries: [] };
    const value: Outcome = { ...(known?.value ?? fresh), attempts };
    if (value.kind === 'begun') value.settledAt = new Date(deps.now()).toISOString();
    const etag = known
      ? await deps.outcomes.replace(partition, key, value, known.etag)
      : await deps.outcomes.insert(partition, key, value);
    if (!etag) continue;
    const formerBegan = known?.value.kind === 'begun' ? known.value.settledAt : '';
    const isOpen = former.begun > former.ended;
    const rivalUntilMs = isOpen && formerBegan ? Date.parse(formerBegan) + functionTimeoutMs : 0;
    return { row: { row: key, value, etag }, alone, formerBegan, rivalUntilMs };
  }
}

/**
 * Notes the item's key, before anything is created.
 *
 * @throws BusyError when the item has an outcome by now: a delivery would stand in none
 */
export const noteItemKey = (deps: Stage, pointer: ItemPointer, attempt: Attempt, itemKey: string) =>
  change(deps, pointer, attempt, (attempts) =>
    attempts.itemKey === itemKey ? undefined : { ...attempts, itemKey },
  );

/** Notes that an attempt ended without an outcome. `failed`: with an error that another attempt may cure. */
export const endAttempt = (deps: Stage, pointer: ItemPointer, attempt: Attempt, failed: boolean) => {
  const { value } = attempt.row;
  // An attempt that has ended is nobody's rival.
  if (value.kind === 'begun' && attempt.formerBegan) value.settledAt = attempt.formerBegan;
  return change(deps, pointer, attempt, (attempts) => ({
    ...attempts,
    ended: attempts.ended + 1,
    failed: attempts.failed + (failed ? 1 : 0),
    endedAlone: attempts.endedAlone + (attempt.alone ? 1 : 0),
  }));
};

async function change(
  deps: Stage,
  pointer: ItemPointer,
  attempt: Attempt,
  to: (attempts: Attempts) => Attempts | undefined,
): Promise<void> {
  const partition = batchPartition(pointer.connector, pointer.batch);
  for (;;) {
    const { row, value, etag } = attempt.row;
    const attempts = to(value.attempts ?? none);
    if (!attempts) return;
    const changed: Outcome = { ...value, attempts };
    const written = await deps.outcomes.replace(partition, row, changed, etag);
    if (written) {
      attempt.row = { row, value: changed, etag: written };
      return;
    }
    // Another pointer to the same item wrote, or the answer to our own write was lost: counting twice does no harm.
    const stored = await deps.outcomes.get(partition, row);
    if (!stored || hasOutcome(stored) || stored.value.redrivenAt !== value.redrivenAt)
      throw new BusyError(1000, 'Another attempt has ended the item');
    attempt.row = stored;
  }
}
