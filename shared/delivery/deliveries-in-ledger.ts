import type { Deps } from '../deps';
import type { ItemPointer } from '../item';
import { deliveryResult, isMadeBy, type Delivered } from './deliver';

/**
 * The deliveries of an item that the ledger has: all that are done, and those that this very item began and did not
 * finish, as failed ones.
 */
export async function deliveriesInLedger(
  deps: Pick<Deps, 'ledger'>,
  pointer: ItemPointer,
  itemKey: string,
): Promise<Delivered[]> {
  const found: Delivered[] = [];
  for await (const { row: userId, value: row } of deps.ledger.list(itemKey)) {
    if (row.state === 'done') found.push(deliveryResult(row, { pointer, userId }));
    else if (isMadeBy(row, pointer)) {
      // The attempt that held the row may have created the message and crashed before it could say so.
      const inDoubtSince = row.unsureAt ?? (row.untouched ? undefined : row.leaseUntil);
      found.push({ userId, end: 'failed', reason: 'gaveUp', ...(inDoubtSince ? { inDoubtSince } : {}) });
    }
  }
  return found;
}
