import { createHash } from 'node:crypto';
import { deliveryResult, isMadeBy, type Delivered } from '../delivery/deliver';
import { hasOutcome, recordOutcome, type ItemResult } from '../delivery/record-outcome';
import type { Deps } from '../deps';
import { nextStepAfter } from '../errors';
import type { ItemPointer } from '../item';
import { batchPartition, positionRow, strayPartition } from '../storage/outcomes';
import { readItemPointer } from './messages';
import { readItem } from './read-item';

type Stage = Pick<
  Deps,
  | 'batches'
  | 'config'
  | 'ledger'
  | 'outcomes'
  | 'quarantine'
  | 'strayMessages'
  | 'mailParser'
  | 'emit'
  | 'now'
>;

/**
 * Takes a message that the Functions host gave up on. An item goes to quarantine. A message that names no item
 * (damaged, foreign, of a version that this app does not know) is kept whole beside the items: the host has no second
 * poison queue, so a message that is refused here comes back without end. If it was the pointer of an item, that item
 * has no outcome, and the reconcile timer puts it back on the queue.
 */
export async function quarantineItem(deps: Stage, message: unknown): Promise<void> {
  let pointer;
  try {
    pointer = readItemPointer(message);
  } catch (error) {
    const text = typeof message === 'string' ? message : (JSON.stringify(message) ?? '');
    return keepStray(deps, text, error instanceof Error ? error.message : 'not readable');
  }
  await giveUp(deps, pointer);
}

/**
 * Deliveries that are done keep their results. Those still pending count as failed, and are searched for once more
 * before the batch closes.
 */
async function giveUp(deps: Stage, pointer: ItemPointer): Promise<void> {
  const { connector, batch, position } = pointer;
  const before = await deps.outcomes.get(batchPartition(connector, batch), positionRow(position));
  if (hasOutcome(before)) return;
  const known = await identify(deps, pointer);
  const deliveries = known.itemKey ? await deliveriesInLedger(deps, pointer, known.itemKey) : [];
  const done = deliveries.filter(({ end }) => end !== 'failed').length;
  const detail = `${done} of ${deliveries.length} deliveries that were begun are done`;
  await recordOutcome(deps, pointer, before, { ...known, reason: 'gaveUp', detail, deliveries });
  deps.emit('quarantineGrew', { connector, batch, position, reason: 'gaveUp' });
}

/** What can be read of the item. What failed five times may fail here too, and must not fail without end. */
async function identify(
  deps: Stage,
  pointer: ItemPointer,
): Promise<Pick<ItemResult, 'sourceId' | 'itemKey' | 'sha256'>> {
  try {
    const item = await readItem(deps, pointer);
    return item.kind === 'communication' ? { ...item.known, itemKey: item.itemKey } : item.known;
  } catch (error) {
    const next = nextStepAfter(error);
    if (next.kind === 'quarantine') return next.error.known;
    if (isMissing(error)) return {};
    throw error;
  }
}

/** The page, or that range of it, does not exist: pages are never removed, so no later attempt will find it. */
function isMissing(error: unknown): boolean {
  const { statusCode } = error as { statusCode?: number };
  return statusCode === 404 || statusCode === 416;
}

async function deliveriesInLedger(
  deps: Pick<Deps, 'ledger'>,
  pointer: ItemPointer,
  itemKey: string,
): Promise<Delivered[]> {
  const found: Delivered[] = [];
  for await (const { row: userId, value: row } of deps.ledger.list(itemKey)) {
    if (row.state === 'done') found.push(deliveryResult(row, { pointer, userId }));
    else if (isMadeBy(row, pointer)) {
      // The attempt that held the row may have created the message and crashed before it could say so.
      const inDoubtSince = row.unsureAt ?? (row.untouched ? undefined : row.leaseUntil);
      found.push({ userId, end: 'failed', reason: 'gaveUp', ...(inDoubtSince ? { inDoubtSince } : {}) });
    }
  }
  return found;
}

async function keepStray(deps: Stage, text: string, detail: string): Promise<void> {
  const row = createHash('sha256').update(text).digest('hex');
  const at = new Date(deps.now()).toISOString();
  await deps.strayMessages.insert(strayPartition, row, { v: 1, at, reason: 'unreadable', detail, text });
  deps.emit('quarantineGrew', {
    reason: 'unreadable',
    quarantined: 1,
    message: 'a queue message names no item; it is kept in the quarantine table, partition messages',
  });
}
