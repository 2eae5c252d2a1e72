import { randomUUID } from 'node:crypto';
import type { ContainerClient } from '@azure/storage-blob';
import {
  entryBlob,
  entryBytes,
  entryPrefix,
  entrySuffix,
  storedEntry,
  type Act,
  type Actor,
  type StoredEntry,
} from './audit';
import { lastExisting } from './last-existing';
import { createBlob, readBlob } from './write-once.client';

/** The audit trail in its container. All methods throw `RestError` for what the service refuses. */
export interface AuditTrail {
  /** Adds an entry and gives its number. What cannot be written down must not be done: let the error end the act. */
  append(who: Actor, what: Act, at: string): Promise<number>;
  /** Undefined beyond the end of the trail. Throws on an entry that a newer release wrote. */
  read(number: number): Promise<StoredEntry | undefined>;
  /** The bytes of an entry as they are stored. */
  readBytes(number: number): Promise<Buffer | undefined>;
  /** The numbers of the entries that exist, in their order. */
  list(): AsyncIterable<number>;
  /** Number of the newest entry; 0 before the first. */
  head(): Promise<number>;
  /** Keeps a mapping file under the hash of its bytes; keeping it again changes nothing. */
  keepMapping(connector: string, sha256: string, bytes: Buffer): Promise<void>;
  /** A mapping file that was kept. */
  readMapping(connector: string, sha256: string): Promise<Buffer | undefined>;
}

/** The trail. */
export function createAuditTrail(container: ContainerClient): AuditTrail {
  let known = 0;
  const mappingBlob = (connector: string, sha256: string) => `mappings/${connector}/${sha256}.csv`;

  const read = async (number: number) => {
    const bytes = await readBlob(container, entryBlob(number));
    return bytes && storedEntry(bytes);
  };
  const head = async () =>
    (known = await lastExisting(known, (number) => container.getBlobClient(entryBlob(number)).exists()));

  return {
    async append(who, what, at) {
      const id = randomUUID();
      for (;;) {
        const last = await head();
        const before = last === 0 ? undefined : await read(last);
        const number = last + 1;
        const bytes = entryBytes({ v: 1, number, previousSha256: before?.sha256 ?? null, id, at, who, what });
        if (await createBlob(container, entryBlob(number), bytes, 'application/json')) return number;
      }
    },
    read,
    readBytes: (number) => readBlob(container, entryBlob(number)),
    async *list() {
      for await (const { name } of container.listBlobsFlat({ prefix: entryPrefix })) {
        const number = Number(name.slice(entryPrefix.length, -entrySuffix.length));
        if (name === entryBlob(number)) yield number;
      }
    },
    head,
    async keepMapping(connector, sha256, bytes) {
      await createBlob(container, mappingBlob(connector, sha256), bytes, 'text/csv');
    },
    readMapping: (connector, sha256) => readBlob(container, mappingBlob(connector, sha256)),
  };
}
