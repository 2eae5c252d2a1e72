import { RestError, type TableClient, type TableEntityResult } from '@azure/data-tables';
import { createGroupedWrites } from './grouped-writes.client';

/**
 * Rows of one table. The pipeline's promises depend on three kinds of write: insert if absent, replace if unchanged,
 * and upsert. Inserts and replacements in one partition may share requests. The etag that a write returns is the condition of the next one. Reading throws on a row that a newer
 * release wrote; all methods throw `RestError` for what the service refuses.
 */
export interface Rows<T extends object> {
  /** The etag, or undefined when the row already exists. */
  insert(partition: string, row: string, value: T): Promise<string | undefined>;
  get(partition: string, row: string): Promise<Stored<T> | undefined>;
  /** The new etag, or undefined when the row has been changed or removed since. */
  replace(partition: string, row: string, value: T, etag: string): Promise<string | undefined>;
  /** Writes the row, whatever was there. */
  put(partition: string, row: string, value: T): Promise<void>;
  /** A row that is already gone counts as removed. */
  remove(partition: string, row: string): Promise<void>;
  /** The rows of a partition, in the order of their row keys. */
  list(partition: string): AsyncIterable<Stored<T>>;
  /**
   * The rows that meet every condition, over all partitions, in the order of their keys. The service has no index but
   * the keys: any other condition reads the whole table, so no stage uses this.
   */
  search(conditions: readonly Condition[]): AsyncIterable<Stored<T> & { partition: string }>;
}

/** A condition on a column, or on `PartitionKey` or `RowKey`. */
export interface Condition {
  column: string;
  is: 'eq' | 'ge' | 'le';
  value: string | number;
}

export interface Stored<T> {
  row: string;
  value: T;
  etag: string;
}

/** The highest `v` that this release reads. Rows without `v` have had only one form. */
const knownVersion = 2;

const statusOf = (error: unknown) => (error instanceof RestError ? error.statusCode : undefined);

/** The rows of the table. */
export function createRows<T extends object>(table: TableClient): Rows<T> {
  const stored = (entity: TableEntityResult<Record<string, unknown>>): Stored<T> => {
    const { partitionKey, rowKey, etag, v } = entity;
    // This release does not know what the columns mean: a guess could lose an item or file it twice.
    if (typeof v === 'number' && v > knownVersion)
      throw new Error(
        `Row ${partitionKey} / ${rowKey} of table ${table.tableName}: version ${v}, of which ${knownVersion} ` +
          'is the highest known here. A newer release wrote it',
      );
    return { row: String(rowKey), value: decode(entity) as T, etag };
  };
  const entity = (partitionKey: string, rowKey: string, value: T) => ({
    partitionKey,
    rowKey,
    ...encode(value),
  });

  const grouped = createGroupedWrites(table);
  const etagOf = ({ etag }: { etag?: string }) => {
    if (etag === undefined) throw new Error('The storage service sent no etag with its answer');
    return etag;
  };

  return {
    async insert(partition, row, value) {
      const inserted = entity(partition, row, value);
      try {
        return await grouped.write(partition, row, {
          action: ['create', inserted],
          alone: async () => etagOf(await table.createEntity(inserted)),
        });
      } catch (error) {
        if (statusOf(error) === 409) return undefined;
        throw error;
      }
    },
    async get(partition, row) {
      try {
        return stored(await table.getEntity(partition, row));
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    },
    async replace(partition, row, value, etag) {
      const replacement = entity(partition, row, value);
      try {
        return await grouped.write(partition, row, {
          action: ['update', replacement, 'Replace', { etag }],
          alone: async () => etagOf(await table.updateEntity(replacement, 'Replace', { etag })),
        });
      } catch (error) {
        if (statusOf(error) === 412 || statusOf(error) === 404) return undefined;
        throw error;
      }
    },
    async put(partition, row, value) {
      await table.upsertEntity(entity(partition, row, value), 'Replace');
    },
    async remove(partition, row) {
      try {
        await table.deleteEntity(partition, row);
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
      }
    },
    async *list(partition) {
      const filter = filterOf([{ column: 'PartitionKey', is: 'eq', value: partition }]);
      for await (const found of table.listEntities<Record<string, unknown>>({ queryOptions: { filter } }))
        yield stored(found);
    },
    async *search(conditions) {
      const queryOptions = conditions.length > 0 ? { filter: filterOf(conditions) } : {};
      for await (const found of table.listEntities<Record<string, unknown>>({ queryOptions }))
        yield { ...stored(found), partition: String(found.partitionKey) };
    },
  };
}

/** OData. `encode` stores every number as a double, and a literal without a decimal point is an integer. */
function filterOf(conditions: readonly Condition[]): string {
  const literal = (value: string | number) =>
    typeof value === 'number'
      ? Number.isInteger(value)
        ? value.toFixed(1)
        : String(value)
      : `'${value.replaceAll("'", "''")}'`;
  return conditions.map(({ column, is, value }) => `${column} ${is} ${literal(value)}`).join(' and ');
}

/** A string property holds 32 Ki UTF-16 code units; longer JSON is split over numbered properties. */
const chunkLength = 32_000;
const jsonSuffix = '__json';

/** Text, numbers and booleans become columns that a person can query; anything else becomes JSON. */
function encode(value: object): Record<string, unknown> {
  const columns: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue;
    if (typeof field === 'boolean' || (typeof field === 'string' && field.length <= chunkLength))
      columns[name] = field;
    // Without a type, the service stores a whole number as a 32-bit integer and refuses a larger one.
    else if (typeof field === 'number') columns[name] = { type: 'Double', value: field };
    else {
      const json = JSON.stringify(field);
      for (let at = 0; at * chunkLength < json.length; at++)
        columns[`${name}${jsonSuffix}${at}`] = json.slice(at * chunkLength, (at + 1) * chunkLength);
    }
  }
  return columns;
}

function decode(columns: Record<string, unknown>): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  const json = new Map<string, string[]>();
  for (const [name, column] of Object.entries(columns)) {
    if (['partitionKey', 'rowKey', 'etag', 'timestamp', 'odata.metadata'].includes(name)) continue;
    const at = name.lastIndexOf(jsonSuffix);
    if (at === -1) value[name] = column;
    else {
      const field = name.slice(0, at);
      const chunks = json.get(field) ?? [];
      chunks[Number(name.slice(at + jsonSuffix.length))] = String(column);
      json.set(field, chunks);
    }
  }
  for (const [field, chunks] of json) value[field] = JSON.parse(chunks.join(''));
  return value;
}
