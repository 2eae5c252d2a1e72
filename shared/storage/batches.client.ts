import { Readable } from 'node:stream';
import type { ContainerClient } from '@azure/storage-blob';
import type { ConnectorId } from '../connectors';
import { createLookUps } from '../look-ups';
import { lastExisting } from './last-existing';
import { createBlob, createOnly, readBlob } from './write-once.client';
import { manifestBlob, manifestBytes, storedManifest, type Manifest, type StoredManifest } from './manifest';

/** Raw batches: pages that are written once, and the chain of manifests that commits them. */
export interface Batches {
  /** Streams a page into a new blob. Stores nothing when the content fails; throws when the blob exists. */
  writePage(blob: string, content: AsyncIterable<Buffer>): Promise<void>;
  /** Stores a manifest; false when another one has its number. */
  commit(value: Manifest): Promise<boolean>;
  /** Undefined beyond the end of the chain. Throws on a manifest that a newer release wrote. */
  read(connector: ConnectorId, number: number): Promise<StoredManifest | undefined>;
  /** Number of the newest manifest, searched upwards from `from`: a number that exists, or 0. */
  head(connector: ConnectorId, from: number): Promise<number>;
  /** Names of the blobs that begin so, in their order. */
  list(prefix: string): AsyncIterable<string>;
  /** The whole blob; undefined if it does not exist. */
  readBlob(blob: string): Promise<Buffer | undefined>;
  /** The bytes of a page, as they arrive. */
  streamPage(blob: string): Promise<AsyncIterable<Buffer>>;
  /** The bytes of a range of a page, as they arrive. */
  streamRange(blob: string, offset: number, length: number): AsyncIterable<Buffer>;
  /** Throws when the page does not have all of these bytes. */
  readRange(blob: string, offset: number, length: number): Promise<Buffer>;
}

const uploadBlockBytes = 4 * 1024 * 1024;
/**
 * Neighbours in a page are read together: a small item is taken from the window that it begins in, which reaches as far
 * beyond its end as such an item is long. 3 MiB of the latest windows stay in memory.
 */
const windowBytes = 64 * 1024;
const smallItemBytes = 32 * 1024;
const mostWindows = 32;

/** The batches in the container. All methods throw `RestError` for what the service refuses. */
export function createBatches(container: ContainerClient): Batches {
  const download = async (blob: string, offset?: number, length?: number) => {
    const response = await container.getBlobClient(blob).download(offset, length);
    if (!response.readableStreamBody) throw new Error('The storage service sent no body with its answer');
    return response.readableStreamBody as unknown as AsyncIterable<Buffer>;
  };
  const readAll = async (chunks: AsyncIterable<Buffer>) => {
    const parts: Buffer[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    return Buffer.concat(parts);
  };
  const readBytes = async (blob: string, offset: number, length: number) =>
    readAll(await download(blob, offset, length));
  const windows = createLookUps(
    (key: string) => {
      const [number = '', blob = ''] = key.split(' ');
      return readBytes(blob, Number(number) * windowBytes, windowBytes + smallItemBytes);
    },
    { freshForMs: () => Infinity, now: Date.now, mostEntries: mostWindows },
  );
  const readManifest = async (connector: ConnectorId, number: number) => {
    const bytes = await readBlob(container, manifestBlob(connector, number));
    return bytes && storedManifest(bytes);
  };

  return {
    async writePage(blob, content) {
      await container
        .getBlockBlobClient(blob)
        .uploadStream(Readable.from(content), uploadBlockBytes, 2, createOnly);
    },
    commit: (value) =>
      createBlob(
        container,
        manifestBlob(value.connector, value.number),
        manifestBytes(value),
        'application/json',
      ),
    read: readManifest,
    head: (connector, from) =>
      lastExisting(from, (number) => container.getBlobClient(manifestBlob(connector, number)).exists()),
    async *list(prefix) {
      for await (const { name } of container.listBlobsFlat({ prefix })) yield name;
    },
    readBlob: (blob) => readBlob(container, blob),
    streamPage: (blob) => download(blob),
    async *streamRange(blob, offset, length) {
      yield* await download(blob, offset, length);
    },
    async readRange(blob, offset, length) {
      if (length === 0) return Buffer.alloc(0);
      if (length <= smallItemBytes) {
        const number = Math.floor(offset / windowBytes);
        const window = await windows.find(`${number} ${blob}`, 0);
        const found = window.subarray(offset - number * windowBytes).subarray(0, length);
        if (found.length === length) return found;
        windows.forget(`${number} ${blob}`);
      }
      const bytes = await readBytes(blob, offset, length);
      if (bytes.length !== length)
        throw new Error(`A page holds ${bytes.length} of ${length} bytes of an item`);
      return bytes;
    },
  };
}
