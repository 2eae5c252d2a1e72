import type { Deps } from '../deps';
import type { Manifest } from '../storage/manifest';
import type { Outcome } from '../storage/outcomes';

/**
 * Looks at one delivery of a batch that is being closed: a mailbox must hold the item once. Another copy is not
 * this deployment's, whose own late ones are swept before: most likely a second deployment archives the same
 * TeleMessage account into the same tenant. Item keys depend on the source alone, so both see it, whatever their
 * stores know. It is reported, never removed: nobody here knows whose copy is the right one.
 */
export async function sampleCopies(
  deps: Pick<Deps, 'ledger' | 'mailboxes' | 'emit'>,
  { connector, number }: Manifest,
  outcomes: readonly Outcome[],
): Promise<void> {
  const delivered = ({ end }: Outcome['deliveries'][number]) => end === 'imported' || end === 'partial';
  const outcome = outcomes.find(({ itemKey, deliveries }) => itemKey && deliveries.some(delivered));
  const userId = outcome?.deliveries.find(delivered)?.userId;
  if (!outcome?.itemKey || !userId) return;
  const copies = await countCopies(deps, outcome.itemKey, userId);
  if (copies > 1)
    deps.emit('unbalanced', {
      connector,
      batch: number,
      count: copies,
      message: 'a mailbox holds other copies of an item: does a second deployment archive the same account?',
    });
}

/** A sample that fails says nothing, and must not keep a batch from closing. */
async function countCopies(
  deps: Pick<Deps, 'ledger' | 'mailboxes'>,
  itemKey: string,
  userId: string,
): Promise<number> {
  try {
    const row = await deps.ledger.get(itemKey, userId);
    return row ? (await deps.mailboxes.find(userId, row.value.folderId, itemKey)).length : 0;
  } catch {
    return 0;
  }
}
