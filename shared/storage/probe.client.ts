import { RestError } from '@azure/storage-blob';
import type { Account } from './account.client';

/** What a store that refuses an unconditional overwrite of a blob says of itself. */
export interface Immutability {
  /** The service says that a retention policy lies on the container. */
  policy: boolean;
  overwriteRefused: boolean;
  /** An emulator, which knows no retention policies. */
  emulator: boolean;
}

/** Looks at the evidence store as such, beside what the pipeline does with it. All methods throw `RestError`. */
export interface StoreProbe {
  /** About how many messages wait in the queue, put-off ones included. */
  queueDepth(name: string): Promise<number>;
  /** Reads at most one row. */
  readTable(name: string): Promise<void>;
  /** Rows by the text of a column, over all partitions whose name begins so; the prefix ends in `-`. */
  countRows(name: string, partitionPrefix: string, column: string): Promise<Record<string, number>>;
  /** Writes a row and removes it. */
  writeTable(name: string, partition: string, row: string): Promise<void>;
  /** Tries to overwrite an existing blob without any condition; the old bytes are given to be written again. */
  overwrite(container: string, blob: string, bytes: Buffer): Promise<Immutability>;
}

export function createStoreProbe(account: Account): StoreProbe {
  return {
    async queueDepth(name) {
      return (await account.queue(name).getProperties()).approximateMessagesCount ?? 0;
    },
    async readTable(name) {
      const rows = account.table(name).listEntities({ queryOptions: { select: ['PartitionKey'] } });
      await rows.byPage({ maxPageSize: 1 }).next();
    },
    async countRows(name, partitionPrefix, column) {
      // The character after the hyphen ends the range.
      const end = `${partitionPrefix.slice(0, -1)}.`;
      const filter = `PartitionKey ge '${partitionPrefix}' and PartitionKey lt '${end}'`;
      const rows = account
        .table(name)
        .listEntities<Record<string, unknown>>({ queryOptions: { filter, select: [column] } });
      const counts: Record<string, number> = {};
      for await (const row of rows) {
        const value = String(row[column] ?? '');
        counts[value] = (counts[value] ?? 0) + 1;
      }
      return counts;
    },
    async writeTable(name, partitionKey, rowKey) {
      await account.table(name).upsertEntity({ partitionKey, rowKey }, 'Replace');
      await account.table(name).deleteEntity(partitionKey, rowKey);
    },
    async overwrite(container, blob, bytes) {
      const { hasImmutabilityPolicy = false, _response } = await account.container(container).getProperties();
      const refused = await account
        .container(container)
        .getBlockBlobClient(blob)
        .upload(bytes, bytes.length)
        .then(
          () => false,
          (error: unknown) => {
            if (error instanceof RestError && error.code === 'BlobImmutableDueToPolicy') return true;
            throw error;
          },
        );
      return {
        policy: hasImmutabilityPolicy,
        overwriteRefused: refused,
        emulator: /^Azurite/i.test(_response.headers.get('server') ?? ''),
      };
    },
  };
}
