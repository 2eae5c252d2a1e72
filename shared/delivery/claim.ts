import type { Deps } from '../deps';
import { BusyError } from '../errors';
import type { LedgerRow } from '../storage/ledger';
import type { Delivery } from './deliver';

type Stage = Pick<Deps, 'config' | 'ledger' | 'now' | 'newId'>;
type Clock = Pick<Deps, 'config' | 'now'>;

/** A request must end well before its lease does. */
const shareOfRequest = 0.5;

/** The right to deliver one item to one mailbox, for as long as its lease lasts. */
export interface Claim {
  kind: 'held';
  row: LedgerRow;
  /** True when another attempt may have created a copy already. */
  takenOver: boolean;
  /** Writes the row and renews the lease. Throws when another worker took the claim. */
  renew(change?: Partial<LedgerRow>): Promise<void>;
  /** Renews the lease before a request of an item that needs several: from then on a copy may exist. */
  beginStep(): Promise<void>;
  /** False when what is left of the lease does not cover another request. */
  coversRequest(): boolean;
  /** Lets the next attempt begin immediately. `certain`: the error proves that its own request had no effect. */
  release(certain: boolean): Promise<void>;
}

/**
 * Claims a delivery by its ledger row: a new row, or one whose lease ran out. Returns the row when the delivery is done.
 *
 * @throws BusyError when another worker holds the claim
 */
export async function claimDelivery(
  deps: Stage,
  delivery: Pick<Delivery, 'pointer' | 'item' | 'userId' | 'folderId'>,
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
    let stepped = false;
    const write = async (value: LedgerRow) => {
      for (let tries = 1; tries <= 2; tries++) {
        const next = await deps.ledger.replace(item.itemKey, userId, value, etag);
        if (next) {
          etag = next;
          claim.row = value;
          return;
        }
        // The write may have been made and its answer lost: then the row is ours, with another ETag.
        const stored = await deps.ledger.get(item.itemKey, userId);
        if (stored?.value.owner !== owner) break;
        etag = stored.etag;
        // Never take back a row that is done: another worker may have acted on it.
        if (stored.value.state === 'done') return void (claim.row = stored.value);
      }
      throw new Error('Another worker took over the delivery');
    };
    const claim: Claim = {
      kind: 'held',
      row,
      takenOver,
      async renew(change) {
        // A worker that froze during the write wakes up with a lease that has run out.
        do await write({ ...claim.row, ...change, leaseUntil: leaseEnd() });
        while (claim.row.state === 'pending' && !claim.coversRequest());
      },
      async beginStep() {
        stepped = true;
        await claim.renew();
      },
      coversRequest: () =>
        Date.parse(claim.row.leaseUntil) - deps.now() >= deps.config.import.leaseMs * shareOfRequest,
      release: (certain) =>
        write({
          ...claim.row,
          untouched: certain && !stepped && claim.row.unsureAt === undefined,
          leaseUntil: new Date(deps.now()).toISOString(),
        }),
    };
    return claim;
  };

  const etag = await deps.ledger.insert(item.itemKey, userId, fresh);
  if (etag) return hold(fresh, etag, false);
  const stored = await deps.ledger.get(item.itemKey, userId);
  if (!stored) throw new Error('A ledger row vanished');
  if (stored.value.state === 'done') return { kind: 'done', row: stored.value };
  const leftMs = leaseLeftMs(stored.value, deps);
  // Most deliveries end long before their lease does.
  const againMs = Math.min(leftMs, deps.config.import.leaseMs / 4);
  if (leftMs > 0) throw new BusyError(againMs, 'Another worker is delivering the item to this mailbox');
  const takenOver = !stored.value.untouched;
  // When nothing was created before, a copy that appears from now on is this item's.
  const former = takenOver
    ? { ...stored.value, untouched: false, unsureAt: new Date(deps.now()).toISOString() }
    : fresh;
  const taken: LedgerRow = { ...former, owner, leaseUntil: leaseEnd() };
  const takenEtag = await deps.ledger.replace(item.itemKey, userId, taken, stored.etag);
  if (!takenEtag) throw new BusyError(1000, 'Another worker took over the delivery first');
  return hold(taken, takenEtag, takenOver);
}

/**
 * What is left of a lease (ms). A lease that ends later than any lease can was written by a clock that ran far ahead.
 * It counts as over, because nobody can tell when its holder was last alive; as after every lease, the mailbox is
 * searched before anything is created.
 */
function leaseLeftMs({ leaseUntil }: Pick<LedgerRow, 'leaseUntil'>, { config, now }: Clock): number {
  const leftMs = Date.parse(leaseUntil) - now();
  return leftMs > config.import.leaseMs * 2 ? 0 : leftMs;
}

/** Aborts work that outlives its lease; each renewal gives an item of many requests its whole time again. */
export async function withinLease<T>(
  { config }: Pick<Deps, 'config'>,
  work: (signal: AbortSignal, prolong: () => void) => Promise<T>,
): Promise<T> {
  const lease = new AbortController();
  const timer = setTimeout(
    () => lease.abort(new Error('The lease of the delivery was about to end')),
    config.import.leaseMs * shareOfRequest,
  );
  try {
    return await work(lease.signal, () => timer.refresh());
  } finally {
    clearTimeout(timer);
  }
}
