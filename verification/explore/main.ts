import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { faultTexts, type Fault } from './call-faults';
import { addTally, explore, noTally, type Plan, type Tally } from './explorer';
import { runSchedule, type Schedule } from './run';
import { scenarios } from './scenarios';

/**
 * `npm run explore`: deterministic simulation testing of the pipeline. It runs the stages against models of storage,
 * Exchange and TeleMessage under every single fault, many pairs of faults and random faults (docs/testing.md).
 */

const usage = `npm run explore -- [options]
  --scenario NAME    ${Object.keys(scenarios).join(', ')} (default: all)
  --pairs WHICH      core (default), none, or all: a quarter of an hour for one scenario, hours for all of them
  --random N         random schedules per scenario (default 600)
  --seed N           the seed of the random schedules (default 1)
  --schedule TEXT    runs one schedule, such as day:45.crash,80.late, and prints every call
  --failures N       prints at most N failures (default 10)
  --threads N        default: one per core`;

type Share = Omit<Plan, 'scenarios'> & { names: string[] };

function readSchedule(text: string): { name: string; schedule: Schedule } {
  const [name = '', faults = ''] = text.split(':');
  const schedule = faults
    .split(',')
    .filter(Boolean)
    .map((entry) => {
      const [at = '', fault = ''] = entry.split('.');
      if (!/^\d+$/.test(at) || !Object.hasOwn(faultTexts, fault))
        throw new Error(`Expected NUMBER.FAULT, found ${entry}\n\n${usage}`);
      return { at: Number(at), fault: fault as Fault };
    });
  return { name, schedule };
}

async function show(text: string): Promise<boolean> {
  const { name, schedule } = readSchedule(text);
  const scenario = scenarios[name];
  if (!scenario) throw new Error(`No such scenario: ${name}\n\n${usage}`);
  const { points, findings, missed } = await runSchedule(scenario, schedule);
  const faults = new Map(schedule.map(({ at, fault }) => [at, fault]));
  for (const { index, atMs, invocation, operation, key } of points) {
    const fault = faults.get(index);
    const what = fault ? `   <-- ${fault}: ${faultTexts[fault]}` : '';
    console.log(
      `${index}\t${Math.round(atMs / 1000)} s\t${invocation}\t${operation} ${key.slice(0, 60)}${what}`,
    );
  }
  if (missed) console.log('A fault of the schedule could not be injected.');
  for (const { kind, text: finding } of findings) console.log(`${kind}: ${finding}`);
  if (findings.length === 0) console.log('Nothing lost, nothing duplicated, every counter right.');
  return findings.length === 0;
}

const runShare = ({ names, ...plan }: Share) =>
  explore({ ...plan, scenarios: names.map((name) => scenarios[name]!) });

const inThread = (share: Share) =>
  new Promise<Tally>((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: share });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`A thread ended early (${code})`)));
  });

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string' },
      pairs: { type: 'string', default: 'core' },
      random: { type: 'string', default: '600' },
      seed: { type: 'string', default: '1' },
      schedule: { type: 'string' },
      failures: { type: 'string', default: '10' },
      threads: { type: 'string', default: String(availableParallelism()) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return true;
  }
  if (values.schedule !== undefined) return show(values.schedule);
  const { pairs } = values;
  const names = values.scenario === undefined ? Object.keys(scenarios) : [values.scenario];
  if (names.some((name) => !scenarios[name]) || !['core', 'all', 'none'].includes(pairs))
    throw new Error(usage);
  const of = Math.max(1, Number(values.threads));
  const common = {
    names,
    pairs: pairs as Plan['pairs'],
    random: Number(values.random),
    seed: Number(values.seed),
    of,
  };
  const startedAt = Date.now();
  const shares = Array.from({ length: of }, (_, share) => inThread({ ...common, share }));
  const tally = (await Promise.all(shares)).reduce(addTally, noTally());
  for (const { schedule, findings } of tally.failures.slice(0, Number(values.failures))) {
    console.log(`npm run explore -- --schedule ${schedule}`);
    for (const { kind, text } of findings) console.log(`    ${kind}: ${text}`);
  }
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  console.log(
    `single faults ${tally.singles}, pairs ${tally.pairs}, random ${tally.random} (seed ${values.seed}), ${seconds} s`,
  );
  const withPairs = (name: string) => pairs === 'all' || (pairs === 'core' && scenarios[name]!.pairsFrom);
  const list = (some: string[]) => some.join(', ') || 'none';
  console.log(
    `pairs in: ${list(names.filter(withPairs))}; single and random faults only: ` +
      list(names.filter((name) => !withPairs(name))),
  );
  const { lost, duplicated, counters } = tally;
  const all = tally.singles + tally.pairs + tally.random;
  console.log(`schedules ${all}, lost ${lost}, duplicated ${duplicated}, counters off ${counters}`);
  return lost + duplicated + counters === 0;
}

if (isMainThread)
  main().then(
    (isClean) => (process.exitCode = isClean ? 0 : 1),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    },
  );
else
  runShare(workerData as Share).then(
    (tally) => parentPort?.postMessage(tally),
    (error: unknown) => {
      throw error;
    },
  );
