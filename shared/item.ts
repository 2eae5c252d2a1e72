import * as z from 'zod';
import { connectorIds } from './connectors';

/** Version of queue messages. A newer app must still read the messages that an older one left on the queue. */
export const pointerVersion = 1;

/** The name of a blob. Without `..`, which would lead the storage client out of its container. */
export const blobName = z
  .string()
  .regex(/^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[\w./-]+$/, 'expected the name of a blob');

/**
 * A queue message: the place of one item in a raw batch, never its content. No field may be called `id`,
 * `dequeueCount` or `popReceipt`, because the Functions host would put it in place of the message's own metadata.
 */
export const itemPointer = z.strictObject({
  v: z.literal(pointerVersion),
  connector: z.enum(connectorIds),
  /** Number of the batch in its connector's manifest chain. */
  batch: z.int().positive(),
  /** Position of the item in the batch, from 0. */
  position: z.int().nonnegative(),
  /** Name of the page blob in the batches container. */
  blob: blobName,
  /** Byte range of the line in the blob, without its line feed. */
  offset: z.int().nonnegative(),
  length: z.int().nonnegative(),
  /**
   * Of an item of a daily window: the window's start, and from when on the next window lists items again. Both are
   * instants of arrival.
   */
  window: z.strictObject({ from: z.iso.datetime(), tailFrom: z.iso.datetime() }).optional(),
  /** User id of the mailbox that had no room for the item: until it has, nothing needs to be read. */
  waitsFor: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'expected a user id')
    .optional(),
  /** How often the item was put off. */
  putOff: z.int().nonnegative().optional(),
});
export type ItemPointer = z.infer<typeof itemPointer>;

/** Where an item came from; written into named properties of the mailbox item. */
export interface Provenance<Owner extends string = ItemPointer['connector']> {
  /** The connector; of the app's own reports, another word. */
  connector: Owner;
  batch: number;
  position: number;
  /** The source's message id as it came. */
  sourceId: string;
  /** SHA-256 of the raw line, hex. */
  sha256: string;
  /** Arrival at TeleMessage, ISO-8601 UTC. */
  receivedAt: string;
}
