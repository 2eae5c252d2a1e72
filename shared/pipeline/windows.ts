import { nextDayStart, type DayStarts } from '../days';
import type { Run } from '../storage/manifest';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** How early a timer may fire. */
const mostEarlyMs = 1000;
/** The longest window that a run may cover (ms): the day on which the clocks are put back. */
export const longestWindowMs = DAY + 60 * MINUTE;

export interface WindowRules {
  /** When a day begins. */
  dayStarts: DayStarts;
  /** How many days back missed windows are fetched. */
  catchUpDays: number;
  /** How long after its arrival the site usually lists a message. */
  lagMs: number;
  /** How much of the window before is listed again, for what the site lists even later. */
  overlapMs: number;
}

/** A daily run, and from when on the site lists it. */
export type DailyRun = Run & { listedFrom?: string };

export interface DueWindows {
  runs: DailyRun[];
  /** Set when the app was down for longer than the catch-up reaches: only a backfill fetches this interval. */
  missed?: { from: string; to: string };
}

const iso = (ms: number) => new Date(ms).toISOString();
const compact = (instant: string) => instant.replace(/[-:]|\.\d+/g, '');

/**
 * The daily windows that are due, oldest first: each from where the one before ended to the end of that calendar day.
 * Without a watermark, the one window of 24 hours that ends now, so that the first run archives what came last; the
 * next one is shorter. Of windows that are too old, only whole ones are missed.
 */
export function dueWindows(watermark: string | undefined, nowMs: number, rules: WindowRules): DueWindows {
  // A timer that fires some milliseconds early must not miss its day. What comes in these milliseconds is listed by the
  // next window, if windows overlap; without a window before it, none may end in the future.
  const earlyMs = watermark !== undefined && rules.overlapMs >= mostEarlyMs ? mostEarlyMs : 0;
  const endMs = Math.floor((nowMs + earlyMs - rules.lagMs) / MINUTE) * MINUTE;
  // Nothing was fetched before the first window, so a list that begins earlier would be new.
  if (watermark === undefined) return { runs: [windowRun('daily', iso(endMs - DAY), iso(endMs))] };
  const startMs = Date.parse(watermark);
  const tooOldMs = endMs - rules.catchUpDays * DAY;
  const end = (ms: number) => nextDayStart(ms, rules.dayStarts);
  let fromMs = startMs;
  while (end(fromMs) <= tooOldMs) fromMs = end(fromMs);
  const runs: DailyRun[] = [];
  for (let at = fromMs; end(at) <= endMs; at = end(at)) {
    const run = windowRun('daily', iso(at), iso(end(at)));
    runs.push(rules.overlapMs === 0 ? run : { ...run, listedFrom: iso(at - rules.overlapMs) });
  }
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
