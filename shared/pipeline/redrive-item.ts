import * as z from 'zod';
import type { Deps } from '../deps';
import { RefusedRequestError } from '../errors';
import { itemPointer, pointerVersion } from '../item';
import { batchPartition, batchRow, positionRow } from '../storage/outcomes';
import { reopenBatch } from './batch-state';
import { ensureAudited } from './requests';

type Stage = Pick<
  Deps,
  'batches' | 'batchStates' | 'runs' | 'outcomes' | 'quarantine' | 'importQueue' | 'audit' | 'now'
>;

/** A queue message: import this quarantined item again. */
export const redriveRequest = z.strictObject({
  v: z.literal(1),
  ...itemPointer.pick({ connector: true, batch: true, position: true }).shape,
  /** The entry of the audit trail that names who asks. */
  audit: z.int().positive().optional(),
});
export type RedriveRequest = z.infer<typeof redriveRequest>;

/**
 * Puts a quarantined item back on the queue, after a mapping, a limit or a mailbox was changed. Its batch is open until
 * the item has an outcome again; if that has no reason, the item leaves the quarantine. Deliveries made before are not
 * repeated. A second copy of the request, or a request for an item that is not in quarantine, changes nothing.
 *
 * @throws RefusedRequestError when the batch does not exist
 */
export async function redriveItem(
  deps: Stage,
  { connector, batch, position, audit }: RedriveRequest,
): Promise<void> {
  const partition = batchPartition(connector, batch);
  const row = positionRow(position);
  const found = await deps.batches.read(connector, batch);
  if (!found) throw new RefusedRequestError('There is no such batch');
  const quarantined = await deps.quarantine.get(partition, row);
  if (quarantined) await ensureAudited(deps, audit, { act: 'redrive', items: 1, connector, batch, position });
  let isUnderWay: boolean;
  for (;;) {
    const state = await deps.batchStates.get(connector, batchRow(batch));
    isUnderWay = await markRedriven(deps, partition, row);
    // Even if the item is not in quarantine: an attempt that crashed here may have got this far, and the item has ended since.
    await deps.runs.lowerClosedThrough(connector, batch);
    if (await reopenBatch(deps, found.manifest, state)) break;
  }
  if (!isUnderWay || !quarantined) return;
  const { blob, offset, length } = quarantined.value;
  await deps.importQueue.send({ v: pointerVersion, connector, batch, position, blob, offset, length });
}

/** Marks the item as under way: if its pointer is lost, the reconcile timer puts it back on the queue. */
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
