import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { addTallies, makeCase, runCases, type Found, type Tally } from './cases';
import { findGrowth } from './growth';
import { openStage } from './stage';

/**
 * `npm run fuzz`: feeds hostile input to the real import stage and checks that each case ends in one of the allowed
 * ways, and that the time of each reader is in proportion to its text. The cases run in threads that the main thread watches, because an endless loop cannot watch itself.
 */

const usage = `npm run fuzz -- [--cases N] [--seed S] [--only NUMBER]
  --cases N      the number of cases (default 120000)
  --seed S       decides what the cases contain (default: the current time, which is printed)
  --only NUMBER  runs one case; a finding prints its number`;

const threads = 2;
/** A case that takes longer counts as endless. */
const hangMs = 90_000;
const maxGrowthBytes = 96 * 1024 * 1024;
const folder = join('.data', 'fuzz');

interface Share {
  seed: string;
  numbers: { from: number; to: number; step: number };
  /** The number of the current case, readable even while the thread hangs. */
  current: SharedArrayBuffer;
}

interface Answer {
  tally: Tally;
  /** Memory in use after the first third and at the end. */
  bytes: [number, number];
}

function* counting({ from, to, step }: Share['numbers']): Generator<number> {
  for (let number = from; number < to; number += step) yield number;
}

async function work({ seed, numbers, current }: Share): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const usedBytes = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const currentNumber = new Int32Array(current);
  const stage = openStage();
  const part = (from: number, to: number) =>
    runCases(seed, counting({ ...numbers, from, to }), stage, (number) =>
      Atomics.store(currentNumber, 0, number),
    );
  // Caches fill up during the first third; after that, memory must not grow.
  const border = numbers.from + Math.floor((numbers.to - numbers.from) / 3 / numbers.step) * numbers.step;
  const first = await part(numbers.from, border);
  const firstBytes = usedBytes();
  const second = await part(border, numbers.to);
  const answer: Answer = { tally: addTallies([first, second]), bytes: [firstBytes, usedBytes()] };
  await stage.close();
  parentPort!.postMessage(answer);
}

interface Watched {
  answer: Promise<Answer>;
  current: Int32Array;
}

function start(seed: string, numbers: Share['numbers']): Watched {
  const share: Share = { seed, numbers, current: new SharedArrayBuffer(4) };
  const current = new Int32Array(share.current).fill(numbers.from);
  const worker = new Worker(__filename, { workerData: share });
  const answer = new Promise<Answer>((done, failed) => {
    let last = -1;
    let sinceAt = Date.now();
    const watch = setInterval(() => {
      const number = Atomics.load(current, 0);
      if (number !== last) sinceAt = Date.now();
      last = number;
      if (Date.now() - sinceAt > hangMs) fail(`takes more than ${hangMs / 1000} s`);
    }, 1000);
    const fail = (what: string) => {
      clearInterval(watch);
      void worker.terminate();
      failed(new Error(`Case ${Atomics.load(current, 0)} of seed ${seed} ${what}`));
    };
    worker.once('message', (message: Answer) => {
      clearInterval(watch);
      done(message);
    });
    worker.once('error', (error) => fail(`ended its thread: ${error.message}`));
    worker.once('exit', (code) => code !== 0 && fail(`ended its thread (${code})`));
  });
  return { answer, current };
}

function report(seed: string, tally: Tally, seconds: number, bytes: [number, number]): number {
  for (const [kind, ends] of Object.entries(tally.ends).sort())
    console.log(
      `  ${kind.padEnd(12)} ${Object.entries(ends)
        .sort()
        .map(([end, count]) => `${count} ${end}`)
        .join(', ')}`,
    );
  const { slowest, found } = tally;
  const megabytes = bytes.map((count) => Math.round(count / 1024 / 1024));
  console.log(`slowest case ${slowest.number} (${slowest.kind}): ${Math.round(slowest.ms)} ms`);
  console.log(`memory in use: ${megabytes[0]} MB after a third, ${megabytes[1]} MB at the end`);
  const grew = bytes[1] - bytes[0] > maxGrowthBytes;
  if (grew) console.log('THE MEMORY GROWS.');
  const shown = new Map<string, number>();
  for (const one of found) {
    const times = shown.get(one.message) ?? 0;
    shown.set(one.message, times + 1);
    if (times < 2) keep(seed, one);
  }
  for (const [message, times] of shown)
    if (times > 2) console.log(`  ${times} times: ${message.split('\n')[0]}`);
  console.log(
    `cases ${tally.cases}, seconds ${Math.round(seconds)}, seed ${seed}, findings ${found.length + (grew ? 1 : 0)}`,
  );
  return found.length > 0 || grew ? 1 : 0;
}

/** Writes the input to a file: its hostile bytes do not belong on a terminal. */
function keep(seed: string, { number, kind, message, input }: Found): void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${kind}-${number}.bin`);
  writeFileSync(file, input);
  console.log(
    `FOUND case ${number} (${kind}), input in ${file}; to repeat: --seed ${seed} --only ${number}\n  ${message}`,
  );
}

async function main(): Promise<number> {
  let values;
  try {
    ({ values } = parseArgs({
      options: { cases: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
    }));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  const whole = (text: string | undefined, preset: number) => (text === undefined ? preset : Number(text));
  const cases = whole(values.cases, 120_000);
  const only = whole(values.only, -1);
  if (!Number.isSafeInteger(cases) || cases < 1 || !Number.isSafeInteger(only)) {
    console.error(`Expected whole numbers.\n\n${usage}`);
    return 2;
  }
  const seed = values.seed ?? new Date().toISOString();
  console.log(`seed ${seed}, ${only >= 0 ? `case ${only}` : `${cases} cases`}`);
  const startedAt = performance.now();
  if (only >= 0) {
    console.log(`${makeCase(seed, only).kind}, ${makeCase(seed, only).input.length} bytes`);
    const stage = openStage();
    const tally = await runCases(seed, [only], stage);
    await stage.close();
    return report(seed, tally, (performance.now() - startedAt) / 1000, [0, 0]);
  }
  console.log('how the time of each reader grows with its text');
  const growing = findGrowth();
  for (const { name, growth } of growing)
    console.log(`FOUND ${name}: 16 times the text takes ${growth.toFixed(1)} times as long per piece`);
  const watched = Array.from({ length: threads }, (_, from) =>
    start(seed, { from, to: cases, step: threads }),
  );
  const progress = setInterval(() => {
    const at = watched.map(({ current }) => Atomics.load(current, 0));
    console.log(`  ${Math.min(...at)} of ${cases}`);
  }, 15_000);
  try {
    const answers = await Promise.all(watched.map(({ answer }) => answer));
    const most = (which: 0 | 1) => Math.max(...answers.map(({ bytes }) => bytes[which]));
    const tally = addTallies(answers.map((answer) => answer.tally));
    // A Buffer from a thread arrives as a plain Uint8Array.
    for (const one of tally.found) one.input = Buffer.from(one.input);
    const status = report(seed, tally, (performance.now() - startedAt) / 1000, [most(0), most(1)]);
    return growing.length > 0 ? 1 : status;
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  } finally {
    clearInterval(progress);
  }
}

if (isMainThread) void main().then((code) => process.exit(code));
else void work(workerData as Share);
