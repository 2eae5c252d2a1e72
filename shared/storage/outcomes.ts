import type { ConnectorId } from '../connectors';
import type { Reason } from '../errors';
import type { Rows, Stored } from './rows.client';

/** How one delivery to one mailbox ended. */
export interface DeliveryResult {
  userId: string;
  end: 'imported' | 'partial' | 'skipped' | 'failed';
  /** Why it failed. */
  reason?: Reason;
}

/** The attempts to import an item, counted in its row. An attempt whose worker died has begun and never ended. */
export interface Attempts {
  begun: number;
  ended: number;
  /** Those that ended with an error that another attempt may cure. */
  failed: number;
  /** Those that ran with nothing beside them in their worker. */
  begunAlone: number;
  endedAlone: number;
  /** Set before the first message is created: an item that cannot be read any more may have copies all the same. */
  itemKey?: string;
  /** Those that deliver, and have not ended. */
  delivering?: Delivering[];
}

export interface Delivering {
  /** Of the attempt; the first one has number 1. */
  number: number;
  /** When it has ended, whether it says so or not, ISO-8601 UTC: no function outlasts its time-out. */
  until: string;
  /** Digests of the users to whom it delivers. */
  recipients: string[];
}

/** How one item ended: written once, when all its deliveries have ended. Until then, that it has begun. */
export interface Outcome {
  /** 2 for `begun`: a release that does not know it must not take it for an outcome. */
  v: 1 | 2;
  kind: 'delivered' | 'failed' | 'event' | 'repeated' | 'begun';
  /** When it ended; of an item that has only begun, when its latest attempt began. */
  settledAt: string;
  /** Absent when the item could not be read. */
  sourceId?: string;
  itemKey?: string;
  /** SHA-256 of the raw line. */
  sha256?: string;
  /** Arrival at TeleMessage, ISO-8601 UTC. */
  arrivedAt?: string;
  /** Where its bytes are: the page, and the range of the line without its line feed. Absent while it has only begun. */
  blob?: string;
  offset?: number;
  length?: number;
  /** Why the item is in quarantine; absent when it is not. */
  reason?: Reason;
  /** In how many mailboxes the item belongs, those of `unreached` included. */
  expected: number;
  deliveries: DeliveryResult[];
  /** How many participants of the organisation have no delivery, because no mailbox is known for them. */
  unreached?: number;
  /** Absent once the item has ended. */
  attempts?: Attempts;
  /** In doubt since: the latest `unsureAt` of its ledger rows. The batch closes only after that doubt has settled. */
  unsureAt?: string;
  /** When a person put the item back on the queue. Until it ends again, the rest of the row is its former outcome. */
  redrivenAt?: string;
}

/** Whether the item has an outcome and was not put back on the queue since. */
export const hasOutcome = (outcome: Stored<Outcome> | undefined): boolean =>
  outcome !== undefined && outcome.value.kind !== 'begun' && outcome.value.redrivenAt === undefined;

/** How far a batch has come. */
export interface BatchState {
  v: 1;
  runName: string;
  /** When the pointers to all items were on the queue. */
  splitAt?: string;
  /** When items without an outcome were last put back on the queue, or found to be still on it. */
  requeuedAt?: string;
  /** Since when each look has found them still on the queue. */
  heldSince?: string;
  closedAt?: string;
  /** Hash of the manifest's bytes when the batch closed: a witness for the newest one, which no other carries yet. */
  manifestSha256?: string;
  counters?: Counters;
  /** Quarantined items by reason, without those that were in quarantine from another batch already. */
  fresh?: Partial<Record<Reason, number>>;
  /** When the closing was reported. */
  toldAt?: string;
  /** The most items by reason that were ever reported to be in quarantine. */
  told?: Partial<Record<Reason, number>>;
}

export interface Counters {
  /** `repeated`: listed again because windows overlap, and settled before; not among the available ones. */
  items: { available: number; delivered: number; failed: number; events: number; repeated?: number };
  deliveries: { expected: number; imported: number; partial: number; skipped: number; failed: number };
  /** Quarantined items by reason. */
  reasons: Partial<Record<Reason, number>>;
  quarantined: number;
}

/**
 * An item in quarantine: a person must act. One row per position. An item that is fetched again has several, and one
 * `QuarantineEntry`.
 */
export interface Quarantined {
  v: 1;
  /** Row key of the item's entry. */
  item?: string;

  connector: string;
  batch: number;
  position: number;
  blob: string;
  offset: number;
  length: number;
  reason: Reason;
  /** What exactly was wrong, without any of the item's content. */
  detail: string;
  sourceId?: string;
  at: string;
  /** The participants as the source wrote them, and how each was mapped. Personal data that no other row holds. */
  participants?: { asWritten: string; kind: 'mailbox' | 'noMailbox' | 'uncertain' | 'external' }[];
  deliveries: DeliveryResult[];
}

/** The entry of an item in quarantine, whatever batches it came with. */
export interface QuarantineEntry {
  v: 1;
  connector: string;
  /** Where it came from last. */
  batch: number;
  position: number;
  reason: Reason;
  /** Where it came from first: the batch of that place reports it. */
  firstBatch: number;
  firstPosition: number;
  /** Other places that it came from, latest last; the item may be in quarantine there too. */
  others?: { batch: number; position: number }[];
  /** When it first went into quarantine, and when last; ISO-8601 UTC. */
  since: string;
  at: string;
  /** When a person said that nothing can mend it. */
  acknowledgedAt?: string;
  notes?: { at: string; by: string; text: string }[];
}
export type QuarantineEntries = Rows<QuarantineEntry>;

/** Entries are in the quarantine table too: per connector, with what identifies the item as row key. */
export const entryPartition = (connector: ConnectorId): string => `items-${connector}`;

/**
 * Who is archived. One row per person and batch, written when the batch closes, so that it costs nothing per item:
 * partition = connector, row = end of the window, batch and user id, so that the last weeks are found by their keys.
 */
export interface Coverage {
  v: 1;
  userId: string;
  /** How many items of the batch the person has in the mailbox. */
  items: number;
  /** Arrival of the newest of them, ISO-8601 UTC. */
  lastAt: string;
  /** The batch's window. */
  from: string;
  to: string;
}
export type CoverageRows = Rows<Coverage>;

/** A queue message that does not point to an item, kept whole because nothing says what it was for. */
export interface StrayMessage {
  v: 1;
  at: string;
  /** The queue that it came from. */
  queue?: string;
  reason: Reason;
  /** What was expected and not found, without any of the message. */
  detail: string;
  /** The message as it came. */
  text: string;
}

/** Stray messages are in the quarantine table too: in this partition, with the SHA-256 of their text as row key. */
export const strayPartition = 'messages';
export type StrayMessages = Rows<StrayMessage>;

export type Outcomes = Rows<Outcome>;
export type BatchStates = Rows<BatchState>;
export type Quarantine = Rows<Quarantined>;

const padded = (number: number) => String(number).padStart(10, '0');

/** Partition of the rows of a batch's items. The numbers in all three keys are padded, so that rows sort by number. */
export const batchPartition = (connector: ConnectorId, batch: number): string =>
  `${connector}-${padded(batch)}`;
/** Row key of an item within its batch. */
export const positionRow = padded;
/** Row key of a batch within its connector. */
export const batchRow = padded;
