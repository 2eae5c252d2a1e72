import { createHash } from 'node:crypto';
import type { ConnectorId } from '../connectors';
import type { Rows } from './rows.client';

/**
 * The items at the end of each daily window that have ended. The next window lists them again, because the site may list
 * others of that time late. In the table of the ledger, in a partition of their own for each connector.
 */
export interface Tail {
  v: 1;
  /** Start of the window in which the item ended. */
  windowFrom: string;
  batch: number;
  position: number;
}
export type Tails = Rows<Tail>;

export const tailPartition = (connector: ConnectorId): string => `tail-${connector}`;

/** What identifies an item: its key, or a hash of what else is known of one that cannot be read. */
export function itemIdentity(known: {
  itemKey?: string;
  sourceId?: string;
  sha256?: string;
}): string | undefined {
  const other = known.sourceId ?? known.sha256;
  if (known.itemKey !== undefined || other === undefined) return known.itemKey;
  return createHash('sha256').update(other).digest('hex');
}
