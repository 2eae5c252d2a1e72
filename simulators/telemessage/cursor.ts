import { createHmac, timingSafeEqual } from 'node:crypto';

/** Where a page begins, handed out as text that means nothing to a client and fits one source and window alone. */

export interface Place {
  source: string;
  /** The window in ms since 1970: the same instants written in another way are the same window. */
  fromMs: number;
  toMs: number;
  /** Lines of the window before the page. */
  position: number;
}

// The same in every process, so that a simulator that is started again knows the cursors of the one before.
const key = 'simulated-telemessage-cursors';
const tagLength = 16;

const tagOf = (body: Buffer) => createHmac('sha256', key).update(body).digest().subarray(0, tagLength);

/** Standard base64, whose `+`, `/` and `=` a client must encode in a query. */
export function issueCursor(place: Place, issuedAtMs: number): string {
  const body = Buffer.from(
    JSON.stringify([place.source, place.fromMs, place.toMs, place.position, issuedAtMs]),
  );
  return Buffer.concat([tagOf(body), body]).toString('base64');
}

/** The position that the cursor stands for, or undefined when it is none, too old, or of another source or window. */
export function readCursor(
  cursor: string,
  window: Omit<Place, 'position'>,
  options: { nowMs: number; lifetimeMs: number },
): number | undefined {
  const bytes = Buffer.from(cursor, 'base64');
  if (bytes.length <= tagLength || bytes.toString('base64') !== cursor) return undefined;
  const body = bytes.subarray(tagLength);
  if (!timingSafeEqual(tagOf(body), bytes.subarray(0, tagLength))) return undefined;
  const [source, fromMs, toMs, position, issuedAtMs] = JSON.parse(body.toString()) as [
    ...[source: string, fromMs: number, toMs: number, position: number, issuedAtMs: number],
  ];
  const isOfWindow = source === window.source && fromMs === window.fromMs && toMs === window.toMs;
  return isOfWindow && options.nowMs - issuedAtMs < options.lifetimeMs ? position : undefined;
}

/** The same for every cursor of one page, whenever it was issued; empty for the first page. */
export function pageOf(cursor: string | null): string {
  const body = Buffer.from(cursor ?? '', 'base64')
    .subarray(tagLength)
    .toString();
  return body.replace(/,\d+\]$/, '');
}
