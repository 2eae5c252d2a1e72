import type { ConnectorId } from '../connectors';
import { takeOut } from '../delivery/record-outcome';
import type { Deps } from '../deps';
import type { Manifest } from '../storage/manifest';
import { batchPartition, batchRow } from '../storage/outcomes';

type Stage = Pick<
  Deps,
  'config' | 'batches' | 'runs' | 'outcomes' | 'quarantine' | 'quarantineEntries' | 'coverage' | 'now'
>;

const DAY = 24 * 60 * 60_000;
/** Batches per call: a call must not keep a fetch from its work. */
const mostBatches = 4;
const removalsInFlight = 16;

/**
 * Removes the rows of items whose retention is over: outcomes, quarantine, coverage, oldest batch first. Counters, audit
 * trail and ledger are never removed: the ledger recognises an item that is served again, however late. The storage service
 * removes the pages by itself.
 *
 * A clock that ran ahead must not remove evidence: a batch is old only if the newest batch of the chain is that much
 * younger as well.
 */
export async function expireRecords(deps: Stage, connector: ConnectorId): Promise<void> {
  const { retentionDays } = deps.config;
  for (let done = 0; done < mostBatches; done++) {
    const number = (await deps.runs.expiredThrough(connector)) + 1;
    const found = await deps.batches.read(connector, number);
    if (!found || number > (await deps.runs.closedThrough(connector)).number) return;
    const { run, committedAt } = found.manifest;
    const untilMs = Math.max(Date.parse(run.to), Date.parse(committedAt)) + retentionDays * DAY;
    if (deps.now() <= untilMs) return;
    const newest = await deps.batches.read(connector, await deps.runs.chainHint(connector));
    if (!newest || Date.parse(newest.manifest.committedAt) <= untilMs) return;
    await removeRows(deps, found.manifest);
    await deps.runs.saveExpiredThrough(connector, number);
  }
}

async function removeRows(deps: Stage, { connector, number, run }: Manifest): Promise<void> {
  const partition = batchPartition(connector, number);
  for await (const { value } of deps.quarantine.list(partition)) await takeOut(deps, value);
  let waiting: Promise<void>[] = [];
  for await (const { row } of deps.outcomes.list(partition)) {
    waiting.push(deps.outcomes.remove(partition, row));
    if (waiting.length < removalsInFlight) continue;
    await Promise.all(waiting);
    waiting = [];
  }
  await Promise.all(waiting);
  const prefix = `${run.to} ${batchRow(number)} `;
  for await (const { row } of deps.coverage.search([
    { column: 'PartitionKey', is: 'eq', value: connector },
    { column: 'RowKey', is: 'ge', value: prefix },
    { column: 'RowKey', is: 'le', value: `${prefix}~` },
  ]))
    await deps.coverage.remove(connector, row);
}
