import type { Deps } from '../deps';
import type { Manifest } from '../storage/manifest';
import type { Outcome } from '../storage/outcomes';

type Stage = Pick<Deps, 'ledger' | 'mailboxes' | 'emit'>;

/**
 * Looks at one delivery of a batch that is about to close: its mailbox must hold the item once. This deployment's own
 * late copies have been swept, so another copy most likely means that a second deployment archives the same TeleMessage
 * account into the same tenant. Item keys depend on the source alone, so that each sees the other's copies. They are
 * reported, never removed: only a person knows whose copy is the right one.
 */
export async function lookForSecondDeployment(
  deps: Stage,
  { connector, number }: Manifest,
  outcomes: readonly Outcome[],
): Promise<void> {
  const isDelivered = ({ end }: Outcome['deliveries'][number]) => end === 'imported' || end === 'partial';
  const outcome = outcomes.find(({ itemKey, deliveries }) => itemKey && deliveries.some(isDelivered));
  const userId = outcome?.deliveries.find(isDelivered)?.userId;
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

/** A look that fails proves nothing, and must not keep a batch from closing. */
async function countCopies(deps: Stage, itemKey: string, userId: string): Promise<number> {
  try {
    const row = await deps.ledger.get(itemKey, userId);
    return row ? (await deps.mailboxes.find(userId, row.value.folderId, itemKey)).length : 0;
  } catch {
    return 0;
  }
}
