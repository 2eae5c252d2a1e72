/**
 * How long the functions work, in ms. The host ends a worker whose function outlasts its time-out, with everything else
 * that runs in it; so each function stops by itself before that, and goes on the next time.
 */

const MINUTE = 60_000;

/** `functionTimeout` in host.json. */
export const functionTimeoutMs = 30 * MINUTE;
/** Fetching one connector; all connectors fetch at the same time. */
export const fetchBudgetMs = 20 * MINUTE;
/** No delivery of an item begins after this time. */
export const attemptBudgetMs = 10 * MINUTE;
/** A delivery that has begun may go on for longer. */
export const longestDeliveryMs = 25 * MINUTE;
/** Searching mailboxes for second copies, for each connector. */
export const sweepBudgetMs = 10 * MINUTE;

/**
 * A worker that was frozen may wake up after another one has ended the item: nobody would count, or clean up, what it
 * still does.
 *
 * @throws Error after `untilMs`
 */
export function needTime({ now }: { now: () => number }, untilMs: number): void {
  if (now() > untilMs) throw new Error('The work has taken longer than a function may run');
}
