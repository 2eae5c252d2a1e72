import type { Rows, Stored } from './rows.client';

/** One row per delivery (item key × user id). A row that names a batch and position says which of them made it. */
export interface LedgerRow {
  v: 1;
  state: 'pending' | 'done';
  connector: string;
  batch: number;
  position: number;
  /** Random name of the attempt that holds the lease. */
  owner: string;
  /** ISO-8601 UTC; in the past once the attempt gave up. */
  leaseUntil: string;
  /** True when the last attempt surely left nothing in the mailbox: the next one need not look. */
  untouched?: boolean;
  /** Folder that the create request named: a copy is looked for there. */
  folderId: string;
  messageId?: string;
  /** True when attachments were dropped. */
  partial?: boolean;
  /** Last moment at which a create request may have been left without an answer. */
  unsureAt?: string;
  /**
   * Messages that are, or were, to be removed. A request under way may complete one of them, and the removal take
   * effect after that: none of them counts as a copy any more.
   */
  discarded?: string[];
  /** Copies removed because a late request landed after the look-up said no. */
  removedCopies?: number;
}

export type LedgerEntry = Stored<LedgerRow>;
export type Ledger = Rows<LedgerRow>;
