import { createHash } from 'node:crypto';
import type { Deps } from '../deps';
import { strayPartition } from '../storage/outcomes';
import { readItemPointer } from './messages';
import { quarantineItem } from './quarantine-item';

/**
 * Takes a message that the host gave up on. An item goes to quarantine. A message that names no item (damaged,
 * foreign, of a version that this app does not know) is kept whole beside them: the host has no second poison
 * queue, so what is refused here comes again for ever. If it was the pointer of an item, the reconcile timer puts
 * that item back on the queue, because it has no outcome.
 */
export async function quarantineMessage(deps: Deps, message: unknown): Promise<void> {
  let pointer;
  try {
    pointer = readItemPointer(message);
  } catch (error) {
    const text = typeof message === 'string' ? message : (JSON.stringify(message) ?? '');
    return keepStray(deps, text, error instanceof Error ? error.message : 'not readable');
  }
  await quarantineItem(deps, pointer);
}

async function keepStray(
  deps: Pick<Deps, 'strayMessages' | 'emit' | 'now'>,
  text: string,
  detail: string,
): Promise<void> {
  const row = createHash('sha256').update(text).digest('hex');
  const at = new Date(deps.now()).toISOString();
  await deps.strayMessages.insert(strayPartition, row, { v: 1, at, reason: 'unreadable', detail, text });
  deps.emit('quarantineGrew', {
    reason: 'unreadable',
    quarantined: 1,
    message: 'a queue message names no item; it is kept in the quarantine table, partition messages',
  });
}
