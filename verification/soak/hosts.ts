import { setTimeout as sleep } from 'node:timers/promises';
import type { Part } from '../../local/part';
import { random } from '../../simulators/samples/random';
import type { Stack } from '../../local/stack';
import { familyOf } from './family';

/** Two functions hosts side by side on the same stores, killed at random moments and started again. */

const names = ['functions-1', 'functions-2'] as const;
/** Between two kills: some in the middle of a start, some after a few seconds of work. */
const shortestPauseMs = 500;
const longestPauseMs = 5_500;
const longestRestMs = 1_500;

/** What is killed: the host alone, its worker alone, or both at once. */
const victims = ['host', 'worker', 'both'] as const;

export interface Hosts {
  /** Kills that were made. */
  kills(): number;
  /** Resolves when all kills are made. */
  killed: Promise<void>;
  /** Ends the restarts; the hosts themselves stop with the stack. */
  stop(): void;
  /** Rejects when a host cannot be started, or ends though nobody killed it. */
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
      // Three dead workers within half an hour end a host, as they do in Azure.
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
      // A part leads a group of its own, in which its worker is.
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
      // The one that was meant may be down: then it is met as soon as it is up.
      while (!kill(name, victim)) await sleep(50);
      kills++;
      await sleep(restMs);
    }
  }

  const failed = Promise.race(names.map(keepUp));
  failed.catch(() => undefined);
  return { kills: () => kills, killed: killAll(), stop: () => void (stopped = true), failed };
}
