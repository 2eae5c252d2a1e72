import { Cron } from 'croner';

/** NCRONTAB: `{second} {minute} {hour} {day} {month} {day of week}`, in UTC as on Flex Consumption. */

export interface Schedule {
  expression: string;
  /** The first occurrence after the instant, in milliseconds since 1970. */
  next(afterMs: number): number;
  /** Occurrences closer than a minute are not monitored unless that is asked for. */
  subMinute: boolean;
}

const field = /^[\d*,/-]+$/;
const month = /^(?:[\d*,/-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+$/i;
const weekday = /^(?:[0-6*,/-]|sun|mon|tue|wed|thu|fri|sat)+$/i;
const rules = [field, field, field, field, month, weekday];

export function parseSchedule(expression: string): Schedule {
  const given = expression.trim().split(/\s+/);
  const fields = given.length === 5 ? ['0', ...given] : given;
  const bad = fields.length !== 6 || fields.some((part, index) => !rules[index]?.test(part));
  // croner knows more than NCRONTAB does (L, W, #, ?): what the real host refuses must be refused here.
  const refuse = (cause?: unknown) =>
    new Error(`The schedule expression '${expression}' was not recognized.`, { cause });
  if (bad) throw refuse();
  let cron: Cron;
  try {
    cron = new Cron(fields.join(' '), {
      paused: true,
      timezone: 'UTC',
      mode: '6-part',
      domAndDow: true,
      sloppyRanges: true,
    });
  } catch (error) {
    throw refuse(error);
  }
  const next = (afterMs: number) => {
    const found = cron.nextRun(new Date(afterMs));
    if (!found) throw new Error(`The schedule expression '${expression}' has no next occurrence.`);
    return found.getTime();
  };
  const first = next(Date.UTC(2026, 0, 1));
  return { expression, next, subMinute: next(first) - first < 60_000 };
}
