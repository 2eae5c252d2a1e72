import type { z } from 'zod';
import { itemPointer, type ItemPointer } from '../item';
import { manifest, type Manifest } from '../storage/manifest';
import { backfillRequest, type BackfillRequest } from './backfill-window';
import { redriveRequest, type RedriveRequest } from './redrive-item';

/**
 * What triggers hand over, parsed. All throw an Error that says what was expected and found where, without the
 * message's content.
 */
const reader =
  <T>(what: string, schema: z.ZodType<T>) =>
  (message: unknown): T => {
    const parsed = schema.safeParse(message);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map((issue) => {
      // The names of fields that nobody knows are what a stranger wrote.
      const found = issue.code === 'unrecognized_keys' ? 'unknown fields' : issue.message;
      return `${issue.path.join('.') || 'message'}: ${found}`;
    });
    throw new Error(`Expected ${what}. ${problems.slice(0, 5).join('; ')}`);
  };

export const readItemPointer: (message: unknown) => ItemPointer = reader(
  'the pointer to an item',
  itemPointer,
);

export const readBackfillRequest: (message: unknown) => BackfillRequest = reader(
  'a request to fetch a window',
  backfillRequest,
);

export const readRedriveRequest: (message: unknown) => RedriveRequest = reader(
  'a request to redrive an item',
  redriveRequest,
);

const readManifestJson = reader<Manifest>('the manifest of a batch', manifest);

/** The manifest in the bytes that a blob trigger hands over. */
export function readManifest(blob: unknown): Manifest {
  if (!Buffer.isBuffer(blob)) throw new Error('Expected the bytes of a manifest');
  let json: unknown;
  try {
    json = JSON.parse(blob.toString());
  } catch {
    throw new Error('Expected the manifest of a batch. It is not JSON');
  }
  return readManifestJson(json);
}
