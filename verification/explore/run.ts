import { batchRow, type BatchState } from '../../shared/storage/outcomes';
import type { RunState } from '../../shared/storage/runs';
import type { Fault } from './call-faults';
import { check, checkEvidence, type Finding } from './checker';
import {
  createEnvironment,
  hasQuarantine,
  isFirstRepairDue,
  repairAndRedrive,
  type Environment,
} from './environment';
import { createHostModel, type Weakening } from './host-model';
import { startMs, type Scenario } from './scenarios';
import { createScheduler, type Point } from './scheduler';
import { chainOf, rowsOf } from './storage-model';

/** The faults to inject, and the numbers of the points at which to inject them. */
export type Schedule = readonly { at: number; fault: Fault }[];

export interface Run {
  findings: Finding[];
  points: readonly Point[];
  steps: number;
  /** True if the run never reached a point of the schedule, or the operation there cannot have the fault. */
  missed: boolean;
}

const MINUTE = 60_000;
const times = {
  stallMs: 11 * MINUTE,
  freezeMs: 3 * 60 * MINUTE,
  lateMs: 4 * MINUTE,
  slowMs: 12 * MINUTE,
  tardyMs: 1.5 * MINUTE,
};
/** A run that takes longer or needs more steps than this never finishes. */
const longestMs = 40 * 60 * MINUTE;
const mostSteps = 16_000;
/** More than any schedule has faults, so after this many repairs everything must be delivered. */
const mostRepairs = 6;

export const showSchedule = (scenario: Scenario, schedule: Schedule): string =>
  `${scenario.name}:${schedule.map(({ at, fault }) => `${at}.${fault}`).join(',')}`;

const system = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

/** A run never waits for the event loop, so signals and worker messages get their turn between two runs. */
const letEventLoopRun = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Runs the scenario until nothing is left to do; `choose` is asked for a fault at every point. */
export async function runWith(
  scenario: Scenario,
  choose: (point: Point) => Fault | undefined,
  weakening: Weakening = {},
): Promise<Omit<Run, 'missed'> & { chosen: { at: number; fault: Fault }[] }> {
  await letEventLoopRun();
  const chosen: { at: number; fault: Fault }[] = [];
  const scheduler = createScheduler({
    startMs,
    times,
    onCrash: (process) => host.replace(process),
    choose: (point) => {
      const fault = choose(point);
      if (fault) chosen.push({ at: point.index, fault });
      return fault;
    },
  });
  const environment = createEnvironment(scenario, scheduler.now, weakening.settings);
  const host = createHostModel(environment, scenario, scheduler, weakening);
  // A timer that a stage sets must fire in virtual time.
  const never = { refresh: () => undefined };
  Object.assign(globalThis, {
    setTimeout: weakening.noTimers ? () => never : scheduler.setTimeout,
    clearTimeout: scheduler.clearTimeout,
  });
  try {
    let wasFinished = false;
    let stuck = false;
    for (;;) {
      if (await step()) continue;
      if (host.isIdle() && !scheduler.isBusy() && isFinished(environment)) {
        if (needsRepair()) {
          repairAndRedrive(environment, scenario);
          continue;
        }
        if (wasFinished) break;
        wasFinished = true;
        host.fireOnceMore();
        continue;
      }
      const nextMs = Math.min(scheduler.nextMs(), host.nextMs());
      stuck = nextMs - startMs > longestMs || scheduler.steps() > mostSteps;
      if (stuck) break;
      scheduler.advance(nextMs);
    }
    const findings = [
      ...check({ environment, scenario, faults: chosen.map(({ fault }) => fault), stuck }),
      ...(stuck ? [] : await checkEvidence(environment, scheduler.now)),
    ];
    return { findings, points: scheduler.points, steps: scheduler.steps(), chosen };
  } finally {
    Object.assign(globalThis, system);
  }

  function needsRepair(): boolean {
    if (!scenario.repairs || environment.repairs === mostRepairs) return false;
    return environment.repairs === 0 || hasQuarantine(environment);
  }

  /** Starts what the host can start, or runs one operation; false if nothing can happen at this instant. */
  async function step(): Promise<boolean> {
    await scheduler.quiet();
    if (scenario.repairs && isFirstRepairDue(environment)) repairAndRedrive(environment, scenario);
    // The host comes first: an operation that yields to everything else yields to the host's next message as well.
    if (host.startDue()) return true;
    return scheduler.step();
  }
}

export async function runSchedule(
  scenario: Scenario,
  schedule: Schedule,
  weakening?: Weakening,
): Promise<Run> {
  const wanted = new Map(schedule.map(({ at, fault }) => [at, fault]));
  const { chosen, ...run } = await runWith(
    scenario,
    ({ index, faults }) => {
      const fault = wanted.get(index);
      return fault && faults.includes(fault) ? fault : undefined;
    },
    weakening,
  );
  return { ...run, missed: chosen.length < schedule.length };
}

/** True if all queues are empty, all runs are fetched and all batches are closed and reported. */
function isFinished(environment: Environment): boolean {
  const { connectors, span, tables, blobs, blobEvents } = environment;
  const { backfillQueue, importQueue, poisonQueue, redriveQueue } = environment;
  const queues = [blobEvents, backfillQueue, importQueue, poisonQueue, redriveQueue];
  if (queues.some(({ messages }) => messages.length > 0)) return false;
  return connectors.every((id) => {
    const watermark = rowsOf<{ to?: string }>(tables.runs, id).find(({ row }) => row === '~watermark');
    if (watermark?.value.to !== span.to) return false;
    const runs = rowsOf<RunState>(tables.runs, id).filter(({ row }) => !row.startsWith('~'));
    if (runs.length === 0 || runs.some(({ value }) => value.state !== 'fetched')) return false;
    const states = new Map(rowsOf<BatchState>(tables.batches, id).map(({ row, value }) => [row, value]));
    return chainOf(blobs, id).every(({ value }) => states.get(batchRow(value.number))?.toldAt !== undefined);
  });
}
