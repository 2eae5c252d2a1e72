import { fork } from 'node:child_process';
import { once } from 'node:events';
import { bundle } from '../../local/bundles';

/** What one run of a variant took. */
export interface Taken {
  /** User and system time of all threads of the process. */
  cpuMs: number;
  wallMs: number;
  /** Most memory of the process above what it had before the work, in bytes. */
  peakBytes: number;
  /** What the variant counted itself. */
  counts: Record<string, number>;
}

export const repetitions = 5;

/** Runs one variant in a process of its own, so that no variant warms up, or fills the memory of, another one. */
export async function inOwnProcess(part: string, input: object): Promise<Taken> {
  const child = fork(bundle('bench-part'), [], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  child.send({ part, input });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const failed = once(child, 'exit').then(([code]): never => {
    throw new Error(`${part} ended with ${String(code)}: ${errors.slice(0, 2000)}`);
  });
  const answer = once(child, 'message').then(([taken]) => taken as Taken);
  try {
    return await Promise.race([answer, failed]);
  } finally {
    failed.catch(() => undefined);
    child.kill();
  }
}

/** Runs each variant `repetitions` times, in another order each time; the first round warms the machine up. */
export async function shuffled<Name extends string>(
  variants: Record<Name, () => Promise<Taken>>,
  tell: (progress: string) => void,
): Promise<Record<Name, Taken[]>> {
  const names = Object.keys(variants) as Name[];
  const all = Object.fromEntries(names.map((name) => [name, [] as Taken[]])) as Record<Name, Taken[]>;
  for (let round = 0; round < repetitions; round++)
    for (const name of names.toSorted(() => Math.random() - 0.5)) {
      tell(`round ${round + 1} of ${repetitions}: ${name}`);
      all[name].push(await variants[name]());
    }
  return all;
}
