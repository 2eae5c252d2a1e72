import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startExchange } from '../../simulators/exchange/server';
import { expectations } from '../../simulators/samples/expectations';
import type { MappingMode } from '../../simulators/samples/mapping';
import { organisation } from '../../simulators/samples/organisation';
import { readMailboxes } from '../../verification/soak/mailboxes';
import { connectorIds } from '../../shared/connectors';

/** The local stack as a person starts it: `node dist/local/main.js …` with its real processes. */

export interface Window {
  from: string;
  to: string;
}

/** The last two hours of a sample day. */
export const evening: Window = { from: '2026-11-19T22:00:00.000Z', to: '2026-11-20T00:00:00.000Z' };

/** Holds items of the evening again, an item that cannot be read, and mails that are attached in several requests. */
export const night: Window = { from: evening.to, to: '2026-11-20T00:45:00.000Z' };

/** A line in which a run shows its progress. */
export const progress = /\d+\/\d+ items, \w+/;

/** Settings of a stack that soon goes on after a part was killed or Exchange left a request in doubt. */
export const impatient = {
  LEASE_SECONDS: '10',
  GRAPH_TIMEOUT_SECONDS: '5',
  SETTLING_SECONDS: '1',
  RECONCILE_SCHEDULE: '* * * * * *',
};

export const asOptions = ({ from, to }: Window): string[] => ['--from', from, '--to', to];

/** A data folder that useStacks() removes. */
const folders: string[] = [];
export function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stack-'));
  folders.push(folder);
  return folder;
}

const running = new Set<number>();

/** For a test file that starts stacks: allows the time that they take, and ends what a failed test left running. */
export function useStacks(): void {
  jest.setTimeout(300_000);
  afterAll(() => {
    for (const pid of running) process.kill(-pid, 'SIGKILL');
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
}

export interface Running {
  pid: number;
  stdout(): string;
  stderr(): string;
  /** Exit code, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals | null>;
  /** Waits for a text on either output. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Process id of a part, which `--verbose` tells. */
  part(name: string): Promise<number>;
}

const platform = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'LANG', 'SystemRoot'];

export function start(args: string[], env: Record<string, string> = {}): Running {
  const kept = platform.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  const child = spawn(process.execPath, [join(process.cwd(), 'dist/local/main.js'), ...args], {
    env: { ...Object.fromEntries(kept), ...env } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that a test can end all of it at once.
    detached: true,
  });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    watchers.forEach((watch) => watch());
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    watchers.forEach((watch) => watch());
  });
  running.add(child.pid!);
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('close', (code, signal) => {
      running.delete(child.pid!);
      resolve(code ?? signal);
    }),
  );
  const says = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const watch = () => {
        const match = pattern.exec(`${stdout}\n${stderr}`);
        if (!match) return;
        watchers.delete(watch);
        resolve(match);
      };
      watchers.add(watch);
      watch();
      void exited.then(() =>
        reject(new Error(`It ended without saying ${String(pattern)}:\n${stdout}${stderr}`)),
      );
    });
  return {
    pid: child.pid!,
    stdout: () => stdout,
    stderr: () => stderr,
    exited,
    says,
    part: async (name) => Number((await says(new RegExp(`^${name}: process (\\d+)`, 'm')))[1]),
  };
}

interface Counted {
  items: { available: number; delivered: number; failed: number; events: number };
  deliveries: { expected: number; imported: number; partial: number; skipped: number; failed: number };
}
export interface Result {
  balanced: boolean;
  connectors: (Counted & {
    connector: string;
    from: string;
    to: string;
    batches: number;
    reasons: Record<string, number>;
    quarantined: number;
  })[];
}

/** The JSON line of a run that ended well. */
export async function resultOf(run: Running): Promise<Result> {
  const code = await run.exited;
  if (code !== 0) throw new Error(`It ended with ${code}:\n${run.stdout()}${run.stderr()}`);
  return JSON.parse(run.stdout().trimEnd().split('\n').at(-1)!) as Result;
}

/** The counters that the generator of the sample days expects, if an earlier window was fetched before. */
export function expectedCounters(window: Window, mode: MappingMode = {}, earlier?: Window): Counted[] {
  return connectorIds.map((connector) => {
    const counted = (of: Window) => {
      const { items, deliveries } = expectations(connector, of, mode);
      const { expected, imported, partial, skipped, refused, tooLarge } = deliveries;
      return {
        items,
        deliveries: {
          expected: expected + tooLarge,
          imported,
          partial,
          skipped,
          failed: refused + tooLarge,
        },
      };
    };
    if (!earlier) return counted(window);
    const [before, both] = [counted(earlier), counted({ from: earlier.from, to: window.to })];
    const less = <T extends Record<string, number>>(all: T, some: T) =>
      Object.fromEntries(Object.entries(all).map(([name, count]) => [name, count - some[name]!])) as T;
    return { items: less(both.items, before.items), deliveries: less(both.deliveries, before.deliveries) };
  });
}

export const countersOf = ({ connectors }: Result): Counted[] =>
  connectors.map(({ items, deliveries }) => ({ items, deliveries }));

/** `user id / source id` of each message that the mailboxes must hold, sorted. */
export const expectedMessages = (window: Window, mode: MappingMode = {}): string[] =>
  connectorIds
    .flatMap((connector) =>
      expectations(connector, window, mode).list.flatMap(({ sourceId, mailboxes, isRepeated }) =>
        isRepeated ? [] : mailboxes.map((userId) => `${userId} ${sourceId}`),
      ),
    )
    .toSorted();

/** The items in the mailboxes that a stack left in its data folder, read over HTTP. */
export async function filedItems(dataDir: string) {
  const exchange = await startExchange({ users: organisation, dataDir: join(dataDir, 'exchange') });
  try {
    return await readMailboxes(exchange.origin, organisation);
  } finally {
    await exchange.close();
  }
}

export const asMessages = (items: Awaited<ReturnType<typeof filedItems>>): string[] =>
  items.map(({ userId, sourceId }) => `${userId} ${sourceId}`).toSorted();

export { familyOf } from '../../verification/soak/hosts';

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Waits until the processes have ended; gives those that have not. */
export async function gone(pids: readonly number[]): Promise<number[]> {
  // Only a failed test waits as long as this.
  const until = Date.now() + 100_000;
  while (pids.some(alive) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  return pids.filter(alive);
}
