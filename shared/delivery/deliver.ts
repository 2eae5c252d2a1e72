import type { Connector } from '../connectors';
import type { Deps } from '../deps';
import type { Attachment } from '../email/email';
import type { MailboxItem } from '../email/mailbox-item';
import { nextStepAfter, PermanentError } from '../errors';
import { UncertainError } from '../graph/failure';
import type { FoundCopy } from '../graph/mailboxes.client';
import type { ItemPointer } from '../item';
import type { LedgerRow } from '../storage/ledger';
import type { DeliveryResult } from '../storage/outcomes';
import { needTime } from '../time-budget';
import { claimDelivery, withinLease, type Claim } from './claim';

type Stage = Pick<Deps, 'config' | 'mailboxes' | 'ledger' | 'emit' | 'now' | 'newId'>;

export interface Delivery {
  connector: Connector;
  /** The place of the item; its connector is the owner of the ledger row. */
  pointer: Pick<ItemPointer, 'batch' | 'position'> & { connector: string };
  item: MailboxItem;
  /** The item without attachments that this mailbox has no way to take; its body names them. */
  without: (refused: readonly Attachment[]) => MailboxItem;
  userId: string;
  folderId: string;
  /** No request begins after this instant (ms). */
  untilMs: number;
}

/** The result of a delivery. `inDoubtSince`: the last moment at which a create request may have ended without an answer. */
export type Delivered = DeliveryResult & { inDoubtSince?: string };

/** How often a create request without an answer is repeated, if no copy is found, before the host retries. */
const createAttempts = 3;

/**
 * Delivers one item to one mailbox, exactly once in effect: the ledger row is claimed, the message is created, the row
 * is set to done. An attempt that takes over an expired claim searches the mailbox before it creates.
 *
 * @throws CrowdedMailboxError when the mailbox has no room; nothing was claimed
 * @throws BusyError when another worker holds the claim, PutOffError when the mailbox is cooling down
 * @throws Error when the outcome is still unknown: the next attempt finds out
 */
export async function deliver(deps: Stage, delivery: Delivery): Promise<Delivered> {
  const leave = deps.mailboxes.enter(delivery.userId);
  try {
    const claim = await claimDelivery(deps, delivery);
    if (claim.kind === 'done') return deliveryResult(claim.row, delivery);
    return await create(deps, delivery, claim).catch(async (error: unknown) => {
      await claim.release(nextStepAfter(error).kind !== 'retry');
      return { ...failedDelivery(delivery.userId, error), ...doubtOf(claim.row) };
    });
  } finally {
    leave();
  }
}

/**
 * The result of a delivery that ended with an error.
 *
 * @throws the error itself if a delay or a retry may help
 */
export function failedDelivery(userId: string, error: unknown): DeliveryResult {
  const next = nextStepAfter(error);
  if (next.kind !== 'quarantine') throw error;
  return { userId, end: 'failed', reason: next.error.reason };
}

/**
 * The result of a delivery that is done. A row that this very item made counts as made now, so that an item handled
 * twice is imported once; a row of an item that TeleMessage served before makes this one a duplicate.
 */
export function deliveryResult(
  row: LedgerRow,
  { pointer, userId }: Pick<Delivery, 'pointer' | 'userId'>,
): Delivered {
  if (!isMadeBy(row, pointer)) return { userId, end: 'skipped' };
  return { userId, end: row.partial ? 'partial' : 'imported', ...doubtOf(row) };
}

/** Whether the row is of this very item, and not of one that TeleMessage served before. */
export const isMadeBy = (
  row: LedgerRow,
  { batch, position }: Pick<ItemPointer, 'batch' | 'position'>,
): boolean => row.batch === batch && row.position === position;

const doubtOf = ({ unsureAt }: LedgerRow) => (unsureAt === undefined ? {} : { inDoubtSince: unsureAt });

async function create(deps: Stage, delivery: Delivery, claim: Claim): Promise<Delivered> {
  const { pointer, connector, userId } = delivery;
  let { item, folderId } = delivery;
  const refused: Attachment[] = [];
  let mustLook = claim.takenOver;
  let failure: unknown;
  for (let triesLeft = createAttempts; triesLeft > 0;) {
    needTime(deps, delivery.untilMs);
    if (mustLook) {
      const found = await findCopy(deps, delivery, claim, [folderId, claim.row.folderId]);
      if (found) return finish(delivery, claim, found);
    }
    // A copy that appears from here on is this item's.
    const own = { batch: pointer.batch, position: pointer.position, folderId };
    if (mustLook || claim.row.folderId !== folderId || !claim.coversRequest()) await claim.renew(own);
    try {
      const created = await withinLease(deps, (signal, prolong) =>
        deps.mailboxes.create(userId, folderId, item, {
          signal,
          beforeStep: async () => {
            needTime(deps, delivery.untilMs);
            await claim.beginStep();
            prolong();
          },
        }),
      );
      if (created.kind === 'created')
        return finish(delivery, claim, { messageId: created.messageId, partial: item.partial });
      if (created.kind === 'refused') {
        // Created again, because the body of this copy does not name the refused attachments.
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

/** The complete copy in the mailbox, if there is one; copies that an interrupted delivery left incomplete are removed. */
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
  const incomplete = found.filter((copy) => !counts(copy)).map(({ messageId }) => messageId);
  if (incomplete.length > 0) await discard(deps, userId, claim, incomplete);
  const copy = found.find(counts);
  return copy && { ...copy, partial: item.partial || copy.partial === true };
}

/** Records the removal before it: another worker may have the delivery by the time the removal takes effect. */
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
  return deliveryResult(done, delivery);
}
