/**
 * Milliseconds that a `Retry-After` header asks to wait: delay seconds or an HTTP date (RFC 9110, 10.2.3).
 * Undefined when the header is missing or cannot be read; never negative.
 */
export function retryAfterMs(header: string | null | undefined, nowMs: number): number | undefined {
  const text = header?.trim();
  if (!text) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
