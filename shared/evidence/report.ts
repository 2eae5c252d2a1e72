import type { ConnectorId } from '../connectors';
import { dayOf } from '../days';
import type { Deps } from '../deps';
import type { Reason } from '../errors';
import { add, balances, noCounters } from '../storage/counters';
import type { Manifest } from '../storage/manifest';
import {
  batchPartition,
  batchRow,
  hasOutcome,
  positionRow,
  type Counters,
  type Outcome,
} from '../storage/outcomes';
import type { Interval } from './continuity';
import { manifestsOf } from './manifests';
import { createPeople, type People } from './people';

type Stage = Pick<
  Deps,
  'batches' | 'batchStates' | 'runs' | 'outcomes' | 'quarantine' | 'directory' | 'config' | 'now'
>;

/** The counters of one window of one connector. */
export interface WindowReport extends Counters {
  connector: ConnectorId;
  /** The calendar day in which the window begins. */
  day: string;
  run: string;
  cause: Manifest['run']['cause'];
  from: string;
  to: string;
  batches: number;
  /** Batches that are not closed: their counters are not in the sums yet. */
  open: number;
  balanced: boolean;
}

/** An item that is in quarantine. */
export interface FailureReport {
  connector: ConnectorId;
  day: string;
  batch: number;
  position: number;
  sourceId: string;
  reason: Reason;
  detail: string;
  /** The participants as the source names them. */
  sourceUsers: string[];
  /** The Microsoft 365 users whose delivery failed. */
  users: string[];
  at: string;
}

/** Time from arrival at TeleMessage to the end of the import, in ms. */
export interface LatencyReport {
  connector: ConnectorId;
  items: number;
  medianMs: number;
  p95Ms: number;
  maxMs: number;
}

export interface Report {
  from: string | null;
  to: string | null;
  at: string;
  /** In the order of time, connector by connector. */
  windows: WindowReport[];
  totals: ({ connector: ConnectorId; balanced: boolean; open: number } & Counters)[];
  failures: FailureReport[];
  latencies: LatencyReport[];
  /** Hash of the newest manifest of each connector. */
  heads: Record<string, string | null>;
}

/**
 * The reconciliation of all windows that begin in the interval. Memory grows with the windows and the failures, not with
 * the items.
 *
 * @throws RestError
 */
export async function report(
  deps: Stage,
  connectors: readonly ConnectorId[],
  { from, to }: Partial<Interval>,
  progress: (text: string) => void = () => undefined,
): Promise<Report> {
  const all: Report = {
    ...{ from: from ?? null, to: to ?? null, at: new Date(deps.now()).toISOString() },
    ...{ windows: [], totals: [], failures: [], latencies: [], heads: {} },
  };
  const people = createPeople(deps);
  for (const connector of connectors) {
    const windows = new Map<string, WindowReport>();
    const latency = createHistogram();
    let head: string | null = null;
    for await (const { manifest, sha256 } of manifestsOf(deps, connector)) {
      head = sha256;
      const { run, number } = manifest;
      if (run.from < (from ?? '') || run.from >= (to ?? '~')) continue;
      progress(`${connector}: batch ${number}`);
      const day = dayOf(Date.parse(run.from), deps.config.fetch.dayStarts);
      const window = windows.get(run.name) ?? emptyWindow(connector, run, day);
      windows.set(run.name, window);
      window.batches++;
      const state = (await deps.batchStates.get(connector, batchRow(number)))?.value;
      if (state?.closedAt === undefined || !state.counters) window.open++;
      else Object.assign(window, add(window, state.counters));
      all.failures.push(...(await failuresIn(deps, manifest, { day, people, latency })));
    }
    const rows = [...windows.values()].toSorted((a, b) => (a.from < b.from ? -1 : 1));
    for (const row of rows) row.balanced = row.open === 0 && balances(row);
    all.windows.push(...rows);
    const sum = rows.reduce<Counters>(add, noCounters());
    const open = rows.reduce((many, row) => many + row.open, 0);
    all.totals.push({ connector, balanced: open === 0 && balances(sum), open, ...sum });
    if (latency.items > 0) all.latencies.push({ connector, ...latency.result() });
    all.heads[connector] = head;
  }
  return all;
}

const emptyWindow = (connector: ConnectorId, run: Manifest['run'], day: string): WindowReport => ({
  ...{ connector, day, run: run.name, cause: run.cause, from: run.from, to: run.to },
  ...{ batches: 0, open: 0, balanced: false },
  ...noCounters(),
});

async function failuresIn(
  deps: Stage,
  { connector, number: batch }: Manifest,
  { day, people, latency }: { day: string; people: People; latency: Histogram },
): Promise<FailureReport[]> {
  const failures: FailureReport[] = [];
  const partition = batchPartition(connector, batch);
  for await (const outcome of deps.outcomes.list(partition)) {
    if (!hasOutcome(outcome)) continue;
    const { value } = outcome;
    if (value.kind === 'delivered' && value.arrivedAt)
      latency.add(Date.parse(value.settledAt) - Date.parse(value.arrivedAt));
    if (value.reason === undefined) continue;
    const position = Number(outcome.row);
    const row = (await deps.quarantine.get(partition, positionRow(position)))?.value;
    failures.push({
      ...{ connector, day, batch, position, sourceId: value.sourceId ?? '', reason: value.reason },
      detail: row?.detail ?? '',
      sourceUsers: (row?.participants ?? []).map(({ asWritten }) => asWritten),
      users: await failedUsers(value, people),
      at: value.settledAt,
    });
  }
  return failures;
}

const failedUsers = ({ deliveries }: Outcome, people: People): Promise<string[]> =>
  Promise.all(deliveries.filter(({ end }) => end === 'failed').map(({ userId }) => people.name(userId)));

type Histogram = ReturnType<typeof createHistogram>;

/** Durations in classes that are five per cent wide: their memory does not grow with the items. */
function createHistogram() {
  const width = Math.log(1.05);
  const counts = new Map<number, number>();
  let maxMs = 0;
  const histogram = {
    items: 0,
    add(ms: number) {
      const least = Math.max(ms, 1);
      const index = Math.round(Math.log(least) / width);
      counts.set(index, (counts.get(index) ?? 0) + 1);
      maxMs = Math.max(maxMs, least);
      histogram.items++;
    },
    result() {
      const sorted = [...counts].toSorted(([a], [b]) => a - b);
      const quantile = (share: number) => {
        let seen = 0;
        for (const [index, many] of sorted) {
          seen += many;
          if (seen >= share * histogram.items) return Math.min(Math.exp(index * width), maxMs);
        }
        return maxMs;
      };
      const [medianMs, p95Ms] = [Math.round(quantile(0.5)), Math.round(quantile(0.95))];
      return { items: histogram.items, medianMs, p95Ms, maxMs };
    },
  };
  return histogram;
}
