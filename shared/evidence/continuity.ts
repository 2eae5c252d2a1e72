import type { ConnectorId } from '../connectors';
import type { Manifest, Run } from '../storage/manifest';
import type { Report } from './finding';

/** An interval of arrival, half open, ISO-8601 UTC. */
export interface Interval {
  from: string;
  to: string;
}

/** Follows the runs of one connector through its chain. */
export interface Continuity {
  add(manifest: Manifest): void;
  /** Reports what the whole chain shows: batches and windows that are missing, and windows that overlap. */
  finish(accepted: readonly Interval[]): void;
}

interface Known {
  run: Run;
  sequence: number;
  last: boolean;
  /** Number of its newest batch. */
  batch: number;
}

/**
 * Checks that the batches of each run are complete, and that the daily windows follow each other. A backfill, or a gap
 * that somebody accepted, closes a gap between them. Holds one small entry per run.
 *
 * @param isExpired the oldest batches were removed after their retention
 */
export function createContinuity(connector: ConnectorId, report: Report, isExpired = false): Continuity {
  let firstTo: string | undefined;
  const runs = new Map<string, Known>();
  return {
    add({ number, run, sequence, last }) {
      const before = runs.get(run.name);
      const at = { connector, batch: number };
      // The first batches that are left may belong to runs whose earlier ones were removed after their retention.
      const isRest = isExpired && !before && run.from < (firstTo ??= run.to);
      if (!isRest && sequence !== (before?.sequence ?? 0) + 1)
        report({
          kind: 'runBroken',
          ...at,
          detail: `expected batch ${(before?.sequence ?? 0) + 1} of ${run.name}, found batch ${sequence}`,
        });
      else if (before?.last)
        report({ kind: 'runBroken', ...at, detail: `found another batch after the last of ${run.name}` });
      runs.set(run.name, { run, sequence, last, batch: number });
    },
    finish(accepted) {
      const all = [...runs.values()].toSorted((a, b) => (a.run.from < b.run.from ? -1 : 1));
      const days = all.filter(({ run }) => run.cause === 'daily');
      const whole = all.filter(({ last }) => last).map(({ run }) => run);
      const end = days.at(-1);
      for (const { run, last, sequence, batch } of days)
        // The newest day may still be under way.
        if (!last && run.name !== end?.run.name)
          report({
            kind: 'runBroken',
            connector,
            batch,
            detail: `expected a batch after number ${sequence} of ${run.name}: the window is not complete`,
          });
      days.slice(1).forEach(({ run, batch }, index) => {
        const before = days[index]!.run;
        const at = { connector, batch };
        if (run.from < before.to)
          report({
            kind: 'windowOverlap',
            ...at,
            detail: `${before.name} ends at ${before.to}, ${run.name} begins at ${run.from}`,
          });
        for (const { from, to } of uncovered({ from: before.to, to: run.from }, [...whole, ...accepted]))
          report({ kind: 'windowGap', ...at, detail: `${from} to ${to}, before ${run.name}` });
      });
    },
  };
}

/** The parts of an interval that none of the others covers. */
export function uncovered({ from, to }: Interval, others: readonly Interval[]): Interval[] {
  const gaps: Interval[] = [];
  let at = from;
  for (const other of others.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    if (at >= to) break;
    if (other.to <= at || other.from >= to) continue;
    if (other.from > at) gaps.push({ from: at, to: other.from });
    at = other.to;
  }
  if (at < to) gaps.push({ from: at, to });
  return gaps;
}
