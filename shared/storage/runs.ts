import { z } from 'zod';
import type { ConnectorId } from '../connectors';
import { run, type Run } from './manifest';
import type { Rows } from './rows.client';

const runState = z.object({
  ...run.shape,
  /** `open` until the run's last batch is committed. */
  state: z.enum(['open', 'fetched']),
  createdAt: z.iso.datetime(),
  /** No batch of the run has this number or a lower one: where to look for them in the chain. */
  after: z.int().nonnegative(),
});
export type RunState = z.infer<typeof runState>;
const numberRow = z.object({ number: z.int() });
const watermarkValue = z.object({ to: z.iso.datetime() });

/** Runs of each connector, and its watermark: the end of the last daily window that is durably stored. */
export interface Runs {
  watermark(connector: ConnectorId): Promise<string | undefined>;
  moveWatermark(connector: ConnectorId, to: string): Promise<void>;
  /** Creates the run; the stored one wins when the name exists, so that its window never changes. */
  open(connector: ConnectorId, run: Run, after: number, createdAt: string): Promise<RunState>;
  save(connector: ConnectorId, run: RunState): Promise<void>;
  get(connector: ConnectorId, name: string): Promise<RunState | undefined>;
  list(connector: ConnectorId): Promise<RunState[]>;
  /** A number known to be in the manifest chain, to search its end from. */
  chainHint(connector: ConnectorId): Promise<number>;
  saveChainHint(connector: ConnectorId, number: number): Promise<void>;
  /** Every batch up to this number is closed; the etag is the one to advance it with. */
  closedThrough(connector: ConnectorId): Promise<{ number: number; etag: string | undefined }>;
  /** Does nothing when the number was changed since. */
  advanceClosedThrough(connector: ConnectorId, number: number, etag: string | undefined): Promise<void>;
  /** A batch is open again. Whoever is about to advance the number past it will not. */
  lowerClosedThrough(connector: ConnectorId, batch: number): Promise<void>;
}

const watermarkRow = '~watermark';
const chainRow = '~chain';
const closedRow = '~closed';

export function createRuns(rows: Rows<Record<string, unknown>>): Runs {
  const state = (value: unknown) => runState.parse(value);
  const read = async (connector: ConnectorId, name: string) => {
    const found = await rows.get(connector, name);
    return found && state(found.value);
  };
  const readNumber = async (connector: ConnectorId, row: string) => {
    const found = await rows.get(connector, row);
    return found ? numberRow.parse(found.value).number : 0;
  };
  return {
    async watermark(connector) {
      const found = await rows.get(connector, watermarkRow);
      return found && watermarkValue.parse(found.value).to;
    },
    async moveWatermark(connector, to) {
      const found = await rows.get(connector, watermarkRow);
      if (!found) {
        if (await rows.insert(connector, watermarkRow, { to })) return;
        return this.moveWatermark(connector, to);
      }
      // Backwards would fetch a window twice: a late worker must not undo a newer one.
      if (String(found.value['to']) >= to) return;
      if (!(await rows.replace(connector, watermarkRow, { to }, found.etag)))
        await this.moveWatermark(connector, to);
    },
    async open(connector, opened, after, createdAt) {
      const value: RunState = { ...opened, state: 'open', createdAt, after };
      if (await rows.insert(connector, opened.name, value)) return value;
      return (await read(connector, opened.name)) ?? value;
    },
    save: (connector, value) => rows.put(connector, value.name, value),
    get: read,
    async list(connector) {
      const found: RunState[] = [];
      for await (const { row, value } of rows.list(connector))
        if (!row.startsWith('~')) found.push(state(value));
      return found;
    },
    chainHint: (connector) => readNumber(connector, chainRow),
    saveChainHint: (connector, number) => rows.put(connector, chainRow, { number }),
    async closedThrough(connector) {
      const found = await rows.get(connector, closedRow);
      return found ? { ...numberRow.parse(found.value), etag: found.etag } : { number: 0, etag: undefined };
    },
    async advanceClosedThrough(connector, number, etag) {
      if (etag === undefined) await rows.insert(connector, closedRow, { number });
      else await rows.replace(connector, closedRow, { number }, etag);
    },
    async lowerClosedThrough(connector, batch) {
      for (;;) {
        const { number, etag } = await this.closedThrough(connector);
        const lower = { number: Math.min(number, batch - 1) };
        const written =
          etag === undefined
            ? await rows.insert(connector, closedRow, lower)
            : await rows.replace(connector, closedRow, lower, etag);
        if (written) return;
      }
    },
  };
}
