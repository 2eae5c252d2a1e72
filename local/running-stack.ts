import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where the local stack of this checkout notes its settings while it runs, so that the command line finds it. */
const file = '.data/running-stack.json';

/** Notes the settings; gives what removes the note. */
export function noteRunningStack(settings: Readonly<Record<string, string>>): () => void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ pid: process.pid, settings }), { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/** The settings of the stack that runs; undefined if none does. */
export function readRunningStack(): Record<string, string> | undefined {
  try {
    const { pid, settings } = JSON.parse(readFileSync(file, 'utf8')) as {
      pid: number;
      settings: Record<string, string>;
    };
    // Signal 0 only asks whether the process exists. A stack that was killed leaves its note behind.
    process.kill(pid, 0);
    return settings;
  } catch {
    return undefined;
  }
}
