import { createHash } from 'node:crypto';
import { createLineScanner, type Line } from '../telemessage/lines';
import type { Manifest } from './manifest';

/** Thrown when a page is not what its manifest says. */
export class PageDamagedError extends Error {
  override readonly name = 'PageDamagedError';
}

/**
 * Yields the items of a page, those of each chunk together.
 *
 * @throws PageDamagedError when size, line count or hash differ from the manifest
 */
export async function* scanPage(
  content: AsyncIterable<Buffer>,
  expected: Manifest['pages'][number],
): AsyncGenerator<Line[]> {
  const damaged = () =>
    new PageDamagedError(`The page ${expected.blob} is damaged: it differs from its manifest`);
  const hash = createHash('sha256');
  const scanner = createLineScanner();
  let bytes = 0;
  let lines = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    bytes += chunk.length;
    const found = scanner.scan(chunk);
    lines += found.length;
    // Not at the end: the pointers of a page without end would not fit into memory.
    if (lines > expected.items) throw damaged();
    yield found;
  }
  if (bytes !== expected.bytes || lines !== expected.items || hash.digest('hex') !== expected.sha256)
    throw damaged();
}
