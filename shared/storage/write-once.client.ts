import { RestError, type ContainerClient } from '@azure/storage-blob';
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';

/** Blobs that are written once. The functions throw `RestError` for everything else that the service refuses. */

/** The condition of a write that must not replace anything. */
export const createOnly = { conditions: { ifNoneMatch: '*' } };

/** The whole blob; undefined if it does not exist. */
export async function readBlob(container: ContainerClient, name: string): Promise<Buffer | undefined> {
  try {
    const { readableStreamBody } = await container.getBlobClient(name).download();
    return await buffer(readableStreamBody as Readable);
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return undefined;
    throw error;
  }
}

/**
 * Creates the blob; false if another one has the name. The SDK repeats an upload whose answer was lost, and then finds
 * its own bytes: they count as created.
 */
export async function createBlob(
  container: ContainerClient,
  name: string,
  bytes: Buffer,
  blobContentType: string,
): Promise<boolean> {
  try {
    const options = { ...createOnly, blobHTTPHeaders: { blobContentType } };
    await container.getBlockBlobClient(name).upload(bytes, bytes.length, options);
    return true;
  } catch (error) {
    // 409: the blob exists. 412: the same answer when a block list is committed.
    const isTaken = error instanceof RestError && (error.statusCode === 409 || error.statusCode === 412);
    if (!isTaken) throw error;
    return (await readBlob(container, name))?.equals(bytes) ?? false;
  }
}
