import type { Run } from '../storage/manifest';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** The longest window that a run may cover (ms). */
export const longestWindowMs = DAY;

export interface WindowRules {
  /** How many days back missed windows are fetched. */
  catchUpDays: number;
  /** How long after its arrival the site surely lists a message. */
  lagMs: number;
}

export interface DueWindows {
  runs: Run[];
  /** Set when the app was down for longer than the catch-up reaches: only a backfill fetches this interval. */
  missed?: { from: string; to: string };
}

const iso = (ms: number) => new Date(ms).toISOString();
const compact = (instant: string) => instant.replace(/[-:]|\.\d+/g, '');

/**
 * The daily windows that are due, oldest first: 24 hours each, from the watermark on. Without a watermark, the one window
 * that ends now.
 */
export function dueWindows(watermark: string | undefined, nowMs: number, rules: WindowRules): DueWindows {
  // Round to the minute: a timer that fires some milliseconds early must not miss its day.
  const endMs = Math.round((nowMs - rules.lagMs) / MINUTE) * MINUTE;
  const startMs = watermark === undefined ? endMs - DAY : Date.parse(watermark);
  const earliestMs = endMs - rules.catchUpDays * DAY;
  const fromMs = Math.max(startMs, earliestMs);
  const runs: Run[] = [];
  for (let at = fromMs; at + DAY <= endMs; at += DAY) runs.push(windowRun('daily', iso(at), iso(at + DAY)));
  return fromMs > startMs ? { runs, missed: { from: iso(startMs), to: iso(fromMs) } } : { runs };
}

/** A run. Daily runs are named after the start of their window, so that two timers open the same run. */
export function windowRun<Cause extends Run['cause']>(
  cause: Cause,
  from: string,
  to: string,
  id?: string,
): Run & { cause: Cause } {
  return { name: [cause, compact(from), id].filter(Boolean).join('-'), cause, from, to };
}
