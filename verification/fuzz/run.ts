import { makeCase } from './cases';
import { Finding } from './invariants';
import type { FuzzStage } from './stage';

/** A case that broke a promise. */
export interface Found {
  number: number;
  kind: string;
  message: string;
  input: Buffer;
}

export interface Tally {
  cases: number;
  /** How the cases ended, by kind. */
  ends: Record<string, Record<string, number>>;
  found: Found[];
  slowest: { number: number; kind: string; ms: number };
}

/** Beside this no case may take longer, its waiting for a busy machine counted. */
const deadlineMs = 30_000;

/** Runs the cases one after the other; `begin` is called before each. */
export async function runCases(
  seed: string,
  numbers: Iterable<number>,
  stage: FuzzStage,
  begin: (number: number) => void = () => undefined,
): Promise<Tally> {
  const tally: Tally = { cases: 0, ends: {}, found: [], slowest: { number: -1, kind: '', ms: 0 } };
  for (const number of numbers) {
    begin(number);
    const { kind, input, run } = makeCase(seed, number);
    const startedAt = performance.now();
    let end: string;
    try {
      end = await run(stage);
      if (performance.now() - startedAt > deadlineMs)
        throw new Finding(`took longer than ${deadlineMs / 1000} s`);
    } catch (error) {
      end = 'FOUND';
      const { name, message, stack = '' } = error as Error;
      // What broke out of its boundary is found by its place.
      const where = error instanceof Finding ? '' : `\n${stack.split('\n').slice(1, 6).join('\n')}`;
      tally.found.push({ number, kind, input, message: `${name}: ${message.slice(0, 500)}${where}` });
    }
    const ms = performance.now() - startedAt;
    if (ms > tally.slowest.ms) tally.slowest = { number, kind, ms };
    const ends = (tally.ends[kind] ??= {});
    ends[end] = (ends[end] ?? 0) + 1;
    tally.cases++;
  }
  return tally;
}

export function addTallies(all: readonly Tally[]): Tally {
  const sum: Tally = { cases: 0, ends: {}, found: [], slowest: { number: -1, kind: '', ms: 0 } };
  for (const { cases, ends, found, slowest } of all) {
    sum.cases += cases;
    sum.found.push(...found);
    if (slowest.ms > sum.slowest.ms) sum.slowest = slowest;
    for (const [kind, counts] of Object.entries(ends))
      for (const [end, count] of Object.entries(counts)) {
        const own = (sum.ends[kind] ??= {});
        own[end] = (own[end] ?? 0) + count;
      }
  }
  return sum;
}
