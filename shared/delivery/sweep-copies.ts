import type { Deps } from '../deps';
import { PermanentError } from '../errors';
import type { Manifest } from '../storage/manifest';
import { batchPartition, type DeliveryResult, type Outcome } from '../storage/outcomes';
import type { LedgerRow } from '../storage/ledger';
import type { Stored } from '../storage/rows.client';

/**
 * Looks once more in each mailbox where a create request went unanswered: Exchange offers no fence, so it may
 * have landed after a look-up said no. A second copy is removed and the act recorded; a delivery that was given
 * up, and landed after all, counts as imported. Gives the outcome as it stands then, without doubt.
 */
export async function sweepCopies(deps: Deps, batch: Manifest, outcome: Stored<Outcome>): Promise<Outcome> {
  const { unsureAt: _settled, ...value } = outcome.value;
  const deliveries: DeliveryResult[] = [];
  for (const delivery of value.deliveries)
    deliveries.push(
      value.itemKey
        ? await sweepDelivery(deps, batch, value.itemKey, Number(outcome.row), delivery)
        : delivery,
    );

  const swept: Outcome = { ...value, deliveries };
  const partition = batchPartition(batch.connector, batch.number);
  // An item that was given up may have mailboxes that no attempt got to: it stays for a person.
  const givenUp = value.reason === 'gaveUp';
  if (!givenUp && deliveries.length > 0 && deliveries.every(({ end }) => end !== 'failed')) {
    delete swept.reason;
    swept.kind = 'delivered';
  } else if (deliveries.some(({ end }) => end !== 'failed')) swept.kind = 'delivered';
  if (!(await deps.outcomes.replace(partition, outcome.row, swept, outcome.etag)))
    throw new Error('An outcome was changed while its doubt was settled');
  return swept;
}

async function sweepDelivery(
  deps: Deps,
  batch: Manifest,
  itemKey: string,
  position: number,
  delivery: DeliveryResult,
): Promise<DeliveryResult> {
  const { userId } = delivery;
  const stored = await deps.ledger.get(itemKey, userId);
  const row = stored?.value;
  if (!stored || !row || row.batch !== batch.number || row.position !== position) return delivery;
  if (row.state === 'done' && row.unsureAt === undefined) return delivery;
  const copies = await findCopies(deps, userId, row.folderId, itemKey);
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
    // Before anything is removed: what a redrive, or another sweep, takes for the copy must be what stays.
    if (!(await deps.ledger.replace(itemKey, userId, swept, stored.etag)))
      throw new Error('A delivery was changed while its doubt was settled');
  }
  for (const messageId of superfluous) await deps.mailboxes.remove(userId, messageId);
  const { connector, number } = batch;
  if (superfluous.length > 0)
    deps.emit('copyRemoved', { connector, batch: number, position, count: superfluous.length });
  if (!landed) return delivery;
  return { userId, end: row.partial || kept.partial ? 'partial' : 'imported' };
}

/** A mailbox that is gone holds no copies that this app could still remove. */
async function findCopies(deps: Deps, userId: string, folderId: string, itemKey: string) {
  try {
    return await deps.mailboxes.find(userId, folderId, itemKey);
  } catch (error) {
    if (error instanceof PermanentError) return [];
    throw error;
  }
}
