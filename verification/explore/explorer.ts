import { random } from '../../simulators/samples/random';
import type { Fault } from './call-faults';
import type { Finding } from './checker';
import { runSchedule, runWith, showSchedule, type Schedule } from './run';
import type { Scenario } from './scenarios';
import type { Point } from './scheduler';

/**
 * Chooses the schedules: every single fault, every pair of faults that can matter, and random ones beyond.
 *
 * Core pairs leave out two faults that cannot meet, a pair that repeats another one at an equal item or mailbox, and
 * faults that have the effect of another fault. `--pairs all` runs those as well.
 */

export interface Plan {
  scenarios: readonly Scenario[];
  pairs: 'none' | 'core' | 'all';
  /** Random schedules per scenario. */
  random: number;
  seed: number;
  /** This thread runs every `of`-th schedule, beginning with number `share`. */
  share: number;
  of: number;
}

export interface Failure {
  schedule: string;
  findings: Finding[];
}

export interface Tally {
  singles: number;
  pairs: number;
  random: number;
  lost: number;
  duplicated: number;
  counters: number;
  failures: Failure[];
}

const mostFailures = 500;
/** An item has five attempts, so fewer faults than that must never send it to quarantine. */
const mostRandomFaults = 4;

export const noTally = (): Tally => ({
  singles: 0,
  pairs: 0,
  random: 0,
  lost: 0,
  duplicated: 0,
  counters: 0,
  failures: [],
});

export function addTally(total: Tally, part: Tally): Tally {
  const failures = [...total.failures, ...part.failures].slice(0, mostFailures);
  const sum = (name: Exclude<keyof Tally, 'failures'>) => total[name] + part[name];
  return {
    singles: sum('singles'),
    pairs: sum('pairs'),
    random: sum('random'),
    lost: sum('lost'),
    duplicated: sum('duplicated'),
    counters: sum('counters'),
    failures,
  };
}

export async function explore(plan: Plan): Promise<Tally> {
  const tally = noTally();
  const record = (scenario: Scenario, schedule: Schedule, findings: Finding[]) => {
    for (const kind of ['lost', 'duplicated', 'counters'] as const)
      if (findings.some((finding) => finding.kind === kind)) tally[kind]++;
    if (findings.length > 0 && tally.failures.length < mostFailures)
      tally.failures.push({ schedule: showSchedule(scenario, schedule), findings });
  };
  let number = 0;
  const isMine = () => number++ % plan.of === plan.share;
  for (const scenario of plan.scenarios) {
    const quiet = await runSchedule(scenario, []);
    record(scenario, [], quiet.findings);
    for (const point of quiet.points)
      for (const fault of point.faults) {
        if (!isMine()) continue;
        const first = { at: point.index, fault };
        const run = await runSchedule(scenario, [first]);
        tally.singles++;
        record(scenario, [first], run.findings);
        if (!mayBeFirst(scenario, point, fault, plan.pairs)) continue;
        // The second fault may fall on a point that exists only because of the first one.
        for (const second of run.points) {
          if (second.index <= point.index || !mayMeet(point, second, plan.pairs)) continue;
          for (const other of second.faults) {
            if (plan.pairs === 'core' && !isCore(second, other)) continue;
            const schedule = [first, { at: second.index, fault: other }];
            record(scenario, schedule, (await runSchedule(scenario, schedule)).findings);
            tally.pairs++;
          }
        }
      }
    for (let n = 0; n < plan.random; n++) {
      if (!isMine()) continue;
      const { schedule, findings } = await runRandom(scenario, `${plan.seed}/${n}`);
      tally.random++;
      record(scenario, schedule, findings);
    }
  }
  return tally;
}

/** Up to four faults, spread over about as many points as a run without faults has. */
async function runRandom(scenario: Scenario, label: string) {
  const r = random(`explore/${scenario.name}/${label}`);
  const oneIn = 15 + r.int(50);
  let left = mostRandomFaults;
  const { findings, chosen } = await runWith(scenario, ({ faults }) => {
    if (left === 0 || r.int(oneIn) > 0) return undefined;
    left--;
    return r.pick(faults);
  });
  return { schedule: chosen, findings };
}

const core: readonly Fault[] = [
  'crash',
  'crashAfter',
  'lostAnswer',
  'stallAfter',
  'redeliver',
  'twice',
  'never',
  'damaged',
  'cursorExpired',
];
/** At rows that two workers write, their order matters as well. */
const coreOfRows: readonly Fault[] = [...core, 'yield', 'freezeAfter'];
/** At requests that can leave a copy in a mailbox, the moment at which they take effect matters as well. */
const coreOfRequests: readonly Fault[] = [
  ...coreOfRows,
  'stall',
  'crashLate',
  'late',
  'timeOut',
  'slow',
  'throttled',
  'folderGone',
];
function isCore({ operation }: Point, fault: Fault): boolean {
  if (operation.startsWith('mailboxes.')) return coreOfRequests.includes(fault);
  return (/^(ledger|outcomes)\./.test(operation) ? coreOfRows : core).includes(fault);
}

function mayBeFirst(scenario: Scenario, point: Point, fault: Fault, pairs: Plan['pairs']): boolean {
  if (pairs !== 'core') return pairs === 'all';
  if (!scenario.pairsFrom?.test(point.invocation)) return false;
  // The mailboxes of one item behave alike, so one of them is enough.
  return isCore(point, fault) && !/^user-(bo|cy)|@|user-(bo|cy)$/.test(point.key);
}

/** Faults at two different items cannot meet: the items share no row, no queue message and no message in a mailbox. */
function mayMeet(a: Point, b: Point, pairs: Plan['pairs']): boolean {
  if (pairs === 'all') return true;
  const itemOf = ({ invocation }: Point) => /^(?:import|quarantine|redrive) (\S+)/.exec(invocation)?.[1];
  const [itemA, itemB] = [itemOf(a), itemOf(b)];
  const stageOf = ({ invocation }: Point) => invocation.split(' ')[0] ?? '';
  const stages = [stageOf(a), stageOf(b)];
  // Redrives of different items meet at the row with the number up to which all batches are closed.
  if (stages.every((stage) => stage === 'redrive')) return true;
  if (itemA !== undefined && itemB !== undefined) return itemA === itemB;
  // A committed batch never changes, so a fault in fetching can meet only faults in fetching and splitting.
  if (stages.includes('fetchBatch') || stages.includes('backfill'))
    return stages.every((stage) => ['fetchBatch', 'backfill', 'split'].includes(stage));
  return true;
}
