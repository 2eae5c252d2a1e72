import type { Deps } from '../deps';

/** A request must end well before its lease does. */
const shareOfRequest = 0.5;

/**
 * True when what is left of a lease (its end in ISO-8601 UTC) does not cover a request any more: a worker that
 * froze since it took its claim must not send one.
 */
export const isShort = (leaseUntil: string, { config, now }: Pick<Deps, 'config' | 'now'>): boolean =>
  Date.parse(leaseUntil) - now() < config.import.leaseMs * shareOfRequest;

/**
 * What is left of a lease (ms). One that ends later than any lease can was written by a clock that ran far ahead: it
 * counts as over, since nobody can tell when its holder was last alive. The mailbox is looked at before anything is
 * made, as after every lease.
 */
export function leaseLeftMs(
  { leaseUntil }: { leaseUntil: string },
  { config, now }: Pick<Deps, 'config' | 'now'>,
): number {
  const leftMs = Date.parse(leaseUntil) - now();
  return leftMs > config.import.leaseMs * 2 ? 0 : leftMs;
}

/** Aborts what outlives its lease; each renewal gives an item of many requests its whole time again. */
export async function withinLease<T>(
  { config }: Pick<Deps, 'config'>,
  work: (signal: AbortSignal, prolong: () => void) => Promise<T>,
): Promise<T> {
  const lease = new AbortController();
  const timer = setTimeout(
    () => lease.abort(new Error('The lease of the delivery was about to end')),
    config.import.leaseMs * shareOfRequest,
  );
  try {
    return await work(lease.signal, () => timer.refresh());
  } finally {
    clearTimeout(timer);
  }
}
