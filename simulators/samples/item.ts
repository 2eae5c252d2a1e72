import type { ConnectorId } from '../../shared/connectors';
import type { Mention } from './people';
import { random, type Random } from './random';

/** What becomes of a sample item, mapping aside. */
export type Fate = 'delivered' | 'partial' | 'tooLarge' | 'unreadable' | 'event';

/** A place in the day that an item fills. */
export interface Slot {
  connector: ConnectorId;
  /** Tells this place from every other; the seed of all that stands in the item. */
  label: string;
  r: Random;
  /** When it was sent and when it reached TeleMessage, in ms since 1970; sent in whole seconds. */
  sentAtMs: number;
  arrivedAtMs: number;
}

export interface SampleItem {
  /** The source's message id; empty where the line has none. */
  id: string;
  mentions: Mention[];
  fate: Fate;
  /** What the item is a sample of, for the expectations. */
  tags: string[];
  /** Size of the line, or about. */
  bytes: number;
  /** The archived line without its line feed, made anew on every call. */
  line(receivedAt: string): Buffer;
}

/** Items that belong together and come one after the other: a message and what is later done to it. */
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

/** The chance of an item's content, the same on every call; apart from that of its parties, which is drawn once. */
export const contentRandom = (slot: Slot) => random(`${slot.label}/content`);

export const callStatuses = ['Answered', 'Missed', 'Rejected', 'Busy'] as const;
