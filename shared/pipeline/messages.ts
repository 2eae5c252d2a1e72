import type * as z from 'zod';
import { RefusedRequestError } from '../errors';
import { itemPointer, type ItemPointer } from '../item';
import { manifest, type Manifest } from '../storage/manifest';
import { backfillRequest, type BackfillRequest } from './backfill-window';
import { operatorRequest, type OperatorRequest } from './operator-request';
import { redriveRequest, type RedriveRequest } from './redrive-item';

/**
 * Parsers for what triggers hand over. They throw a RefusedRequestError that says what was expected and where, without the message's
 * content.
 */
const reader =
  <T>(what: string, schema: z.ZodType<T>) =>
  (message: unknown): T => {
    const parsed = schema.safeParse(message);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map((issue) => {
      // Do not repeat the names of unknown fields: an outsider may have written them.
      const found = issue.code === 'unrecognized_keys' ? 'unknown fields' : issue.message;
      return `${issue.path.join('.') || 'message'}: ${found}`;
    });
    throw new RefusedRequestError(`Expected ${what}. ${problems.slice(0, 5).join('; ')}`);
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

export const readOperatorRequest: (message: unknown) => OperatorRequest = reader(
  'a request of an operator',
  operatorRequest,
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
