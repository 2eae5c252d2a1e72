import { createHash } from 'node:crypto';
import * as z from 'zod';
import { connectorIds, type ConnectorId } from '../connectors';
import { blobName } from '../item';
import { manifestPrefix, manifestSuffix } from '../names';

/**
 * A manifest commits a batch: it names the batch's pages and its place in the connector's chain. Manifest n + 1 carries
 * the hash of the bytes of manifest n, so that nobody can change, insert or remove a batch without breaking the chain.
 */

/** One window, fetched for one cause. Another run can fetch the same window again on purpose. */
export const run = z.strictObject({
  /** Unique within the connector; letters, digits and hyphens. */
  name: z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
  cause: z.enum(['daily', 'backfill']),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
});
export type Run = z.infer<typeof run>;

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);

const page = z.strictObject({
  blob: blobName,
  sha256: sha256Hex,
  bytes: z.int().nonnegative(),
  items: z.int().nonnegative(),
});

export const manifest = z.strictObject({
  v: z.literal(1),
  connector: z.enum(connectorIds),
  /** Place in the connector's chain, from 1. */
  number: z.int().positive(),
  /** SHA-256 of the bytes of manifest `number - 1`; null for the first. */
  previousSha256: sha256Hex.nullable(),
  run,
  /** Place of the batch in its run, from 1. */
  sequence: z.int().positive(),
  /** True for the run's last batch: the window is complete. */
  last: z.boolean(),
  /** The cursor from which the run's next batch continues. */
  nextLastId: z.string().nullable(),
  items: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  pages: z.array(page),
  committedAt: z.iso.datetime(),
});
export type Manifest = z.infer<typeof manifest>;

/** The end of a connector's chain. */
export interface ChainEnd {
  /** Number of the newest manifest; 0 before the first. */
  number: number;
  /** SHA-256 of its bytes, hex; null before the first. */
  sha256: string | null;
}

/** The manifest that commits `batch` as the next number of the chain. */
export function nextManifest(
  end: ChainEnd,
  { connector, ...batch }: Omit<Manifest, 'v' | 'number' | 'previousSha256'>,
): Manifest {
  return { v: 1, connector, number: end.number + 1, previousSha256: end.sha256, ...batch };
}

/** The bytes of a manifest. There is one way to write them, because the next manifest carries their hash. */
export const manifestBytes = (value: Manifest): Buffer =>
  Buffer.from(`${JSON.stringify(manifest.parse(value))}\n`);

/** A manifest as stored, with the SHA-256 of its bytes (hex). */
export interface StoredManifest {
  manifest: Manifest;
  sha256: string;
}

/** Reads the stored bytes of a manifest. Throws when they are not one that this release knows. */
export const storedManifest = (bytes: Buffer): StoredManifest => ({
  manifest: manifest.parse(JSON.parse(bytes.toString())),
  sha256: sha256(bytes),
});

/** SHA-256, hex. */
export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Blob name of a manifest. Numbers are padded, so that a listing is in the order of the chain. */
export const manifestBlob = (connector: ConnectorId, number: number): string =>
  `${manifestPrefix}${connector}/${String(number).padStart(10, '0')}${manifestSuffix}`;
