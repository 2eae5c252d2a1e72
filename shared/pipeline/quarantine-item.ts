import { connectors } from '../connectors';
import type { Deps } from '../deps';
import { itemKey } from '../email/item-key';
import { PermanentError } from '../errors';
import type { ItemPointer } from '../item';
import { batchPartition, positionRow, type DeliveryEnd, type Outcome } from '../storage/outcomes';
import { readEmail, readSource } from './read-item';
import { isSettled, latest, settleItem } from '../delivery/record-outcome';

type Stage = Pick<
  Deps,
  'batches' | 'config' | 'ledger' | 'outcomes' | 'quarantine' | 'mailParser' | 'emit' | 'now'
>;

/**
 * Quarantines an item that the host gave up on. Deliveries that the ledger knows keep how they ended; those
 * still pending count as failed, and are looked for once more before the batch closes.
 */
export async function quarantineItem(deps: Stage, pointer: ItemPointer): Promise<void> {
  const { connector, batch, position } = pointer;
  const before = await deps.outcomes.get(batchPartition(connector, batch), positionRow(position));
  if (isSettled(before)) return;
  const known = await identify(deps, pointer);
  const deliveries = known.itemKey ? await deliveriesInLedger(deps, pointer, known.itemKey) : [];
  const ends = deliveries.map(({ delivery }) => delivery);
  const unsureAt = latest(...deliveries.map((one) => one.unsureAt));
  await settleItem(
    deps,
    pointer,
    before,
    {
      ...known,
      reason: 'gaveUp',
      deliveries: ends,
      ...(unsureAt ? { unsureAt } : {}),
    },
    {
      detail: `${ends.filter(({ end }) => end !== 'failed').length} of ${ends.length} deliveries that were begun are done`,
    },
  );
  deps.emit('quarantineGrew', { connector, batch, position, reason: 'gaveUp' });
}

/** What can be read of the item; what failed five times may fail here as well, and must not fail for ever. */
async function identify(
  deps: Stage,
  pointer: ItemPointer,
): Promise<Pick<Outcome, 'sourceId' | 'itemKey' | 'sha256'>> {
  const known: Pick<Outcome, 'sourceId' | 'itemKey' | 'sha256'> = {};
  try {
    const { message, provenance } = await readSource(deps, pointer, known);
    const email = await readEmail(deps, pointer, message);
    known.itemKey = itemKey(connectors[pointer.connector].id, provenance.sourceId, email);
  } catch (error) {
    if (!(error instanceof PermanentError) && !isMissing(error)) throw error;
  }
  return known;
}

/** The page, or that range of it, does not exist: pages are never removed, so no later attempt will find it. */
function isMissing(error: unknown): boolean {
  const { statusCode } = error as { statusCode?: number };
  return statusCode === 404 || statusCode === 416;
}

async function deliveriesInLedger(deps: Stage, pointer: ItemPointer, key: string) {
  const found: { delivery: DeliveryEnd; unsureAt?: string }[] = [];
  for await (const { row: userId, value: row } of deps.ledger.list(key)) {
    const own = row.batch === pointer.batch && row.position === pointer.position;
    if (row.state === 'done') {
      const end = !own ? 'skipped' : row.partial ? 'partial' : 'imported';
      found.push({ delivery: { userId, end }, ...(own && row.unsureAt ? { unsureAt: row.unsureAt } : {}) });
    } else if (own) {
      // The attempt that holds it may have created the message without living to say so.
      const unsureAt = row.unsureAt ?? (row.untouched ? undefined : row.leaseUntil);
      found.push({
        delivery: { userId, end: 'failed', reason: 'gaveUp' },
        ...(unsureAt ? { unsureAt } : {}),
      });
    }
  }
  return found;
}
