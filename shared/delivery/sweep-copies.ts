import type { Deps } from '../deps';
import { nextStepAfter } from '../errors';
import type { FoundCopy } from '../graph/mailboxes.client';
import { theApp } from '../storage/audit';
import type { Manifest } from '../storage/manifest';
import { batchPartition, type DeliveryResult, type Outcome } from '../storage/outcomes';
import type { LedgerRow } from '../storage/ledger';
import type { Stored } from '../storage/rows.client';
import { isMadeBy } from './deliver';

type Stage = Pick<Deps, 'ledger' | 'mailboxes' | 'outcomes' | 'audit' | 'emit' | 'now'>;

/**
 * Looks once more into each mailbox where a create request got no answer: Exchange offers no fence, so the request may
 * have taken effect after a look-up found nothing. A second copy is removed and the removal recorded; a delivery that
 * was given up, and landed after all, counts as imported. Returns the outcome, which is no longer in doubt.
 *
 * @param unreachable mailboxes that gave no answer, with the error: they are not asked again, and new ones are added
 * @throws Error when a mailbox gave no answer, or the outcome or a ledger row changed meanwhile: the next run tries again
 */
export async function sweepCopies(
  deps: Stage,
  batch: Manifest,
  outcome: Stored<Outcome>,
  unreachable: Map<string, unknown>,
): Promise<Outcome> {
  const { unsureAt: _inDoubtSince, ...value } = outcome.value;
  const { itemKey } = value;
  const deliveries: DeliveryResult[] = [];
  for (const delivery of value.deliveries)
    deliveries.push(
      itemKey
        ? await sweepDelivery(deps, { batch, position: Number(outcome.row), itemKey, unreachable }, delivery)
        : delivery,
    );

  const swept: Outcome = { ...value, deliveries };
  const partition = batchPartition(batch.connector, batch.number);
  const isDelivered = ({ end }: DeliveryResult) => end !== 'failed';
  if (deliveries.some(isDelivered)) swept.kind = 'delivered';
  // An item that was given up may have mailboxes that no attempt reached: only a person can tell.
  const ownReason = value.reason === 'gaveUp' || value.unreached !== undefined;
  if (!ownReason && deliveries.length > 0 && deliveries.every(isDelivered)) delete swept.reason;
  if (!(await deps.outcomes.replace(partition, outcome.row, swept, outcome.etag)))
    throw new Error('An outcome was changed while its doubt was settled');
  return swept;
}

interface SweptItem {
  batch: Manifest;
  position: number;
  itemKey: string;
  unreachable: Map<string, unknown>;
}

async function sweepDelivery(
  deps: Stage,
  { batch: { connector, number: batch }, position, itemKey, unreachable }: SweptItem,
  delivery: DeliveryResult,
): Promise<DeliveryResult> {
  const { userId } = delivery;
  const stored = await deps.ledger.get(itemKey, userId);
  const row = stored?.value;
  if (!stored || !row || !isMadeBy(row, { batch, position })) return delivery;
  if (row.state === 'done' && row.unsureAt === undefined) return delivery;
  const copies = await findCopies(deps, userId, row.folderId, itemKey, unreachable);
  const { discarded = [] } = row;
  const kept =
    copies.find(({ messageId }) => messageId === row.messageId) ??
    copies.find(({ complete, messageId }) => complete && !discarded.includes(messageId));
  const superfluous = copies.filter((copy) => copy !== kept).map(({ messageId }) => messageId);

  const landed = delivery.end === 'failed' && kept !== undefined;
  const isOther = kept !== undefined && kept.messageId !== row.messageId;
  if (landed || isOther || superfluous.length > 0) {
    const swept: LedgerRow = {
      ...row,
      ...(kept ? { state: 'done', messageId: kept.messageId } : {}),
      discarded: [...new Set([...discarded, ...superfluous])],
      removedCopies: (row.removedCopies ?? 0) + superfluous.length,
    };
    // Record it before anything is removed: a redrive, or another sweep, must take the same copy for the one that stays.
    if (!(await deps.ledger.replace(itemKey, userId, swept, stored.etag)))
      throw new Error('A delivery was changed while its doubt was settled');
  }
  // Reported before it is done: after a crash, the next sweep may find no second copy left to report.
  if (superfluous.length > 0) {
    const place = { connector, batch, position };
    const at = new Date(deps.now()).toISOString();
    await deps.audit.append(theApp, { act: 'copiesRemoved', ...place, userId, messageIds: superfluous }, at);
    deps.emit('copyRemoved', { ...place, count: superfluous.length });
  }
  for (const messageId of superfluous) await deps.mailboxes.remove(userId, messageId);
  if (!landed) return delivery;
  return { userId, end: row.partial || kept.partial ? 'partial' : 'imported' };
}

/** The copies of an item; none in a mailbox that refuses the app, because the app could not remove them either. */
async function findCopies(
  deps: Stage,
  userId: string,
  folderId: string,
  itemKey: string,
  unreachable: Map<string, unknown>,
): Promise<FoundCopy[]> {
  if (unreachable.has(userId)) throw unreachable.get(userId);
  try {
    return await deps.mailboxes.find(userId, folderId, itemKey);
  } catch (error) {
    if (nextStepAfter(error).kind === 'quarantine') return [];
    unreachable.set(userId, error);
    throw error;
  }
}
