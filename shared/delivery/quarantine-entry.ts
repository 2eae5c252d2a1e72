import { createHash } from 'node:crypto';
import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import { entryPartition, type Outcome, type Quarantined, type QuarantineEntry } from '../storage/outcomes';
import { itemIdentity } from '../storage/tails';

type Stage = Pick<Deps, 'quarantineEntries'>;
type Place = Pick<QuarantineEntry, 'batch' | 'position'>;

/**
 * The row key of an item's entry: what identifies the item, whichever batch served it. An item of which nothing is known
 * has its place instead.
 */
export function entryRow(
  known: Pick<Outcome, 'itemKey' | 'sourceId' | 'sha256'>,
  { batch, position }: Place,
): string {
  return itemIdentity(known) ?? createHash('sha256').update(`${batch} ${position}`).digest('hex');
}

/**
 * Writes the item's entry, one per item, whatever batches it comes with. A note stays; an acknowledgement stays as long
 * as the reason is the same. Call it after the item's row is written: what takes an item out looks for the row.
 */
export async function enterQuarantine(
  { quarantineEntries }: Stage,
  { item, connector, batch, position, reason, at }: Quarantined & { item: string },
): Promise<void> {
  const partition = entryPartition(connector as ConnectorId);
  for (;;) {
    const known = await quarantineEntries.get(partition, item);
    if (!known) {
      const first = { firstBatch: batch, firstPosition: position };
      const entry: QuarantineEntry = { v: 1, connector, batch, position, ...first, reason, since: at, at };
      if (await quarantineEntries.insert(partition, item, entry)) return;
      continue;
    }
    const { acknowledgedAt, ...former } = known.value;
    const stays = acknowledgedAt !== undefined && former.reason === reason ? { acknowledgedAt } : {};
    const entry: QuarantineEntry = { ...former, ...stays, batch, position, reason, at };
    if (await quarantineEntries.replace(partition, item, entry, known.etag)) return;
  }
}

/** Removes the entry of an item that left the quarantine here, unless it came again from elsewhere since. */
export async function leaveQuarantine(
  { quarantineEntries }: Stage,
  { item, connector, ...place }: Pick<Quarantined, 'item' | 'connector' | 'batch' | 'position'>,
): Promise<void> {
  if (item === undefined) return;
  const partition = entryPartition(connector as ConnectorId);
  const known = await quarantineEntries.get(partition, item);
  if (known && isAt(known.value, place)) await quarantineEntries.remove(partition, item);
}

/** Whether the item was in quarantine from another place already: then it is no news. */
export async function isKnownFromElsewhere(
  { quarantineEntries }: Stage,
  { item = '', connector, batch, position }: Quarantined,
): Promise<boolean> {
  const entry = (await quarantineEntries.get(entryPartition(connector as ConnectorId), item))?.value;
  return entry !== undefined && (entry.firstBatch !== batch || entry.firstPosition !== position);
}

const isAt = (entry: Place, { batch, position }: Place) =>
  entry.batch === batch && entry.position === position;
