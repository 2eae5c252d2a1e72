import type { ConnectorId } from '../connectors';
import type { AppDeps } from '../deps';
import { queues, tables } from '../names';
import type { RunState } from '../storage/runs';
import { batchRow } from '../storage/outcomes';
import { version } from '../version';

/** A batch that is committed but not closed. */
export interface OpenBatch {
  number: number;
  run: string;
  items: number;
  /** Time since its commit. */
  ageMs: number;
  /** False while its items may not be on the queue yet. */
  split: boolean;
}

export interface ConnectorStatus {
  connector: ConnectorId;
  /** End of the last daily window that is durably stored, ISO-8601 UTC. */
  watermark: string | undefined;
  /** The run that began last. */
  lastRun: RunState | undefined;
  /** Runs whose window is not completely fetched. */
  openRuns: RunState[];
  /** Batches committed so far. */
  batches: number;
  openBatches: OpenBatch[];
  /** Items in quarantine by reason. */
  quarantine: Record<string, number>;
}

export interface Status {
  /** The release of the program that read the store. */
  version: string;
  at: string;
  connectors: ConnectorStatus[];
  /** Approximate number of waiting messages, by queue. */
  queues: Record<string, number>;
}

/** The state of the archive, read from the store only. @throws RestError */
export async function readStatus(deps: AppDeps): Promise<Status> {
  const depths: Record<string, number> = {};
  for (const name of Object.values(queues)) depths[name] = await deps.storeProbe.queueDepth(name);
  const found: ConnectorStatus[] = [];
  for (const connector of deps.config.connectors) found.push(await statusOf(deps, connector));
  return { version, at: new Date(deps.now()).toISOString(), connectors: found, queues: depths };
}

async function statusOf(deps: AppDeps, connector: ConnectorId): Promise<ConnectorStatus> {
  const runs = await deps.runs.list(connector);
  const { number: closedThrough } = await deps.runs.closedThrough(connector);
  const known = Math.max(closedThrough, await deps.runs.chainHint(connector));
  const batches = await deps.batches.head(connector, known);
  const openBatches: OpenBatch[] = [];
  for (let number = closedThrough + 1; number <= batches; number++) {
    const state = (await deps.batchStates.get(connector, batchRow(number)))?.value;
    if (state?.closedAt !== undefined) continue;
    const found = await deps.batches.read(connector, number);
    if (!found) continue;
    const { run, items, committedAt } = found.manifest;
    const ageMs = deps.now() - Date.parse(committedAt);
    openBatches.push({ number, run: run.name, items, ageMs, split: state?.splitAt !== undefined });
  }
  return {
    connector,
    watermark: await deps.runs.watermark(connector),
    lastRun: runs.reduce<RunState | undefined>(
      (last, run) => (last && last.createdAt >= run.createdAt ? last : run),
      undefined,
    ),
    openRuns: runs.filter(({ state }) => state === 'open'),
    batches,
    openBatches,
    quarantine: await deps.storeProbe.countRows(tables.quarantine, `${connector}-`, 'reason'),
  };
}
