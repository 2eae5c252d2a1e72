import type { Deps } from '../deps';
import type { ItemPointer } from '../item';
import { tailPartition, itemIdentity } from '../storage/tails';

/** Daily windows overlap: what the window before has settled comes again, and counts nowhere. */

interface KnownItem {
  itemKey?: string;
  sourceId?: string;
  sha256?: string;
  /** ISO-8601 UTC; absent if the item cannot be read. */
  arrivedAt?: string | undefined;
}

/** Whether an earlier window has settled this item. */
export async function isSettledBefore(
  { tails }: Pick<Deps, 'tails'>,
  { window, connector }: ItemPointer,
  known: KnownItem,
): Promise<boolean> {
  const row = itemIdentity(known);
  if (!window || row === undefined || (known.arrivedAt ?? '') >= window.from) return false;
  const settled = await tails.get(tailPartition(connector), row);
  return settled !== undefined && settled.value.windowFrom < window.from;
}

/** Notes that an item which the next window lists again is settled. */
export async function noteSettled(
  { tails }: Pick<Deps, 'tails'>,
  { window, connector, batch, position }: ItemPointer,
  known: KnownItem,
): Promise<void> {
  const row = itemIdentity(known);
  const isListedAgain = known.arrivedAt === undefined || known.arrivedAt >= (window?.tailFrom ?? '');
  if (!window || row === undefined || !isListedAgain) return;
  await tails.insert(tailPartition(connector), row, { v: 1, windowFrom: window.from, batch, position });
}
