import { RestError } from '@azure/storage-blob';
import type { Account } from './account.client';

/** What the store did with an unconditional overwrite of a blob, and what it says about itself. */
export interface Immutability {
  /** The service reports a retention policy on the container. */
  policy: boolean;
  overwriteRefused: boolean;
  /** True for an emulator, which has no retention policies. */
  emulator: boolean;
}

/** Checks of the evidence store that the pipeline itself does not need. All methods throw `RestError`. */
export interface StoreProbe {
  /** About how many messages are on the queue, hidden ones included. */
  queueDepth(name: string): Promise<number>;
  /** Reads one row at most. */
  readTable(name: string): Promise<void>;
  /** How many rows have each value of a column, over all partitions with this prefix, which must end in `-`. */
  countRows(name: string, partitionPrefix: string, column: string): Promise<Record<string, number>>;
  /** Writes a row and removes it. */
  writeTable(name: string, partition: string, row: string): Promise<void>;
  /** Tries to overwrite a blob without any condition, with its present `bytes`, so that success changes nothing. */
  overwrite(container: string, blob: string, bytes: Buffer): Promise<Immutability>;
}

/** The checks on the account. */
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
      // The range ends before `.`, the character after `-`.
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
