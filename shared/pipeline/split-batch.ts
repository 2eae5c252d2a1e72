import type { Deps } from '../deps';
import { pointerVersion, type ItemPointer } from '../item';
import type { Manifest } from '../storage/manifest';
import { scanPage } from '../storage/scan-page';
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
          ...(run.cause === 'daily' ? { window } : {}),
        });
      position++;
    }
    // Send nothing before the whole page has matched its hash.
    while (pointers.length > 0)
      await Promise.all(pointers.splice(0, putsInFlight).map((pointer) => deps.importQueue.send(pointer)));
  }
}
