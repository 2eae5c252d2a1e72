import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import type { Reason } from '../errors';
import { entryPartition, type Quarantined, type QuarantineEntry } from '../storage/outcomes';

type Stage = Pick<Deps, 'quarantine' | 'quarantineEntries'>;

/** An item in quarantine, with every place in which it is. */
export interface QuarantinedItem extends Pick<QuarantineEntry, 'acknowledgedAt' | 'notes'> {
  /** What identifies the item: its key, or a hash of what is known of one that cannot be read. */
  item: string;
  connector: ConnectorId;
  reason: Reason;
  detail: string;
  since: string;
  at: string;
  sourceId?: string;
  participants: NonNullable<Quarantined['participants']>;
  deliveries: Quarantined['deliveries'];
  /** Oldest first; an item that was fetched again has several. */
  places: Pick<Quarantined, 'batch' | 'position' | 'blob' | 'offset' | 'length'>[];
}

/**
 * The items of a connector that are in quarantine, those that came last first. An entry whose item has left, or came so
 * late that no row is there, counts for nothing: the rows decide. Memory grows with what is in quarantine.
 */
export async function quarantinedItems(deps: Stage, connector: ConnectorId): Promise<QuarantinedItem[]> {
  const entries = new Map<string, QuarantineEntry>();
  for await (const { row, value } of deps.quarantineEntries.list(entryPartition(connector)))
    entries.set(row, value);
  const items = new Map<string, QuarantinedItem>();
  for await (const { partition, row, value } of deps.quarantine.search([
    { column: 'PartitionKey', is: 'ge', value: `${connector}-` },
    { column: 'PartitionKey', is: 'le', value: `${connector}-~` },
  ])) {
    const item = value.item ?? `${partition} ${row}`;
    const entry = entries.get(item);
    const { batch, position, blob, offset, length, reason, detail, at, sourceId, deliveries } = value;
    const place = { batch, position, blob, offset, length };
    const known = items.get(item);
    items.set(item, {
      item,
      connector,
      reason,
      detail,
      since: entry?.since ?? known?.since ?? at,
      at,
      ...(sourceId === undefined ? {} : { sourceId }),
      ...(entry?.acknowledgedAt === undefined ? {} : { acknowledgedAt: entry.acknowledgedAt }),
      ...(entry?.notes ? { notes: entry.notes } : {}),
      participants: value.participants ?? [],
      deliveries,
      places: [...(known?.places ?? []), place],
    });
  }
  return [...items.values()].toSorted((a, b) => (a.at < b.at ? 1 : -1));
}

/** Whether a person means this item: by what identifies it, its source id, or one of its places as `batch/position`. */
export const isMeant = (found: QuarantinedItem, text: string): boolean =>
  found.item === text ||
  found.sourceId === text ||
  found.places.some(({ batch, position }) => text === `${found.connector}/${batch}/${position}`);

/** How many items wait for a person, by reason; those that a person acknowledged wait no longer. */
export function waitingByReason(items: readonly QuarantinedItem[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason, acknowledgedAt } of items)
    if (acknowledgedAt === undefined) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
