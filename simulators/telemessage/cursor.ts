import { createHmac, timingSafeEqual } from 'node:crypto';

/** A cursor says where a page begins. Clients cannot read it, and it is valid for one source and window only. */

export interface Place {
  source: string;
  /** The window, in ms since 1970: instants written in another form are still the same window. */
  fromMs: number;
  toMs: number;
  /** How many lines of the window come before the page. */
  position: number;
}

// A constant, so that a restarted simulator accepts the cursors of the one before.
const key = 'simulated-telemessage-cursors';
const tagLength = 16;

const tagOf = (body: Buffer) => createHmac('sha256', key).update(body).digest().subarray(0, tagLength);

/** The cursor as standard base64, whose `+`, `/` and `=` a client must encode in a query. */
export function issueCursor(place: Place, issuedAtMs: number): string {
  const body = Buffer.from(
    JSON.stringify([place.source, place.fromMs, place.toMs, place.position, issuedAtMs]),
  );
  return Buffer.concat([tagOf(body), body]).toString('base64');
}

/** The position in the cursor; undefined if it is not a cursor, too old, or for another source or window. */
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
  const isForWindow = source === window.source && fromMs === window.fromMs && toMs === window.toMs;
  return isForWindow && options.nowMs - issuedAtMs < options.lifetimeMs ? position : undefined;
}

/** Identifies the page, whenever the cursor was issued; empty for the first page. */
export function pageOf(cursor: string | null): string {
  const body = Buffer.from(cursor ?? '', 'base64')
    .subarray(tagLength)
    .toString();
  return body.replace(/,\d+\]$/, '');
}
