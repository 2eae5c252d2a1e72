import type { ConnectorId } from '../../shared/connectors';
import type { Mention } from './people';
import { random, type Random } from './random';

/** The outcome of a sample item, if its parties have mailboxes. */
export type Fate = 'delivered' | 'partial' | 'tooLarge' | 'unreadable' | 'encrypted' | 'event';

/** A place in the day for one item. */
export interface Slot {
  connector: ConnectorId;
  /** Unique to this place; the seed for the item's content. */
  label: string;
  r: Random;
  /** When it was sent, in ms since 1970; a whole second. */
  sentAtMs: number;
  /** When it reached TeleMessage, in ms since 1970. */
  arrivedAtMs: number;
}

export interface SampleItem {
  /** The source's message id; empty if the line has none. */
  id: string;
  mentions: Mention[];
  fate: Fate;
  /** What the item is a sample of. */
  tags: string[];
  /** The approximate size of the line. */
  bytes: number;
  /** Makes the archived line, without its line feed. */
  line(receivedAt: string): Buffer;
}

/** Items that belong together, one after the other: for example a message and its recall. */
export interface Case {
  size: number;
  make(slots: Slot[]): SampleItem[];
}

export const single = (make: (slot: Slot) => SampleItem): Case => ({
  size: 1,
  make: ([slot]) => [make(slot!)],
});

export const messageId = ({ sentAtMs, r }: Slot) => `${sentAtMs}_${1_000_000_000 + r.int(2_000_000_000)}`;

export const isoSeconds = (atMs: number) => new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');

export const megabyte = 1_048_576;

/** The random numbers for an item's content: the same for every call, even after the slot's own `r` was used. */
export const contentRandom = (slot: Slot) => random(`${slot.label}/content`);

export const callStatuses = ['Answered', 'Missed', 'Rejected', 'Busy'] as const;
