import { RestError, type TableClient, type TransactionAction } from '@azure/data-tables';

/**
 * Writes to one partition that come while another one is under way wait for it and go together, as one request. The first
 * one never waits, so that grouping costs no time when there is nothing to group.
 */
export interface GroupedWrites {
  /** The new etag. Throws `RestError` as the same write would alone: what becomes of it depends on no other write. */
  write(partition: string, row: string, one: Write): Promise<string>;
}

export interface Write {
  action: TransactionAction;
  /** The same write, as a request of its own. */
  alone: () => Promise<string>;
}

interface Waiting extends Write {
  row: string;
  resolve(etag: string): void;
  reject(error: unknown): void;
}

/** The service takes 100 writes and 4 MiB in one request, and a row once. */
const mostWrites = 100;
const mostCharacters = 1024 * 1024;

/** One of the writes is impossible, or all of them are too large together: none was made. */
const isAboutOne = (error: unknown) =>
  error instanceof RestError && [400, 404, 409, 412, 413].includes(error.statusCode ?? 0);

export function createGroupedWrites(table: Pick<TableClient, 'submitTransaction'>): GroupedWrites {
  const lanes = new Map<string, Waiting[]>();

  async function send(group: readonly Waiting[]): Promise<void> {
    if (group.length > 1)
      try {
        const { subResponses } = await table.submitTransaction(group.map(({ action }) => action));
        // Every write was made; an etag that the answer lacks can only be asked for by making the write again.
        if (subResponses.length === group.length && subResponses.every(({ etag }) => etag))
          return group.forEach(({ resolve }, index) => resolve(subResponses[index]!.etag!));
        throw new Error('The answer of the storage service to a group of writes lacks an etag');
      } catch (error) {
        if (!isAboutOne(error)) return group.forEach(({ reject }) => reject(error));
      }
    await Promise.all(group.map(({ alone, resolve, reject }) => alone().then(resolve, reject)));
  }

  /** As many of the waiting writes as one request takes. Alone, none need be measured. */
  function next(waiting: readonly Waiting[]): readonly Waiting[] {
    if (waiting.length === 1) return waiting;
    const rows = new Set<string>();
    const group: Waiting[] = [];
    let characters = 0;
    for (const one of waiting) {
      if (rows.has(one.row)) continue;
      characters += JSON.stringify(one.action[1]).length;
      if (group.length === mostWrites || (group.length > 0 && characters > mostCharacters)) break;
      rows.add(one.row);
      group.push(one);
    }
    return group;
  }

  async function run(partition: string, waiting: Waiting[]): Promise<void> {
    while (waiting.length > 0) {
      const group = new Set(next(waiting));
      const rest = waiting.filter((one) => !group.has(one));
      waiting.splice(0, waiting.length, ...rest);
      await send([...group]);
    }
    lanes.delete(partition);
  }

  return {
    write: (partition, row, one) =>
      new Promise((resolve, reject) => {
        const waiting = lanes.get(partition);
        const own = { ...one, row, resolve, reject };
        if (waiting) return void waiting.push(own);
        const lane = [own];
        lanes.set(partition, lane);
        void run(partition, lane);
      }),
  };
}
