/** Calendar days of the organisation: they begin at a time of day in a time zone, and can have 23 or 25 hours. */

export interface DayStarts {
  /** Minutes after local midnight. */
  minutes: number;
  /** IANA name, such as `Europe/Stockholm`. */
  zone: string;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Reads `06:00 Europe/Stockholm`; undefined if it is not a time and a time zone that this machine knows. */
export function readDayStarts(text: string): DayStarts | undefined {
  const [, hour = '', minute = '', zone = ''] = /^([01]\d|2[0-3]):([0-5]\d) (\S+)$/.exec(text) ?? [];
  if (zone === '') return undefined;
  try {
    formatterOf(zone);
  } catch {
    return undefined;
  }
  return { minutes: Number(hour) * 60 + Number(minute), zone };
}

/** The calendar day of an instant (ms), as `2026-11-20`. */
export function dayOf(ms: number, rule: DayStarts): string {
  const guess = dateOf(ms + offsetMs(ms, rule.zone) - rule.minutes * MINUTE);
  // Where the clocks change, the guess can be a day off.
  if (startOfDay(guess, rule) > ms) return shifted(guess, -1);
  return startOfDay(shifted(guess, 1), rule) <= ms ? shifted(guess, 1) : guess;
}

/** When a calendar day begins (ms). */
export function startOfDay(day: string, { minutes, zone }: DayStarts): number {
  const wallMs = Date.parse(`${day}T00:00:00Z`) + minutes * MINUTE;
  const guess = wallMs - offsetMs(wallMs, zone);
  return wallMs - offsetMs(guess, zone);
}

/** When the calendar day after that of an instant begins (ms). */
export const nextDayStart = (ms: number, rule: DayStarts): number =>
  startOfDay(shifted(dayOf(ms, rule), 1), rule);

/** The day that is so many days later, or earlier. */
export const shifted = (day: string, days: number): string =>
  dateOf(Date.parse(`${day}T00:00:00Z`) + days * DAY);

/** Whether the text is a day of the calendar, such as `2026-02-28`. */
export function isDay(text: string): boolean {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(ms) && dateOf(ms) === text;
}

const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

const formatters = new Map<string, Intl.DateTimeFormat>();

/** @throws RangeError for an unknown zone */
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone);
  if (!formatter) {
    const numeric = 'numeric' as const;
    formatter = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, hourCycle: 'h23', year: numeric, month: numeric, day: numeric },
      ...{ hour: numeric, minute: numeric, second: numeric },
    });
    formatters.set(timeZone, formatter);
  }
  return formatter;
}

/** How far the clocks of the zone are ahead of UTC at an instant (ms). */
function offsetMs(ms: number, zone: string): number {
  if (zone === 'UTC') return 0;
  const whole = Math.floor(ms / 1000) * 1000;
  const parts = Object.fromEntries(
    formatterOf(zone)
      .formatToParts(whole)
      .map(({ type, value }) => [type, Number(value)]),
  ) as Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', number>;
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - whole;
}
