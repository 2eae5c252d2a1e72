import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Part } from '../../local/part';
import { random } from '../../simulators/samples/random';
import type { Stack } from '../../local/stack';

/** Runs two functions hosts on the same stores, kills them at random moments and restarts them. */

const names = ['functions-1', 'functions-2'] as const;
/** The pause between two kills: some hit a host that is starting, others one that has worked for seconds. */
const shortestPauseMs = 500;
const longestPauseMs = 5_500;
const longestRestMs = 1_500;

/** Which processes are killed: the host alone, its worker alone, or both together. */
const victims = ['host', 'worker', 'both'] as const;

export interface Hosts {
  /** The number of kills so far. */
  kills(): number;
  /** Resolves after the last kill. */
  killed: Promise<void>;
  /** Ends kills and restarts; the hosts themselves stop with the stack. */
  stop(): void;
  /** Rejects if a host cannot be started or ends without having been killed. */
  failed: Promise<never>;
}

export function keepKilling(stack: Pick<Stack, 'startHost'>, seed: string, total: number): Hosts {
  const choices = random(`soak/${seed}`);
  const up = new Map<string, Part<unknown>>();
  const hit = new Set<number>();
  let kills = 0;
  let stopped = false;

  async function keepUp(name: string): Promise<never> {
    while (!stopped) {
      const host = await stack.startHost(name);
      up.set(name, host);
      const end = await host.crashed.catch((error: unknown) => error);
      up.delete(name);
      // A host ends after three dead workers within half an hour, so one whose worker was killed may end by itself.
      if (!stopped && !hit.has(host.pid)) throw end;
    }
    return new Promise(() => undefined);
  }

  function kill(name: string, victim: (typeof victims)[number]): boolean {
    const host = up.get(name);
    if (!host) return false;
    const [, worker] = familyOf(host.pid);
    const pid = victim === 'worker' ? worker : host.pid;
    if (pid === undefined) return false;
    hit.add(host.pid);
    try {
      // Host and worker form a process group, which the host leads.
      process.kill(victim === 'both' ? -pid : pid, 'SIGKILL');
      return true;
    } catch {
      return false;
    }
  }

  async function killAll() {
    while (kills < total && !stopped) {
      const pauseMs = shortestPauseMs + choices.int(longestPauseMs - shortestPauseMs);
      const [name, victim] = [choices.pick(names), choices.pick(victims)];
      const restMs = choices.int(longestRestMs);
      await sleep(pauseMs);
      // The chosen host may be down; then it is killed as soon as it is up.
      while (!kill(name, victim)) await sleep(50);
      kills++;
      await sleep(restMs);
    }
  }

  const failed = Promise.race(names.map(keepUp));
  failed.catch(() => undefined);
  return { kills: () => kills, killed: killAll(), stop: () => void (stopped = true), failed };
}

/** The ids of a process and all its descendants, the process first. */
export function familyOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const family = [pid];
  for (const member of family) for (const [id, parent] of pairs) if (parent === member) family.push(id!);
  return family;
}
