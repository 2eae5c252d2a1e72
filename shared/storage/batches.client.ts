import { Readable } from 'node:stream';
import { RestError, type ContainerClient } from '@azure/storage-blob';
import type { ConnectorId } from '../connectors';
import { manifest, manifestBlob, manifestBytes, sha256, type Manifest } from './manifest';

/** Raw batches: write-once pages, and the chain of manifests that commits them. */
export interface Batches {
  /** Streams a page into a new blob; nothing is stored when the content fails. */
  writePage(blob: string, content: AsyncIterable<Buffer>): Promise<void>;
  /** False when the number is taken by another manifest. */
  commit(value: Manifest): Promise<boolean>;
  /** A manifest with the hash of its stored bytes; undefined beyond the end of the chain. */
  read(connector: ConnectorId, number: number): Promise<{ manifest: Manifest; sha256: string } | undefined>;
  /** Number of the newest manifest, 0 before the first, searching upwards from a number known to exist. */
  head(connector: ConnectorId, from: number): Promise<number>;
  /** Bytes of a page while they arrive. */
  streamPage(blob: string): Promise<AsyncIterable<Buffer>>;
  readRange(blob: string, offset: number, length: number): Promise<Buffer>;
}

const uploadBlockBytes = 4 * 1024 * 1024;
const createOnly = { conditions: { ifNoneMatch: '*' } };
/** 409: the blob exists. 412: the same, from a committed block list. */
const isTaken = (error: unknown) =>
  error instanceof RestError && (error.statusCode === 409 || error.statusCode === 412);

export function createBatches(container: ContainerClient): Batches {
  const download = async (blob: string, offset?: number, length?: number) => {
    const response = await container.getBlobClient(blob).download(offset, length);
    if (!response.readableStreamBody) throw new Error('The storage service answered without a body');
    return response.readableStreamBody as unknown as AsyncIterable<Buffer>;
  };
  const readAll = async (chunks: AsyncIterable<Buffer>) => {
    const parts: Buffer[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    return Buffer.concat(parts);
  };
  const readManifest = async (connector: ConnectorId, number: number) => {
    try {
      const bytes = await readAll(await download(manifestBlob(connector, number)));
      return { manifest: manifest.parse(JSON.parse(bytes.toString())), sha256: sha256(bytes) };
    } catch (error) {
      if (error instanceof RestError && error.statusCode === 404) return undefined;
      throw error;
    }
  };

  return {
    async writePage(blob, content) {
      await container
        .getBlockBlobClient(blob)
        .uploadStream(Readable.from(content), uploadBlockBytes, 2, createOnly);
    },
    async commit(value) {
      const bytes = manifestBytes(value);
      const blob = container.getBlockBlobClient(manifestBlob(value.connector, value.number));
      try {
        await blob.upload(bytes, bytes.length, {
          ...createOnly,
          blobHTTPHeaders: { blobContentType: 'application/json' },
        });
        return true;
      } catch (error) {
        if (!isTaken(error)) throw error;
        // A retried upload whose first answer was lost finds its own bytes.
        return (await readManifest(value.connector, value.number))?.sha256 === sha256(bytes);
      }
    },
    read: readManifest,
    async head(connector, from) {
      let number = from;
      while (await container.getBlobClient(manifestBlob(connector, number + 1)).exists()) number++;
      return number;
    },
    streamPage: (blob) => download(blob),
    async readRange(blob, offset, length) {
      if (length === 0) return Buffer.alloc(0);
      const bytes = await readAll(await download(blob, offset, length));
      if (bytes.length !== length)
        throw new Error(`A page holds ${bytes.length} of ${length} bytes of an item`);
      return bytes;
    },
  };
}
