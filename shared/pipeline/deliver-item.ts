import type { Connector } from '../connectors';
import type { Deps } from '../deps';
import type { MailboxItem } from '../email/mailbox-item';
import { BusyError, DeploymentError, PermanentError, PutOffError } from '../errors';
import { UncertainError } from '../graph/failure';
import type { FoundCopy } from '../graph/mailboxes.client';
import type { ItemPointer } from '../item';
import type { LedgerRow } from '../storage/ledger';
import type { DeliveryEnd } from '../storage/outcomes';
import { isShort, leaseLeftMs, withinLease } from './lease';

type Stage = Pick<Deps, 'config' | 'mailboxes' | 'ledger' | 'signal' | 'now' | 'newId'>;

export interface Delivery {
  connector: Connector;
  pointer: ItemPointer;
  item: MailboxItem;
  userId: string;
  folderId: string;
  /** True when the size rules dropped attachments. */
  partial: boolean;
}

export type Delivered = DeliveryEnd & { unsureAt?: string };

/** A create without an answer is looked up and, if nothing is there, repeated this often before the host retries. */
const createAttempts = 3;

/**
 * Delivers one item to one mailbox, exactly once in effect: the ledger row is claimed first, the message is
 * created, the row is set done. Whoever finds a claim that ran out looks in the mailbox before creating.
 *
 * @throws BusyError when another worker holds the claim, PutOffError when the mailbox is cooling down
 * @throws Error when the outcome is still unknown: the next attempt finds out
 */
export async function deliver(deps: Stage, delivery: Delivery): Promise<Delivered> {
  const claim = await claimDelivery(deps, delivery);
  if (claim.kind === 'done') return ended(claim.row, delivery);
  const attempt = { stepped: false };
  try {
    return await create(deps, delivery, claim, attempt);
  } catch (error) {
    const certain =
      error instanceof PermanentError || error instanceof PutOffError || error instanceof DeploymentError;
    await claim.release(certain && !attempt.stepped && !claim.row.unsureAt);
    // Of the write that said so, only the answer was lost.
    if (claim.row.state === 'done') return ended(claim.row, delivery);
    if (!(error instanceof PermanentError)) throw error;
    const { unsureAt } = claim.row;
    return {
      userId: delivery.userId,
      end: 'failed',
      reason: error.reason,
      ...(unsureAt ? { unsureAt } : {}),
    };
  }
}

/** A row that this very item made counts as made now: an item handled twice is imported once. */
function ended(row: LedgerRow, { pointer, userId }: Delivery): Delivered {
  const own = row.batch === pointer.batch && row.position === pointer.position;
  const end = own ? (row.partial ? 'partial' : 'imported') : 'skipped';
  return { userId, end, ...(own && row.unsureAt ? { unsureAt: row.unsureAt } : {}) };
}

interface Claim {
  kind: 'held';
  row: LedgerRow;
  /** True when another attempt may have created a copy already. */
  takenOver: boolean;
  /** Writes the row and prolongs the lease. Throws when another worker took the claim. */
  renew(change?: Partial<LedgerRow>): Promise<void>;
  /** Lets the next attempt begin at once; `untouched` when this one surely left nothing in the mailbox. */
  release(untouched: boolean): Promise<void>;
}

async function claimDelivery(
  deps: Stage,
  delivery: Delivery,
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
    ...(delivery.partial ? { partial: true } : {}),
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

async function create(
  deps: Stage,
  delivery: Delivery,
  claim: Claim,
  attempt: { stepped: boolean },
): Promise<Delivered> {
  const { pointer, item, connector, userId } = delivery;
  let { folderId } = delivery;
  let mustLook = claim.takenOver;
  let failure: unknown;
  for (let tries = 1; tries <= createAttempts; tries++) {
    if (mustLook) {
      const found = await findCopy(deps, delivery, claim, [folderId, claim.row.folderId]);
      if (found) return finish(delivery, claim, found);
    }
    // From here on the message, if one appears, is this item's.
    const own = { batch: pointer.batch, position: pointer.position, folderId };
    if (mustLook || claim.row.folderId !== folderId || isShort(claim.row.leaseUntil, deps))
      await claim.renew(own);
    try {
      const created = await withinLease(deps, (signal, prolong) =>
        deps.mailboxes.create(userId, folderId, item, {
          signal,
          beforeStep: async () => {
            attempt.stepped = true;
            await claim.renew();
            prolong();
          },
        }),
      );
      if (created.kind === 'created') {
        const partial = delivery.partial || created.refused.length > 0;
        return finish(delivery, claim, { messageId: created.messageId, partial });
      }
      const renewed = await deps.mailboxes.folder(userId, connector, { refresh: true });
      if (!renewed)
        throw new PermanentError('mailboxUnavailable', 'The mailbox vanished while it was delivered to');
      folderId = renewed;
      failure = new Error('The folder vanished again and again');
    } catch (error) {
      if (!(error instanceof UncertainError)) throw error;
      await claim.renew({ unsureAt: new Date(deps.now()).toISOString() });
      mustLook = true;
      failure = error;
    }
  }
  throw failure;
}

interface Copy {
  messageId: string;
  partial: boolean;
  batch?: number;
  position?: number;
}

/** The complete copy in the mailbox, if there is one; what an interrupted delivery left half-made is removed. */
async function findCopy(
  deps: Stage,
  { userId, item, partial }: Delivery,
  claim: Claim,
  folderIds: string[],
): Promise<Copy | undefined> {
  const found: FoundCopy[] = [];
  for (const folderId of new Set(folderIds))
    found.push(...(await deps.mailboxes.find(userId, folderId, item.itemKey)));
  const { discarded = [] } = claim.row;
  const counts = ({ complete, messageId }: FoundCopy) => complete && !discarded.includes(messageId);
  const halfMade = found.filter((copy) => !counts(copy)).map(({ messageId }) => messageId);
  if (halfMade.length > 0) {
    // Written down first: by the time that the removal takes effect, another worker may be at this delivery.
    await claim.renew({ discarded: [...new Set([...discarded, ...halfMade])] });
    for (const messageId of halfMade) await deps.mailboxes.remove(userId, messageId);
  }
  const copy = found.find(counts);
  return copy && { ...copy, partial: partial || copy.partial === true };
}

async function finish(delivery: Delivery, claim: Claim, copy: Copy): Promise<Delivered> {
  const { partial: _former, ...row } = claim.row;
  const done: LedgerRow = {
    ...row,
    state: 'done',
    messageId: copy.messageId,
    batch: copy.batch ?? row.batch,
    position: copy.position ?? row.position,
    ...(copy.partial ? { partial: true } : {}),
  };
  await claim.renew(done);
  return ended(done, delivery);
}
