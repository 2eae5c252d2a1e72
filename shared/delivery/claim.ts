import type { Deps } from '../deps';
import type { MailboxItem } from '../email/mailbox-item';
import { BusyError } from '../errors';
import type { ItemPointer } from '../item';
import type { LedgerRow } from '../storage/ledger';
import { isShort, leaseLeftMs } from './lease';

type Stage = Pick<Deps, 'config' | 'ledger' | 'now' | 'newId'>;

/** The right to deliver one item to one mailbox, for as long as its lease lasts. */
export interface Claim {
  kind: 'held';
  row: LedgerRow;
  /** True when another attempt may have created a copy already. */
  takenOver: boolean;
  /** Writes the row and prolongs the lease. Throws when another worker took the claim. */
  renew(change?: Partial<LedgerRow>): Promise<void>;
  /** Lets the next attempt begin at once; `untouched` when this one surely left nothing in the mailbox. */
  release(untouched: boolean): Promise<void>;
}

/**
 * Claims a delivery by its ledger row: a new row, or one whose lease ran out. The row as it is when the delivery is
 * done already.
 *
 * @throws BusyError when another worker holds the claim
 */
export async function claimDelivery(
  deps: Stage,
  delivery: { pointer: ItemPointer; item: MailboxItem; userId: string; folderId: string },
): Promise<Claim | { kind: 'done'; row: LedgerRow }> {
  const { pointer, item, userId, folderId } = delivery;
  const owner = deps.newId();
  const leaseEnd = () => new Date(deps.now() + deps.config.import.leaseMs).toISOString();
  const fresh: LedgerRow = {
    v: 1,
    state: 'pending',
    connector: pointer.connector,
    batch: pointer.batch,
    position: pointer.position,
    owner,
    leaseUntil: leaseEnd(),
    folderId,
    ...(item.partial ? { partial: true } : {}),
  };

  const hold = (row: LedgerRow, etag: string, takenOver: boolean): Claim => {
    const write = async (value: LedgerRow) => {
      for (let tries = 1; tries <= 2; tries++) {
        const next = await deps.ledger.replace(item.itemKey, userId, value, etag);
        if (next) {
          etag = next;
          claim.row = value;
          return;
        }
        // A write may have been done whose answer was lost: then the row is ours, with another etag.
        const stored = await deps.ledger.get(item.itemKey, userId);
        if (stored?.value.owner !== owner) break;
        etag = stored.etag;
        // Done for all to see: another worker may have acted on it, so it is never taken back.
        if (stored.value.state === 'done') return void (claim.row = stored.value);
      }
      throw new Error('Another worker took over the delivery');
    };
    const claim: Claim = {
      kind: 'held',
      row,
      takenOver,
      async renew(change) {
        // Who freezes while the answer is under way wakes with a lease that has run out.
        do await write({ ...claim.row, ...change, leaseUntil: leaseEnd() });
        while (claim.row.state === 'pending' && isShort(claim.row.leaseUntil, deps));
      },
      release: (untouched) =>
        write({ ...claim.row, untouched, leaseUntil: new Date(deps.now()).toISOString() }),
    };
    return claim;
  };

  const etag = await deps.ledger.insert(item.itemKey, userId, fresh);
  if (etag) return hold(fresh, etag, false);
  const stored = await deps.ledger.get(item.itemKey, userId);
  if (!stored) throw new Error('A ledger row vanished');
  if (stored.value.state === 'done') return { kind: 'done', row: stored.value };
  // Our own insert, whose first answer was lost and which the storage client repeated.
  if (stored.value.owner === owner) return hold(stored.value, stored.etag, false);
  const leftMs = leaseLeftMs(stored.value, deps);
  const againMs = Math.min(leftMs, deps.config.import.leaseMs / 4); // Mostly it is done long before its lease.
  if (leftMs > 0) throw new BusyError(againMs, 'Another worker is delivering the item to this mailbox');
  const takenOver = !stored.value.untouched;
  const unsureAt = new Date(deps.now()).toISOString();
  // Where nothing was created, whatever appears now is this item's.
  const former = takenOver ? { ...stored.value, untouched: false, unsureAt } : fresh;
  const taken: LedgerRow = { ...former, owner, leaseUntil: leaseEnd() };
  const takenEtag = await deps.ledger.replace(item.itemKey, userId, taken, stored.etag);
  if (!takenEtag) throw new BusyError(1000, 'Another worker took over the delivery first');
  return hold(taken, takenEtag, takenOver);
}
