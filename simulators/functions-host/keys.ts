import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Access keys. If the host has none, every level is open, as under `func start`. */

export interface Keys {
  master: string;
  function: string;
  /** The system key for the blob extension's webhook. */
  blobsExtension: string;
}

const digest = (text: string) => createHash('sha256').update(text).digest();
const same = (a: string, b: string) => timingSafeEqual(digest(a), digest(b));

export function keyAllows(
  keys: Keys | undefined,
  level: 'anonymous' | 'function' | 'admin' | 'blobsExtension',
  request: IncomingMessage,
  url: URL,
): boolean {
  if (!keys || level === 'anonymous') return true;
  const header = request.headers['x-functions-key'];
  const given = (typeof header === 'string' ? header : undefined) ?? url.searchParams.get('code') ?? '';
  if (given === '') return false;
  if (same(given, keys.master)) return true;
  if (level === 'function') return same(given, keys.function);
  return level === 'blobsExtension' && same(given, keys.blobsExtension);
}
