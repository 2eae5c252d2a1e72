import type { Run } from '../storage/manifest';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** No run covers more (ms). */
export const longestWindowMs = DAY;

export interface WindowRules {
  /** How far back missed days are fetched. */
  catchUpDays: number;
  /** How long after its arrival a message is sure to be listed by the site. */
  lagMs: number;
}

export interface DueWindows {
  runs: Run[];
  /** Set when the app was away for longer than the catch-up reaches: this interval is not fetched by itself. */
  missed?: { from: string; to: string };
}

const iso = (ms: number) => new Date(ms).toISOString();
const compact = (instant: string) => instant.replace(/[-:]|\.\d+/g, '');

/**
 * The daily windows that are due, oldest first: 24 hours each, from the watermark on. Without a watermark it
 * is the window that ends now.
 */
export function dueWindows(watermark: string | undefined, nowMs: number, rules: WindowRules): DueWindows {
  // To the nearest minute: a timer that fires some milliseconds early must not miss its day.
  const endMs = Math.round((nowMs - rules.lagMs) / MINUTE) * MINUTE;
  const startMs = watermark === undefined ? endMs - DAY : Date.parse(watermark);
  const earliestMs = endMs - rules.catchUpDays * DAY;
  const fromMs = Math.max(startMs, earliestMs);
  const runs: Run[] = [];
  for (let at = fromMs; at + DAY <= endMs; at += DAY) runs.push(windowRun('daily', iso(at), iso(at + DAY)));
  return fromMs > startMs ? { runs, missed: { from: iso(startMs), to: iso(fromMs) } } : { runs };
}

/** A run; daily ones are named by their window's start, so that two timers open the same one. */
export function windowRun<Cause extends Run['cause']>(
  cause: Cause,
  from: string,
  to: string,
  id?: string,
): Run & { cause: Cause } {
  return { name: [cause, compact(from), id].filter(Boolean).join('-'), cause, from, to };
}
