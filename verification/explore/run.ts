import { batchRow, type BatchState } from '../../shared/storage/outcomes';
import type { RunState } from '../../shared/storage/runs';
import type { Fault } from './call-faults';
import { createHost, type Weakening } from './host-model';
import type { Scenario } from './scenarios';
import { startMs, windowEnd } from './scenarios';
import { createSimulation } from './simulation';
import type { Point } from './scheduler';
import { chainOf, rowsOf } from './storage-model';
import { judge, type Finding } from './checker';
import { createWorld, hasQuarantine, mend, type World } from './environment';

/** What goes wrong, by the number of the turn. */
export type Schedule = readonly { at: number; fault: Fault }[];

export interface Run {
  findings: Finding[];
  points: readonly Point[];
  steps: number;
  /** Set where a choice was asked for at a turn that never came, or that cannot show it. */
  missed: boolean;
  world: World;
}

const MINUTE = 60_000;
const times = {
  stallMs: 11 * MINUTE,
  freezeMs: 3 * 60 * MINUTE,
  lateMs: 4 * MINUTE,
  slowMs: 12 * MINUTE,
  tardyMs: 1.5 * MINUTE,
};
/** A schedule that is not at rest by then never will be. */
const longestMs = 20 * 60 * MINUTE;
const mostSteps = 8_000;
/** More than a schedule has faults: after that many, everything must be delivered. */
const mostMendings = 6;

export const showSchedule = (scenario: Scenario, schedule: Schedule): string =>
  `${scenario.name}:${schedule.map(({ at, fault }) => `${at}.${fault}`).join(',')}`;

const system = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

/** A run waits for nothing real: between two of them everything else of the process gets its turn. */
const breath = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Runs the scenario to its rest; `choose` is asked at every turn. */
export async function runWith(
  scenario: Scenario,
  choose: (point: Point) => Fault | undefined,
  weakening: Weakening = {},
): Promise<Omit<Run, 'missed'> & { chosen: { at: number; fault: Fault }[] }> {
  await breath();
  const chosen: { at: number; fault: Fault }[] = [];
  const simulation = createSimulation({
    startMs,
    times,
    onCrash: (process) => host.replace(process),
    choose: (point) => {
      const fault = choose(point);
      if (fault) chosen.push({ at: point.index, fault });
      return fault;
    },
  });
  const world = createWorld(scenario, simulation.now, weakening.settings);
  const host = createHost(world, simulation, weakening);
  // A stage that sets a timer must meet it in virtual time.
  const never = { refresh: () => undefined };
  Object.assign(globalThis, {
    setTimeout: weakening.noTimers ? () => never : simulation.setTimeout,
    clearTimeout: simulation.clearTimeout,
  });
  try {
    let wasAtRest = false;
    let stuck = false;
    for (;;) {
      if (await turn()) continue;
      if (host.isIdle() && !simulation.isBusy() && isAtRest(world)) {
        if (needsMending()) {
          mend(world, scenario);
          continue;
        }
        if (wasAtRest) break;
        wasAtRest = true;
        host.fireOnceMore();
        continue;
      }
      const nextMs = Math.min(simulation.nextMs(), host.nextMs());
      stuck = nextMs - startMs > longestMs || simulation.steps() > mostSteps;
      if (stuck) break;
      simulation.advance(nextMs);
    }
    const findings = judge({ world, scenario, faults: chosen.map(({ fault }) => fault), stuck });
    return { findings, points: simulation.points, steps: simulation.steps(), world, chosen };
  } finally {
    Object.assign(globalThis, system);
  }

  function needsMending(): boolean {
    if (!scenario.mend || world.mendings === mostMendings) return false;
    return world.mendings === 0 || hasQuarantine(world);
  }

  /** One operation, or whatever the host can start; false when nothing can happen at this instant. */
  async function turn(): Promise<boolean> {
    await simulation.quiet();
    if (scenario.mend && world.mendings === 0 && world.isBatchClosed) mend(world, scenario);
    // What waits for all others to go first waits for the host's next message as well.
    if (host.startDue()) return true;
    return simulation.step();
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

/** Nothing under way, nothing queued, every run fetched, every batch closed. */
function isAtRest({ connector, tables, blobs, blobEvents, ...world }: World): boolean {
  const queues = [blobEvents, world.backfillQueue, world.importQueue, world.poisonQueue, world.redriveQueue];
  if (queues.some(({ messages }) => messages.length > 0)) return false;
  const watermark = rowsOf<{ to?: string }>(tables.runs, connector).find(({ row }) => row === '~watermark');
  if (watermark?.value.to !== windowEnd) return false;
  const runs = rowsOf<RunState>(tables.runs, connector).filter(({ row }) => !row.startsWith('~'));
  if (runs.length === 0 || runs.some(({ value }) => value.state !== 'fetched')) return false;
  const states = new Map(rowsOf<BatchState>(tables.batches, connector).map(({ row, value }) => [row, value]));
  return chainOf(blobs, connector).every(
    ({ value }) => states.get(batchRow(value.number))?.closedAt !== undefined,
  );
}
