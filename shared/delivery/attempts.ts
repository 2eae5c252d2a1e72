import { createHash } from 'node:crypto';
import type { Deps } from '../deps';
import { BusyError, PutOffError } from '../errors';
import type { ItemPointer } from '../item';
import {
  batchPartition,
  hasOutcome,
  positionRow,
  type Attempts,
  type Delivering,
  type Outcome,
} from '../storage/outcomes';
import { functionTimeoutMs } from '../time-budget';
import type { Stored } from '../storage/rows.client';

/**
 * The attempts of an item are counted in its row of the table `outcomes`, so that a death is blamed on the item that
 * causes it: the host's time-out, or a lack of memory, ends the worker with everything in it, and each item in it loses
 * one of the host's five attempts. An item that was present in two deaths is a suspect and runs alone from then on; only
 * one that ends its worker alone is given up.
 */

type Stage = Pick<Deps, 'outcomes' | 'now'>;

/** The host's own number of attempts. Deployments and restarts end workers too, so as many deaths prove as much. */
const mostFailures = 5;
const deathsOfSuspect = 2;

const none: Attempts = { begun: 0, ended: 0, failed: 0, begunAlone: 0, endedAlone: 0 };

export interface Attempt {
  /** The item's row as this attempt last read or wrote it. */
  row: Stored<Outcome>;
  alone: boolean;
  /** The first attempt of an item has number 1. */
  number: number;
  /** When it began (ms). */
  beganMs: number;
  /** Digests of the users to whom it delivers; none until it does. */
  recipients: Set<string>;
}

/** Whether the item was present in so many deaths that it must run alone. */
export function isSuspect(outcome: Stored<Outcome> | undefined): boolean {
  const { begun, ended } = outcome?.value.attempts ?? none;
  return begun - ended >= deathsOfSuspect;
}

/** Whether the item ends its worker: it did so with nothing beside it. Nothing may read it again. */
export function isDeadly(outcome: Stored<Outcome> | undefined): boolean {
  const { begunAlone, endedAlone } = outcome?.value.attempts ?? none;
  return begunAlone - endedAlone >= mostFailures;
}

/** Whether an item that the host gave up on failed by itself, and not because of another item or of a restart. */
export function isAtFault(outcome: Stored<Outcome> | undefined): boolean {
  return (outcome?.value.attempts?.failed ?? 0) >= mostFailures || isDeadly(outcome);
}

/** Notes that the first attempt of an item begins; undefined if another one has begun before. Reads nothing. */
export const beginFirstAttempt = (deps: Stage, pointer: ItemPointer): Promise<Attempt | undefined> =>
  beginAfter(deps, pointer, false, undefined);

/** Notes that an attempt begins; undefined if the item has an outcome by now. `known` is its row as last read. */
export async function beginAttempt(
  deps: Stage,
  pointer: ItemPointer,
  alone: boolean,
  known?: Stored<Outcome>,
): Promise<Attempt | undefined> {
  const partition = batchPartition(pointer.connector, pointer.batch);
  for (;;) {
    if (hasOutcome(known)) return undefined;
    const attempt = await beginAfter(deps, pointer, alone, known);
    if (attempt) return attempt;
    known = await deps.outcomes.get(partition, positionRow(pointer.position));
  }
}

/** Undefined if the row is another one than `known`. */
async function beginAfter(
  deps: Stage,
  { connector, batch, position }: ItemPointer,
  alone: boolean,
  known: Stored<Outcome> | undefined,
): Promise<Attempt | undefined> {
  const beganMs = deps.now();
  const former = known?.value.attempts ?? none;
  const attempts: Attempts = {
    ...former,
    begun: former.begun + 1,
    begunAlone: former.begunAlone + (alone ? 1 : 0),
  };
  const fresh: Outcome = { v: 2, kind: 'begun', settledAt: '', expected: 0, deliveries: [] };
  const value: Outcome = { ...(known?.value ?? fresh), attempts };
  if (value.kind === 'begun') value.settledAt = new Date(beganMs).toISOString();
  const partition = batchPartition(connector, batch);
  const row = positionRow(position);
  const etag = known
    ? await deps.outcomes.replace(partition, row, value, known.etag)
    : await deps.outcomes.insert(partition, row, value);
  if (etag === undefined) return undefined;
  return { row: { row, value, etag }, alone, number: attempts.begun, beganMs, recipients: new Set() };
}

/**
 * Notes the item's key and its recipients, before anything is created.
 *
 * @throws BusyError when the item has an outcome by now: a delivery would stand in none
 */
export function noteRecipients(
  deps: Stage,
  pointer: ItemPointer,
  attempt: Attempt,
  { itemKey, userIds }: { itemKey: string; userIds: readonly string[] },
): Promise<void> {
  const { number } = attempt;
  attempt.recipients = new Set(userIds.map(digestOf));
  const until = new Date(endOf(attempt)).toISOString();
  const own: Delivering = { number, until, recipients: [...attempt.recipients] };
  return change(deps, pointer, attempt, (attempts) => ({
    ...attempts,
    itemKey,
    delivering: [...rivals(deps, attempt, attempts), own],
  }));
}

/** When the attempt has ended (ms), whether it says so or not: no function outlasts its time-out. */
export const endOf = ({ beganMs }: Pick<Attempt, 'beganMs'>): number => beganMs + functionTimeoutMs;

/** Two users with the same digest are not told apart: then an outcome may not wait for a rival that still delivers. */
const digestOf = (userId: string) => createHash('sha256').update(userId).digest('hex').slice(0, 6);

/** Other attempts that may be delivering the item at this moment, whether or not their workers are alive. */
const rivals = (
  { now }: Pick<Deps, 'now'>,
  { number }: Pick<Attempt, 'number'>,
  { delivering = [] }: Pick<Attempts, 'delivering'> = {},
) => delivering.filter((one) => one.number !== number && Date.parse(one.until) > now());

/**
 * What another attempt delivers to users whom this one does not know of, because the mapping or a limit was changed,
 * would stand in no outcome.
 *
 * @throws PutOffError until that attempt has ended
 */
export function waitForRivals(deps: Pick<Deps, 'now'>, attempt: Attempt, attempts?: Attempts): void {
  const others = rivals(deps, attempt, attempts).filter(({ recipients }) =>
    recipients.some((one) => !attempt.recipients.has(one)),
  );
  if (others.length === 0) return;
  const untilMs = Math.max(...others.map(({ until }) => Date.parse(until)));
  throw new PutOffError(untilMs - deps.now(), 'Another attempt may still be delivering the item');
}

/** Notes that an attempt ended without an outcome. `failed`: with an error that another attempt may cure. */
export const endAttempt = (deps: Stage, pointer: ItemPointer, attempt: Attempt, failed: boolean) =>
  change(deps, pointer, attempt, (attempts) => ({
    ...attempts,
    delivering: rivals(deps, attempt, attempts),
    ended: attempts.ended + 1,
    failed: attempts.failed + (failed ? 1 : 0),
    endedAlone: attempts.endedAlone + (attempt.alone ? 1 : 0),
  }));

async function change(
  deps: Stage,
  pointer: ItemPointer,
  attempt: Attempt,
  to: (attempts: Attempts) => Attempts,
): Promise<void> {
  const partition = batchPartition(pointer.connector, pointer.batch);
  for (;;) {
    const { row, value, etag } = attempt.row;
    const attempts = to(value.attempts ?? none);
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
