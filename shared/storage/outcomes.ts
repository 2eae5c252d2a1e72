import type { ConnectorId } from '../connectors';
import type { Reason } from '../errors';
import type { Rows } from './rows.client';

/** How one delivery ended. */
export interface DeliveryResult {
  userId: string;
  end: 'imported' | 'partial' | 'skipped' | 'failed';
  /** Why it failed. */
  reason?: Reason;
}

/** How one item ended: written once, when all its deliveries have ended. */
export interface Outcome {
  v: 1;
  kind: 'delivered' | 'failed' | 'event';
  settledAt: string;
  /** Absent when the item could not be read. */
  sourceId?: string;
  itemKey?: string;
  /** SHA-256 of the raw line. */
  sha256?: string;
  /** Why the item stands in quarantine, if it does. */
  reason?: Reason;
  /** Mailboxes that the item was to be delivered to. */
  expected: number;
  deliveries: DeliveryResult[];
  /** Latest doubt about a create request, over all deliveries: the batch must not close before it settled. */
  unsureAt?: string;
  /** When the item was put back on the queue: from then on this is how it ended before, and it is under way again. */
  redrivenAt?: string;
}

/** What is known of a batch besides its manifest. */
export interface BatchState {
  v: 1;
  runName: string;
  /** When every pointer was on the queue. */
  splitAt?: string;
  /** When positions without an outcome were last put back, or found to be on the queue still. */
  requeuedAt?: string;
  /** Since when they are found to be there. */
  heldSince?: string;
  closedAt?: string;
  counters?: Counters;
}

export interface Counters {
  items: { available: number; delivered: number; failed: number; events: number };
  deliveries: { expected: number; imported: number; partial: number; skipped: number; failed: number };
  /** Quarantined items by reason. */
  reasons: Partial<Record<Reason, number>>;
  quarantined: number;
}

/** An item that needs a person. */
export interface Quarantined {
  v: 1;
  connector: string;
  batch: number;
  position: number;
  blob: string;
  offset: number;
  length: number;
  reason: Reason;
  /** What exactly was wrong; nothing of the item's content. */
  detail: string;
  sourceId?: string;
  at: string;
  /** Source users and how each was mapped; personal data, kept nowhere else. */
  participants?: { asWritten: string; kind: 'mailbox' | 'noMailbox' | 'external' }[];
  deliveries: DeliveryResult[];
}

/** A queue message that names no item: kept whole for a person, because what it was meant to say is not known. */
export interface StrayMessage {
  v: 1;
  at: string;
  reason: Reason;
  /** What was expected and not found; nothing of the message. */
  detail: string;
  /** The message as it came. */
  text: string;
}

/** Rows of stray messages stand beside the items in quarantine: this partition, the text's SHA-256. */
export const strayPartition = 'messages';
export type StrayMessages = Rows<StrayMessage>;

export type Outcomes = Rows<Outcome>;
export type BatchStates = Rows<BatchState>;
export type Quarantine = Rows<Quarantined>;

const padded = (number: number) => String(number).padStart(10, '0');

/** Keys of the rows that belong to a batch and a position; padded so that rows stand in order. */
export const batchPartition = (connector: ConnectorId, batch: number): string =>
  `${connector}-${padded(batch)}`;
export const positionRow = padded;
export const batchRow = padded;
