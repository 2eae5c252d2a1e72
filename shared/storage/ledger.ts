import type { Rows } from './rows.client';

/** One row per delivery (item key × user id). Batch and position say which item made the copy. */
export interface LedgerRow {
  v: 1;
  state: 'pending' | 'done';
  connector: string;
  batch: number;
  position: number;
  /** Random id of the attempt that holds the lease. */
  owner: string;
  /** ISO-8601 UTC. An attempt that ends early sets it to the past. */
  leaseUntil: string;
  /** True when the last attempt certainly left nothing in the mailbox, so that the next one need not look there. */
  untouched?: boolean;
  /** The folder of the create request, where a copy is looked for. */
  folderId: string;
  messageId?: string;
  /** True when the copy lacks some of the item's attachments. */
  partial?: boolean;
  /** When a person had the copy taken out of sight, because the mapping had chosen the wrong mailbox. ISO-8601 UTC. */
  withdrawnAt?: string;
  /** In doubt since: the last time at which a create request may have gone unanswered. ISO-8601 UTC. */
  unsureAt?: string;
  /**
   * Ids of messages that were to be removed. None of them counts as a copy again: a request still under way can
   * complete one, and its removal can take effect after that.
   */
  discarded?: string[];
  /** How many copies were removed because a late request created them after a look-up had found none. */
  removedCopies?: number;
}

export type Ledger = Rows<LedgerRow>;
