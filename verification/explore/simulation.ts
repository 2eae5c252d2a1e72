import type { Fault, Operation } from './call-faults';
import { createTimers } from './timers';
import type { Io, Point, Process } from './scheduler';

/**
 * Virtual time, and the one place where everything that reaches outside a stage waits for its turn. One operation
 * runs at a time, first come first served, so that the same choices give the same run.
 */

interface Pending {
  operation: Operation;
  process: Process;
  invocation: string;
  run: (fault?: Fault) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** Waits for its moment, with its fault decided. */
  act?: () => void;
  notBeforeMs: number;
  yielding: boolean;
}

interface Later {
  atMs: number;
  after?: { name: string; key: string };
  run: () => void;
}

export interface SimulationOptions {
  startMs: number;
  choose: (point: Point) => Fault | undefined;
  /** Ends a worker; the host starts another one. */
  onCrash: (process: Process) => void;
  times: { stallMs: number; freezeMs: number; lateMs: number; slowMs: number; tardyMs: number };
}

const minuteMs = 60_000;
/** Where no look-up follows, an abandoned request has landed after this. */
const abandonedMs = 20 * minuteMs;

/** Ticks come after all promises that can settle have, and unlike macro-tasks cost no system call. */
const quiet = () => new Promise<void>((resolve) => process.nextTick(resolve));

export function createSimulation({ startMs, choose, onCrash, times }: SimulationOptions) {
  let nowMs = startMs;
  let steps = 0;
  const pending: Pending[] = [];
  let later: Later[] = [];
  const timers = createTimers(() => nowMs);
  const points: Point[] = [];

  const crash = (process: Process) => {
    process.alive = false;
    for (let at = pending.length - 1; at >= 0; at--)
      if (pending[at]!.process === process) pending.splice(at, 1);
    onCrash(process);
  };
  const settle = (one: Pending, fault?: Fault) => {
    try {
      one.resolve(one.run(fault));
    } catch (error) {
      one.reject(error);
    }
  };
  const ignore = (run: () => unknown) => {
    try {
      run();
    } catch {
      // A request whose answer nobody waits for.
    }
  };
  const hold = (one: Pending, untilMs: number, act: () => void) => {
    one.notBeforeMs = untilMs;
    one.act = act;
    pending.push(one);
  };
  const landLater = (one: Pending, withinMs: number) => {
    const { operation } = one;
    const after = operation.landsAfter && { name: operation.landsAfter, key: operation.key };
    later.push({
      atMs: nowMs + (after ? withinMs : 20_000),
      ...(after ? { after } : {}),
      run: () => ignore(one.run),
    });
  };
  const lost = ({ operation }: Pending) => operation.lost?.() ?? new Error(`${operation.name}: no answer`);

  const acts: Partial<Record<Fault, (one: Pending) => void>> = {
    crash: ({ process }) => crash(process),
    crashAfter: (one) => {
      ignore(one.run);
      crash(one.process);
    },
    crashLate: (one) => {
      landLater(one, abandonedMs);
      crash(one.process);
    },
    error: (one) => one.reject(one.operation.failed?.() ?? new Error(`${one.operation.name}: failed`)),
    lostAnswer: (one) => {
      ignore(one.run);
      one.reject(lost(one));
    },
    timeOut: (one) => one.reject(lost(one)),
    late: (one) => {
      landLater(one, times.lateMs);
      one.reject(lost(one));
    },
    lateAlone: (one) => {
      later.push({ atMs: nowMs + times.lateMs, run: () => ignore(one.run) });
      one.reject(lost(one));
    },
    repeat: (one) => {
      ignore(one.run);
      settle(one);
    },
    yield: (one) => {
      one.yielding = true;
      hold(one, nowMs, () => settleUnlessAborted(one));
    },
    // A frozen worker sends nothing; a request that is under way for long is `late`.
    stall: (one) => {
      one.process.frozenUntilMs = nowMs + times.stallMs;
      hold(one, nowMs + times.stallMs, () => settleUnlessAborted(one));
    },
    stallAfter: (one) => answerLater(one, times.stallMs),
    freeze: (one) => {
      one.process.frozenUntilMs = nowMs + times.freezeMs;
      hold(one, nowMs + times.freezeMs, () => settleUnlessAborted(one));
    },
    freezeAfter: (one) => answerLater(one, times.freezeMs),
    slow: (one) => takeLong(one, times.slowMs),
    tardy: (one) => {
      tardy.add(mailboxOf(one.operation));
      takeLong(one, times.tardyMs);
    },
  };
  const tardy = new Set<string>();
  const mailboxOf = ({ name, key }: Operation) => (name.startsWith('mailboxes.') ? key.split(' ')[0]! : '');
  /** What is aborted before the service has done it has no effect. */
  const takeLong = (one: Pending, ms: number) => {
    hold(one, nowMs + ms, () => settle(one));
    one.operation.signal?.addEventListener('abort', () => {
      const at = pending.indexOf(one);
      if (at === -1) return;
      pending.splice(at, 1);
      one.reject(lost(one));
    });
  };
  const answerLater = (one: Pending, ms: number) => {
    one.process.frozenUntilMs = nowMs + ms;
    let answer: () => void;
    try {
      const value = one.run();
      answer = () => one.resolve(value);
    } catch (error) {
      answer = () => one.reject(error);
    }
    hold(one, nowMs + ms, answer);
  };
  const settleUnlessAborted = (one: Pending) => {
    if (one.operation.signal?.aborted) one.reject(lost(one));
    else settle(one);
  };

  const step = (one: Pending) => {
    steps++;
    if (one.act) {
      one.act();
      return;
    }
    const { operation, invocation } = one;
    // What is aborted before its turn is not sent.
    if (operation.signal?.aborted) {
      one.reject(lost(one));
      return;
    }
    let fault: Fault | undefined;
    if (operation.faults.length > 0) {
      const { name, key, faults } = operation;
      const point = { index: points.length, atMs: nowMs - startMs, operation: name, key, invocation, faults };
      points.push(point);
      fault = choose(point);
    }
    const act = fault && acts[fault];
    if (act) act(one);
    else if (!fault && tardy.has(mailboxOf(operation))) takeLong(one, times.tardyMs);
    else settle(one, fault);
    if (later.length === 0) return;
    const landing = later.filter(
      ({ after }) => after?.name === operation.name && after.key === operation.key,
    );
    if (landing.length > 0) {
      later = later.filter((one) => !landing.includes(one));
      for (const { run } of landing) run();
    }
  };

  const ready = (one: Pending) =>
    one.process.alive && one.notBeforeMs <= nowMs && one.process.frozenUntilMs <= nowMs;

  return {
    now: () => nowMs,
    steps: () => steps,
    points,
    isBusy: () => pending.length > 0 || later.length > 0,
    setTimeout: timers.setTimeout,
    clearTimeout: timers.clearTimeout,
    io:
      (process: Process, invocation: string): Io =>
      <T>(operation: Operation, effect: (fault?: Fault) => T) =>
        new Promise<T>((resolve, reject) => {
          if (!process.alive) return;
          pending.push({
            operation,
            process,
            invocation,
            run: effect,
            resolve: resolve as (value: unknown) => void,
            reject,
            notBeforeMs: 0,
            yielding: false,
          });
        }),
    /** Runs the operation whose turn it is; false when there is none at this instant. */
    step(): boolean {
      let at = pending.findIndex((one) => !one.yielding && ready(one));
      if (at === -1) at = pending.findIndex(ready);
      if (at === -1) return false;
      step(pending.splice(at, 1)[0]!);
      return true;
    },
    quiet,
    /** The next instant at which something waits, if anything does. */
    nextMs(): number {
      let next = timers.nextMs();
      for (const one of pending) next = Math.min(next, Math.max(one.notBeforeMs, one.process.frozenUntilMs));
      for (const { atMs } of later) next = Math.min(next, atMs);
      return next;
    },
    advance(toMs: number): void {
      nowMs = Math.max(nowMs, toMs);
      timers.fire();
      const due = later.filter(({ atMs }) => atMs <= nowMs);
      later = later.filter(({ atMs }) => atMs > nowMs);
      for (const { run } of due) run();
    },
  };
}

export type Simulation = ReturnType<typeof createSimulation>;
