import type { Deps } from '../deps';
import { pointerVersion, type ItemPointer } from '../item';
import type { Manifest } from '../storage/manifest';
import { scanPage } from '../storage/scan-page';
import type { Line } from '../telemessage/lines';
import { batchRow } from '../storage/outcomes';
import { changeBatch } from './batch-state';

type Stage = Pick<Deps, 'batches' | 'batchStates' | 'config' | 'importQueue' | 'now'>;

/** Storage queues take about 2,000 messages a second; this many concurrent puts come close to that. */
const putsInFlight = 16;

/**
 * Puts one pointer per item of a committed batch on the queue. Scans bytes and decodes no line; memory holds the
 * pointers of one page at most. A second event for the same batch finds it split and does nothing.
 *
 * @throws Error when a page differs from its manifest
 */
export async function splitBatch(deps: Stage, batch: Manifest): Promise<void> {
  const known = await deps.batchStates.get(batch.connector, batchRow(batch.number));
  if (known?.value.splitAt) return;
  await putPointers(deps, batch, () => true);
  const splitAt = new Date(deps.now()).toISOString();
  await changeBatch(deps, batch, (state) => ({ ...state, splitAt }));
}

/** Puts the pointers of the wanted positions on the queue. A pointer that is on the queue twice does no harm. */
export async function putPointers(
  deps: Pick<Deps, 'batches' | 'config' | 'importQueue'>,
  batch: Manifest,
  wanted: (position: number) => boolean,
): Promise<void> {
  const { run } = batch;
  const tailFromMs = Date.parse(run.to) - deps.config.fetch.overlapMs;
  const window = { from: run.from, tailFrom: new Date(tailFromMs).toISOString() };
  let position = 0;
  for (const page of batch.pages) {
    const lines: Line[] = [];
    for await (const found of scanPage(await deps.batches.streamPage(page.blob), page))
      for (const line of found) lines.push(line);
    // Send nothing before the whole page has matched its hash.
    const first = position;
    let next = 0;
    const sendAll = async () => {
      while (next < lines.length) {
        const index = next++;
        if (!wanted(first + index)) continue;
        const { offset, length } = lines[index]!;
        // Without spreading: it would cost more than finding the line.
        const pointer: ItemPointer = {
          v: pointerVersion,
          connector: batch.connector,
          batch: batch.number,
          position: first + index,
          blob: page.blob,
          offset,
          length,
        };
        if (run.cause === 'daily') pointer.window = window;
        await deps.importQueue.send(pointer);
      }
    };
    await Promise.all(Array.from({ length: putsInFlight }, sendAll));
    position += page.items;
  }
}
