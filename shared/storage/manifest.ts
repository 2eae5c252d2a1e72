import { createHash } from 'node:crypto';
import { z } from 'zod';
import { connectorIds, type ConnectorId } from '../connectors';
import { blobName } from '../item';
import { manifestPrefix, manifestSuffix } from '../names';

/** A run is one window fetched for one cause; a window can be fetched again on purpose, by another run. */
export const run = z.strictObject({
  /** Unique in its connector; letters, digits and hyphens. */
  name: z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
  cause: z.enum(['daily', 'backfill']),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
});
export type Run = z.infer<typeof run>;

const page = z.strictObject({
  blob: blobName,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().nonnegative(),
  items: z.int().nonnegative(),
});

/** The commit of a batch: what its pages are, and its place in the connector's chain. */
export const manifest = z.strictObject({
  v: z.literal(1),
  connector: z.enum(connectorIds),
  /** Place in the connector's chain, from 1. */
  number: z.int().positive(),
  /** SHA-256 of the bytes of manifest `number - 1`; null for the first. */
  previousSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  run,
  /** Place of the batch in its run, from 1. */
  sequence: z.int().positive(),
  /** True for the run's last batch: the window is whole. */
  last: z.boolean(),
  /** Cursor with which the next batch of the run goes on. */
  nextLastId: z.string().nullable(),
  items: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  pages: z.array(page),
  committedAt: z.iso.datetime(),
});
export type Manifest = z.infer<typeof manifest>;

/** Manifest bytes are hashed, so there is one way to write them. */
export const manifestBytes = (value: Manifest): Buffer =>
  Buffer.from(`${JSON.stringify(manifest.parse(value))}\n`);

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Blob name of a manifest; numbers are padded so that a listing is in the order of the chain. */
export const manifestBlob = (connector: ConnectorId, number: number): string =>
  `${manifestPrefix}${connector}/${String(number).padStart(10, '0')}${manifestSuffix}`;
