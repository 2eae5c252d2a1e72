import { createHash } from 'node:crypto';
import type { Deps } from '../deps';
import { pointerVersion, type ItemPointer } from '../item';
import type { Manifest } from '../storage/manifest';
import { batchRow } from '../storage/outcomes';
import { changeBatch } from './batch-state';

type Stage = Pick<Deps, 'batches' | 'batchStates' | 'importQueue' | 'now'>;

const lineFeed = 0x0a;
/** Storage queues take about 2,000 messages a second; this many puts in flight come near it. */
const putsInFlight = 16;

/**
 * Puts one pointer per item of a committed batch on the queue. A byte scan: no line is decoded, and memory
 * holds the pointers of one page at most. A second event for the same batch finds it split and does nothing.
 *
 * @throws Error when a page is not what its manifest says
 */
export async function splitBatch(deps: Stage, batch: Manifest): Promise<void> {
  const known = await deps.batchStates.get(batch.connector, batchRow(batch.number));
  if (known?.value.splitAt) return;
  await putPointers(deps, batch, () => true);
  const splitAt = new Date(deps.now()).toISOString();
  await changeBatch(deps, batch, (state) => ({ ...state, splitAt }));
}

/** Puts the pointers of the wanted positions on the queue; a pointer that is there twice does no harm. */
export async function putPointers(
  deps: Pick<Deps, 'batches' | 'importQueue'>,
  batch: Manifest,
  wanted: (position: number) => boolean,
): Promise<void> {
  let position = 0;
  for (const page of batch.pages) {
    const pointers: ItemPointer[] = [];
    for await (const { offset, length } of scanPage(await deps.batches.streamPage(page.blob), page)) {
      if (wanted(position))
        pointers.push({
          v: pointerVersion,
          connector: batch.connector,
          batch: batch.number,
          position,
          blob: page.blob,
          offset,
          length,
        });
      position++;
    }
    // Only now the page is proven whole.
    while (pointers.length > 0)
      await Promise.all(pointers.splice(0, putsInFlight).map((pointer) => deps.importQueue.send(pointer)));
  }
}

/**
 * Byte ranges of the lines of a page, without their line feeds.
 *
 * @throws Error after the last line when bytes, lines or hash differ from the manifest's
 */
export async function* scanPage(
  content: AsyncIterable<Buffer>,
  expected: Manifest['pages'][number],
): AsyncGenerator<{ offset: number; length: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  let lineStart = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, at + 1)) {
      yield { offset: lineStart, length: bytes + at - lineStart };
      lineStart = bytes + at + 1;
      lines++;
    }
    bytes += chunk.length;
  }
  if (bytes !== expected.bytes || lines !== expected.items || hash.digest('hex') !== expected.sha256)
    throw new Error(`The page ${expected.blob} is damaged: it differs from its manifest`);
}
