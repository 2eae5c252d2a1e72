import { z } from 'zod';
import type { Deps } from '../deps';
import { itemPointer, pointerVersion } from '../item';
import { batchPartition, batchRow, positionRow } from '../storage/outcomes';
import { reopenBatch } from './batch-state';

type Stage = Pick<
  Deps,
  'batches' | 'batchStates' | 'runs' | 'outcomes' | 'quarantine' | 'importQueue' | 'now'
>;

/** A queue message: try this item of the quarantine again. */
export const redriveRequest = z.strictObject({
  v: z.literal(1),
  ...itemPointer.pick({ connector: true, batch: true, position: true }).shape,
});
export type RedriveRequest = z.infer<typeof redriveRequest>;

/**
 * Puts an item of the quarantine back on the queue, after a mapping, a limit or a mailbox was changed. Its batch is
 * open again until it has ended once more; then, if it ended well, it leaves the quarantine. What was delivered of it
 * before is not delivered again. A request that comes twice, or for an item that needs nobody any more, does no harm.
 *
 * @throws Error when the batch does not exist
 */
export async function redriveItem(
  deps: Stage,
  { connector, batch, position }: RedriveRequest,
): Promise<void> {
  const partition = batchPartition(connector, batch);
  const row = positionRow(position);
  const found = await deps.batches.read(connector, batch);
  if (!found) throw new Error('There is no such batch');
  const quarantined = await deps.quarantine.get(partition, row);
  let isUnderWay: boolean;
  for (;;) {
    const state = await deps.batchStates.get(connector, batchRow(batch));
    isUnderWay = await markRedriven(deps, partition, row);
    // Also where nothing is to be done: an attempt that died here may have got so far, and the item have ended since.
    await deps.runs.lowerClosedThrough(connector, batch);
    if (await reopenBatch(deps, found.manifest, state)) break;
  }
  if (!isUnderWay || !quarantined) return;
  const { blob, offset, length } = quarantined.value;
  await deps.importQueue.send({ v: pointerVersion, connector, batch, position, blob, offset, length });
}

/** From then on the item counts as under way: if nothing else comes of it, the reconcile timer puts it back. */
async function markRedriven(
  { outcomes, now }: Pick<Deps, 'outcomes' | 'now'>,
  partition: string,
  row: string,
): Promise<boolean> {
  for (;;) {
    const outcome = await outcomes.get(partition, row);
    if (outcome?.value.reason === undefined) return false;
    if (outcome.value.redrivenAt !== undefined) return true;
    const redriven = { ...outcome.value, redrivenAt: new Date(now()).toISOString() };
    if (await outcomes.replace(partition, row, redriven, outcome.etag)) return true;
  }
}
