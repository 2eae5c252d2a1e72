const minuteMs = 60_000;
const longestRetryAfterMs = 60 * minuteMs;

/**
 * The `Retry-After` header in milliseconds from `nowMs`: seconds or an HTTP date (RFC 9110, section 10.2.3),
 * between 0 and one hour. Undefined when it is missing or cannot be read.
 */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  let delayMs = Number.NaN;
  if (/^\d+(\.\d+)?$/.test(text)) delayMs = Number(text) * 1000;
  // A date without a word in it (`-5`, `2020`) is a broken number, which Date.parse would take for a year.
  else if (/[a-z]{3}/i.test(text)) delayMs = Date.parse(text) - nowMs;
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(Math.ceil(delayMs), 0), longestRetryAfterMs);
}
