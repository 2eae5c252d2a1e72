import { createHash } from 'node:crypto';
import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import {
  batchPartition,
  entryPartition,
  positionRow,
  type Outcome,
  type Quarantined,
  type QuarantineEntry,
} from '../storage/outcomes';
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
    const others = otherPlaces(former, { batch, position });
    const entry: QuarantineEntry = { ...former, ...stays, batch, position, reason, at, others };
    if (await quarantineEntries.replace(partition, item, entry, known.etag)) return;
  }
}

/** The places of an entry besides the given one, without those that are too many to be kept. */
function otherPlaces(
  { batch, position, others = [] }: Omit<QuarantineEntry, 'at' | 'reason'>,
  place: Place,
): Place[] {
  const all = [...others, { batch, position }];
  return all.filter((one) => !isAt(one, place)).slice(-mostOthers);
}
const mostOthers = 50;

/**
 * Removes the entry of an item that left the quarantine here. It stays if the item came again from elsewhere since, or is
 * still in quarantine where it came from before.
 */
export async function leaveQuarantine(
  { quarantine, quarantineEntries }: Stage & Pick<Deps, 'quarantine'>,
  { item, connector, batch, position }: Pick<Quarantined, 'item' | 'connector' | 'batch' | 'position'>,
): Promise<void> {
  if (item === undefined) return;
  const id = connector as ConnectorId;
  for (;;) {
    const known = await quarantineEntries.get(entryPartition(id), item);
    if (!known || !isAt(known.value, { batch, position })) return;
    const others = otherPlaces(known.value, { batch, position });
    const rest = { ...known.value, others };
    let row;
    while (!row && others.length > 0) {
      const place = others.pop()!;
      const stored = await quarantine.get(batchPartition(id, place.batch), positionRow(place.position));
      if (stored?.value.item === item) row = stored.value;
    }
    if (!row) return quarantineEntries.remove(entryPartition(id), item);
    const former = { batch: row.batch, position: row.position, reason: row.reason, at: row.at };
    if (await quarantineEntries.replace(entryPartition(id), item, { ...rest, ...former }, known.etag)) return;
  }
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
