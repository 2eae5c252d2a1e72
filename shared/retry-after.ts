const minuteMs = 60_000;
const longestRetryAfterMs = 60 * minuteMs;

/**
 * How long a `Retry-After` header asks to wait, in milliseconds from `nowMs`: seconds or an HTTP date (RFC 9110,
 * section 10.2.3), limited to one hour and never negative. Undefined when the header is missing or cannot be read.
 */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  let delayMs = Number.NaN;
  if (/^\d+(\.\d+)?$/.test(text)) delayMs = Number(text) * 1000;
  // Date.parse takes a broken number (`-5`, `2020`) for a year, so a date must contain a word.
  else if (/[a-z]{3}/i.test(text)) delayMs = Date.parse(text) - nowMs;
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(Math.ceil(delayMs), 0), longestRetryAfterMs);
}
