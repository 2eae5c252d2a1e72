import { isAtFault, isDeadly } from '../delivery/attempts';
import { deliveriesInLedger } from '../delivery/deliveries-in-ledger';
import { recordOutcome, type ItemResult } from '../delivery/record-outcome';
import type { Deps } from '../deps';
import { nextStepAfter } from '../errors';
import type { ItemPointer } from '../item';
import { queues } from '../names';
import { batchPartition, hasOutcome, positionRow } from '../storage/outcomes';
import { readItemPointer } from './messages';
import { readItem, startOfItem } from '../delivery/read-item';
import { keepStray } from './stray-messages';

type Stage = Pick<
  Deps,
  | 'batches'
  | 'config'
  | 'ledger'
  | 'tails'
  | 'outcomes'
  | 'importQueue'
  | 'quarantine'
  | 'quarantineEntries'
  | 'strayMessages'
  | 'itemReader'
  | 'dataKeys'
  | 'emit'
  | 'now'
>;

/**
 * Takes a message that the Functions host gave up on. An item that is at fault goes to quarantine. A message that names no item
 * (damaged, foreign, of a version that this app does not know) is kept whole beside the items: the host has no second
 * poison queue, so a message that is refused here comes back without end. If it was the pointer of an item, that item
 * has no outcome, and the reconcile timer puts it back on the queue.
 */
export async function quarantineItem(deps: Stage, message: unknown): Promise<void> {
  let pointer;
  try {
    pointer = readItemPointer(message);
  } catch (error) {
    const detail = error instanceof Error ? error.message : 'not readable';
    return keepStray(deps, { queue: queues.importItem, message, detail });
  }
  await giveUp(deps, pointer);
}

/**
 * An item that failed by itself is given up: deliveries that are done keep their results, those still pending count as
 * failed and are searched for once more before the batch closes. An item that lost its attempts because its worker ended
 * goes back on the queue, where it runs alone.
 */
export async function giveUp(deps: Stage, pointer: ItemPointer): Promise<void> {
  const { connector, batch, position } = pointer;
  const row = await deps.outcomes.get(batchPartition(connector, batch), positionRow(position));
  if (hasOutcome(row)) return;
  if (!row || !isAtFault(row)) {
    const { putOff: _putOff, waitsFor: _waitsFor, ...anew } = pointer;
    return deps.importQueue.send(anew);
  }
  const deadly = isDeadly(row);
  const known = await identify(deps, pointer, deadly);
  const itemKey = known.itemKey ?? row.value.attempts?.itemKey;
  const deliveries = itemKey ? await deliveriesInLedger(deps, pointer, itemKey) : [];
  const result: ItemResult = { ...known, reason: 'gaveUp', deliveries };
  if (deadly) result.detail = 'The worker ended five times while it imported this item and nothing else.';
  await recordOutcome(deps, pointer, { row }, result);
  deps.emit('quarantineGrew', { connector, batch, position, reason: 'gaveUp' });
}

/** What can be read of the item. What failed five times may fail here too, and must not fail without end. */
async function identify(
  deps: Stage,
  pointer: ItemPointer,
  deadly: boolean,
): Promise<Pick<ItemResult, 'sourceId' | 'itemKey' | 'sha256' | 'arrivedAt'>> {
  try {
    if (deadly) return await startOfItem(deps, pointer);
    const item = await readItem(deps, pointer);
    const { known, arrivedAt } = item;
    return { ...known, arrivedAt, ...(item.kind === 'communication' ? { itemKey: item.itemKey } : {}) };
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
