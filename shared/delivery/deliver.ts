import type { Connector } from '../connectors';
import type { Deps } from '../deps';
import type { Attachment } from '../email/email';
import type { MailboxItem } from '../email/mailbox-item';
import { DeploymentError, PermanentError, PutOffError } from '../errors';
import { UncertainError } from '../graph/failure';
import type { FoundCopy } from '../graph/mailboxes.client';
import type { ItemPointer } from '../item';
import type { LedgerRow } from '../storage/ledger';
import type { DeliveryEnd } from '../storage/outcomes';
import { claimDelivery, type Claim } from './claim';
import { isShort, withinLease } from './lease';

type Stage = Pick<Deps, 'config' | 'mailboxes' | 'ledger' | 'emit' | 'now' | 'newId'>;

export interface Delivery {
  connector: Connector;
  pointer: ItemPointer;
  item: MailboxItem;
  /** The item as it is when this mailbox has no way to take these of its attachments: its body names them. */
  without: (refused: readonly Attachment[]) => MailboxItem;
  userId: string;
  folderId: string;
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

async function create(
  deps: Stage,
  delivery: Delivery,
  claim: Claim,
  attempt: { stepped: boolean },
): Promise<Delivered> {
  const { pointer, connector, userId } = delivery;
  let { item, folderId } = delivery;
  const refused: Attachment[] = [];
  let mustLook = claim.takenOver;
  let failure: unknown;
  for (let triesLeft = createAttempts; triesLeft > 0;) {
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
      if (created.kind === 'created')
        return finish(delivery, claim, { messageId: created.messageId, partial: item.partial });
      if (created.kind === 'refused') {
        // Made anew, because the body of what stands there says nothing of them.
        await discard(deps, userId, claim, [created.messageId]);
        refused.push(...created.refused);
        const smaller = delivery.without(refused);
        if (smaller.attachments.length >= item.attachments.length)
          throw new Error('An attachment that was refused was not left out');
        item = smaller;
        continue;
      }
      triesLeft--;
      const renewed = await deps.mailboxes.folder(userId, connector, { refresh: true });
      if (!renewed)
        throw new PermanentError('mailboxUnavailable', 'The mailbox vanished while it was delivered to');
      folderId = renewed;
      failure = new Error('The folder vanished again and again');
    } catch (error) {
      if (!(error instanceof UncertainError)) throw error;
      await claim.renew({ unsureAt: new Date(deps.now()).toISOString() });
      triesLeft--;
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
  { userId, item }: Delivery,
  claim: Claim,
  folderIds: string[],
): Promise<Copy | undefined> {
  const found: FoundCopy[] = [];
  for (const folderId of new Set(folderIds))
    found.push(...(await deps.mailboxes.find(userId, folderId, item.itemKey)));
  const { discarded = [] } = claim.row;
  const counts = ({ complete, messageId }: FoundCopy) => complete && !discarded.includes(messageId);
  const halfMade = found.filter((copy) => !counts(copy)).map(({ messageId }) => messageId);
  if (halfMade.length > 0) await discard(deps, userId, claim, halfMade);
  const copy = found.find(counts);
  return copy && { ...copy, partial: item.partial || copy.partial === true };
}

/** Written down first: by the time that the removal takes effect, another worker may be at this delivery. */
async function discard(deps: Stage, userId: string, claim: Claim, messageIds: string[]): Promise<void> {
  const { discarded = [] } = claim.row;
  await claim.renew({ discarded: [...new Set([...discarded, ...messageIds])] });
  for (const messageId of messageIds) await deps.mailboxes.remove(userId, messageId);
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
