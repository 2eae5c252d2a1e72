import { createHash } from 'node:crypto';
import type { Deps } from '../deps';
import { strayPartition } from '../storage/outcomes';

/**
 * Keeps a queue message that cannot be carried out, whole and with the reason, beside the items in quarantine. The host
 * would try it five times and then leave it in a poison queue without a word.
 */
export async function keepStray(
  deps: Pick<Deps, 'strayMessages' | 'emit' | 'now'>,
  { queue, message, detail }: { queue: string; message: unknown; detail: string },
): Promise<void> {
  const text = typeof message === 'string' ? message : (JSON.stringify(message) ?? '');
  const row = createHash('sha256').update(text).digest('hex');
  const at = new Date(deps.now()).toISOString();
  const stray = { v: 1 as const, at, queue, reason: 'unreadable' as const, detail, text };
  if (!(await deps.strayMessages.insert(strayPartition, row, stray))) return;
  deps.emit('quarantineGrew', {
    reason: 'unreadable',
    quarantined: 1,
    message: 'a queue message cannot be carried out; it is kept in the quarantine table, partition messages',
  });
}
