import * as z from 'zod';
import type { ConnectorId } from '../connectors';
import { run, type Run } from './manifest';
import type { Rows } from './rows.client';

const runState = z.object({
  ...run.shape,
  /** `open` until the run's last batch is committed. */
  state: z.enum(['open', 'fetched']),
  createdAt: z.iso.datetime(),
  /** The run's batches have higher numbers than this: the search in the chain starts here. */
  after: z.int().nonnegative(),
  /** From when on the site is asked: earlier than the window where windows overlap. The start of the window if absent. */
  listedFrom: z.iso.datetime().optional(),
});
export type RunState = z.infer<typeof runState>;
const numberRow = z.object({ number: z.int() });
const watermarkValue = z.object({ to: z.iso.datetime() });

const accepted = z.object({
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  note: z.string(),
  at: z.iso.datetime(),
});
export type Accepted = z.infer<typeof accepted>;

const mappingRow = z.object({
  sha256: z.string(),
  version: z.string(),
  rows: z.number(),
  at: z.iso.datetime(),
});
export type MappingRow = z.infer<typeof mappingRow>;

export type TroubleOf = 'fetch' | 'import';
const trouble = z.object({
  /** Name of the event that told of it. */
  kind: z.string(),
  /** Our own text, never an item's. */
  message: z.string(),
  since: z.iso.datetime(),
  /** When it was last met. */
  at: z.iso.datetime(),
});
export type Trouble = z.infer<typeof trouble>;

/**
 * The runs of each connector and its watermark: the end of the last daily window that is durably stored. Times are
 * ISO-8601 UTC. Reading throws on a row that is not in the form of this release.
 */
export interface Runs {
  watermark(connector: ConnectorId): Promise<string | undefined>;
  /** Moves the watermark forward, never back. */
  moveWatermark(connector: ConnectorId, to: string): Promise<void>;
  /** Creates the run. If the name exists, the stored run is returned, so that its window never changes. */
  open(
    connector: ConnectorId,
    run: Run & Pick<RunState, 'listedFrom'>,
    after: number,
    createdAt: string,
  ): Promise<RunState>;
  save(connector: ConnectorId, run: RunState): Promise<void>;
  get(connector: ConnectorId, name: string): Promise<RunState | undefined>;
  /** Every run that there ever was: for people. */
  list(connector: ConnectorId): Promise<RunState[]>;
  /** The runs whose window is not completely fetched, however many there were before. */
  listOpen(connector: ConnectorId): Promise<RunState[]>;
  /** A number in the manifest chain (0 if none is known) from which to search for its end. */
  chainHint(connector: ConnectorId): Promise<number>;
  saveChainHint(connector: ConnectorId, number: number): Promise<void>;
  /** Parts of time that a person accepted as they are, although they are incomplete at the source. */
  accepted(connector: ConnectorId): Promise<Accepted[]>;
  accept(connector: ConnectorId, accepted: Accepted): Promise<void>;
  /** What keeps the connector from fetching, or its items from being imported; undefined if nothing does. */
  trouble(connector: ConnectorId, of: TroubleOf): Promise<Trouble | undefined>;
  /** Notes a failure. `since` stays that of the first one as long as the kind is the same. */
  noteTrouble(connector: ConnectorId, of: TroubleOf, trouble: Omit<Trouble, 'since'>): Promise<void>;
  clearTrouble(connector: ConnectorId, of: TroubleOf): Promise<void>;
  /** The mapping file that came into force last, and the versions that were refused. */
  mappings: {
    inForce(connector: ConnectorId): Promise<MappingRow | undefined>;
    put(connector: ConnectorId, value: MappingRow): Promise<void>;
    /** False if the version was refused before. */
    refuse(connector: ConnectorId, etag: string): Promise<boolean>;
    /** Hash of the file that the audit trail has last. */
    audited(connector: ConnectorId): Promise<string | undefined>;
    noteAudited(connector: ConnectorId, sha256: string): Promise<void>;
  };
  /** The daily runs whose window has a part in an interval of at most some days: found by their names. */
  dailyIn(connector: ConnectorId, interval: { from: string; to: string }): Promise<RunState[]>;
  /** The rows of every batch up to this number were removed, because their retention is over. */
  expiredThrough(connector: ConnectorId): Promise<number>;
  saveExpiredThrough(connector: ConnectorId, number: number): Promise<void>;
  /** The last day for which a report was filed. */
  lastReport(): Promise<string | undefined>;
  saveLastReport(day: string): Promise<void>;
  /** The settings and the release that the app ran with when somebody last looked. */
  lastSettings(): Promise<Record<string, string> | undefined>;
  saveSettings(settings: Record<string, string>): Promise<void>;
  /** Every batch up to this number is closed. `etag` is the condition for advancing it. */
  closedThrough(connector: ConnectorId): Promise<{ number: number; etag: string | undefined }>;
  /** Does nothing when the number has changed since it was read. */
  advanceClosedThrough(connector: ConnectorId, number: number, etag: string | undefined): Promise<void>;
  /** Puts the number below a batch that is open again. A worker that read the former number can then not advance it. */
  lowerClosedThrough(connector: ConnectorId, batch: number): Promise<void>;
}

const watermarkRow = '~watermark';
const chainRow = '~chain';
const closedRow = '~closed';
const expiredRow = '~expired';
const mappingInForceRow = '~mapping';
const mappingAuditedRow = '~mapping-audited';
const refusedRow = (etag: string) => `~refused-${etag.replace(/[^\w-]/g, '')}`;
/** What belongs to no connector. */
const appPartition = 'app';
const settingsRow = '~settings';
const reportRow = '~report';
/** Daily runs are named after the start of their window (pipeline/windows.ts), so that their names sort by time. */
const dailyName = (ms: number) => `daily-${new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')}`;
/** Longer than any daily window. */
const longestDailyMs = 48 * 60 * 60_000;
/** Names of the open runs of a connector. */
const openPartition = (connector: ConnectorId) => `open-${connector}`;
const acceptedPrefix = '~accepted-';
const troubleRow = (of: TroubleOf) => `~trouble-${of}`;

/** The runs in the table. */
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
      // Moving back would fetch a window twice: a late worker must not undo what a newer one did.
      if (String(found.value['to']) >= to) return;
      if (!(await rows.replace(connector, watermarkRow, { to }, found.etag)))
        await this.moveWatermark(connector, to);
    },
    async open(connector, opened, after, createdAt) {
      const fresh: RunState = { ...opened, state: 'open', createdAt, after };
      const isNew = await rows.insert(connector, opened.name, fresh);
      const value = isNew ? fresh : ((await read(connector, opened.name)) ?? fresh);
      // After a crash between the two rows, whoever opens the run again writes the second one.
      if (value.state === 'open') await rows.put(openPartition(connector), value.name, { name: value.name });
      return value;
    },
    async save(connector, value) {
      await rows.put(connector, value.name, value);
      if (value.state === 'fetched') await rows.remove(openPartition(connector), value.name);
    },
    get: read,
    async list(connector) {
      const found: RunState[] = [];
      for await (const { row, value } of rows.list(connector))
        if (!row.startsWith('~')) found.push(state(value));
      return found;
    },
    async accepted(connector) {
      const found: Accepted[] = [];
      for await (const { row, value } of rows.list(connector))
        if (row.startsWith(acceptedPrefix)) found.push(accepted.parse(value));
      return found;
    },
    accept: (connector, value) =>
      rows.put(connector, `${acceptedPrefix}${value.from}-${value.to}`, { ...value }),
    async trouble(connector, of) {
      const found = await rows.get(connector, troubleRow(of));
      return found && trouble.parse(found.value);
    },
    async noteTrouble(connector, of, met) {
      const before = await this.trouble(connector, of);
      const since = before?.kind === met.kind ? before.since : met.at;
      await rows.put(connector, troubleRow(of), { ...met, since });
    },
    async clearTrouble(connector, of) {
      if (await rows.get(connector, troubleRow(of))) await rows.remove(connector, troubleRow(of));
    },
    async listOpen(connector) {
      const found: RunState[] = [];
      for await (const { row } of rows.list(openPartition(connector))) {
        const run = await read(connector, row);
        if (run?.state === 'open') found.push(run);
        // A crash after the run was saved left it in the list.
        else await rows.remove(openPartition(connector), row);
      }
      return found;
    },
    async dailyIn(connector, { from, to }) {
      const found: RunState[] = [];
      for await (const { value } of rows.search([
        { column: 'PartitionKey', is: 'eq', value: connector },
        { column: 'RowKey', is: 'ge', value: dailyName(Date.parse(from) - longestDailyMs) },
        { column: 'RowKey', is: 'le', value: dailyName(Date.parse(to)) },
      ])) {
        const run = state(value);
        if (run.from < to && run.to > from) found.push(run);
      }
      return found;
    },
    expiredThrough: (connector) => readNumber(connector, expiredRow),
    saveExpiredThrough: (connector, number) => rows.put(connector, expiredRow, { number }),
    async lastReport() {
      const found = await rows.get(appPartition, reportRow);
      return found && z.object({ day: z.string() }).parse(found.value).day;
    },
    saveLastReport: (day) => rows.put(appPartition, reportRow, { day }),
    mappings: {
      async inForce(connector) {
        const found = await rows.get(connector, mappingInForceRow);
        return found && mappingRow.parse(found.value);
      },
      put: (connector, value) => rows.put(connector, mappingInForceRow, { ...value }),
      refuse: async (connector, etag) =>
        (await rows.insert(connector, refusedRow(etag), { version: etag })) !== undefined,
      async audited(connector) {
        const found = await rows.get(connector, mappingAuditedRow);
        return found && z.object({ sha256: z.string() }).parse(found.value).sha256;
      },
      noteAudited: (connector, sha256) => rows.put(connector, mappingAuditedRow, { sha256 }),
    },
    async lastSettings() {
      const found = await rows.get(appPartition, settingsRow);
      return found && (found.value['settings'] as Record<string, string>);
    },
    saveSettings: (settings) => rows.put(appPartition, settingsRow, { settings }),
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
