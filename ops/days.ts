import * as z from 'zod';
import { isDay, shifted, startOfDay, type DayStarts } from '../shared/days';
import { UsageError } from './verb';

/** Days and intervals as a person types them: `2026-11-20`, or an instant. */

const expected = 'expected a day such as 2026-11-20, or an instant such as 2026-11-20T06:00:00Z';
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

export const dayInput = z
  .string()
  .refine((text) => isDay(text) || (instant.test(text) && !Number.isNaN(Date.parse(text))), expected);

/** The input and the options of a verb that looks at a part of the archive. */
export const intervalInput = { from: dayInput.optional(), to: dayInput.optional() };
export const intervalOptions = [
  ['--from <day>', 'first day, or an instant of arrival at TeleMessage; DAY_STARTS says when a day begins'],
  ['--to <day>', 'last day (included), or an instant (excluded)'],
] as const satisfies readonly [string, string][];

/** The half-open interval (ISO-8601 UTC) between two days, the last one included. @throws UsageError if it is empty */
export function intervalOf(
  { from, to }: { from?: string | undefined; to?: string | undefined },
  rule: DayStarts,
): { from?: string; to?: string } {
  const iso = (ms: number) => new Date(ms).toISOString();
  const begin = (text: string) => iso(isDay(text) ? startOfDay(text, rule) : Date.parse(text));
  const interval = {
    ...(from === undefined ? {} : { from: begin(from) }),
    ...(to === undefined ? {} : { to: isDay(to) ? begin(shifted(to, 1)) : begin(to) }),
  };
  if (interval.from !== undefined && interval.to !== undefined && interval.from >= interval.to)
    throw new UsageError('--to: expected a day that is not before --from');
  return interval;
}
