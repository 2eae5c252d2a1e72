import type { Deps } from '../deps';
import { reasons } from '../errors';
import type { ItemPointer } from '../item';
import { batchPartition, positionRow, type Outcome, type Quarantined } from '../storage/outcomes';

/** How an item ended, as far as it is known. */
export type Ended = Omit<Outcome, 'v' | 'settledAt'>;

/** For the person who looks into the quarantine. */
export interface About {
  /** What exactly was wrong; nothing of the item's content. */
  detail?: string;
  /** The parties as the source names them, with what became of each. */
  participants?: Quarantined['participants'];
}

/**
 * Writes how an item ended, once: the first outcome of a position stays. An item with a reason stands in
 * quarantine, before its outcome says so: a crash between the two leaves nothing that is missing there.
 */
export async function settleItem(
  deps: Pick<Deps, 'outcomes' | 'quarantine' | 'now'>,
  pointer: ItemPointer,
  ended: Ended,
  { detail, participants }: About = {},
): Promise<void> {
  const { connector, batch, position, blob, offset, length } = pointer;
  const partition = batchPartition(connector, batch);
  const row = positionRow(position);
  const settledAt = new Date(deps.now()).toISOString();
  if (ended.reason)
    await deps.quarantine.insert(partition, row, {
      v: 1,
      connector,
      batch,
      position,
      blob,
      offset,
      length,
      reason: ended.reason,
      detail: detail ?? describeFailures(ended),
      ...(participants ? { participants } : {}),
      ...(ended.sourceId === undefined ? {} : { sourceId: ended.sourceId }),
      at: settledAt,
      deliveries: ended.deliveries,
    });
  await deps.outcomes.insert(partition, row, { v: 1, settledAt, ...ended });
}

function describeFailures({ deliveries, reason }: Ended): string {
  const failed = deliveries.filter(({ end }) => end === 'failed');
  const kinds = [...new Set(failed.map((one) => one.reason ?? reason!))];
  return `${failed.length} of ${deliveries.length} deliveries failed. ${kinds.map((kind) => reasons[kind]).join(' ')}`;
}
