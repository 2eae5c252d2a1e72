import { functionTimeoutMs } from '../../shared/time-budget';
import type { Fault, Operation } from './call-faults';

/**
 * The scheduler of the deterministic simulation. It owns the time, and every call that leaves a stage waits here for
 * its turn. One operation runs at a time, first come first served, so the same choice of faults gives the same run.
 */

/** Runs the effect when the operation's turn comes; `fault` is one that the model has to show by itself. */
export type Io = <T>(operation: Operation, effect: (fault?: Fault) => T) => Promise<T>;

/** A worker process. Once it has crashed, none of its operations ever returns. */
export interface Process {
  name: string;
  alive: boolean;
  /** How far its clock is ahead. */
  aheadMs: number;
  /** Until then it does nothing: it starts no operation and does not extend the invisibility of its messages. */
  frozenUntilMs: number;
}

/** A point of a run at which a fault can be injected. */
export interface Point {
  index: number;
  /** Since the start, in virtual time. */
  atMs: number;
  operation: string;
  key: string;
  /** The invocation that makes the call. */
  invocation: string;
  faults: readonly Fault[];
}

export interface SchedulerOptions {
  startMs: number;
  /** Asked at every point: the fault to inject there, if any. */
  choose: (point: Point) => Fault | undefined;
  /** Called when a worker dies, so that the host starts another one. */
  onCrash: (process: Process) => void;
  /** How long the faults of these names last. */
  times: { stallMs: number; freezeMs: number; lateMs: number; slowMs: number; tardyMs: number };
}

/** An operation that waits for its turn. */
interface Pending {
  operation: Operation;
  process: Process;
  invocation: string;
  run: (fault?: Fault) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** Set once the fault is injected: what happens when the operation's time has come. */
  resume?: () => void;
  notBeforeMs: number;
  yielding: boolean;
}

/** A request that has left its worker and takes effect by itself. */
interface InFlight {
  atMs: number;
  after?: { name: string; key: string };
  run: () => void;
}

const minuteMs = 60_000;
/** A request of a dead worker takes effect after this long, even if no look-up follows. */
const abandonedMs = 20 * minuteMs;
/** A late request that no look-up concerns takes effect after this long. */
const lateWithoutLookUpMs = 20_000;

/**
 * Waits until every promise that can settle has settled. Ticks run after promises and, unlike macro-tasks, cost no
 * system call.
 */
const quiet = () => new Promise<void>((resolve) => process.nextTick(resolve));

export function createScheduler({ startMs, choose, onCrash, times }: SchedulerOptions) {
  let nowMs = startMs;
  let steps = 0;
  const pending: Pending[] = [];
  let inFlight: InFlight[] = [];
  const timers = createTimers(() => nowMs);
  const points: Point[] = [];
  const slowMailboxes = new Set<string>();

  const crash = (process: Process) => {
    process.alive = false;
    for (let at = pending.length - 1; at >= 0; at--)
      if (pending[at]!.process === process) pending.splice(at, 1);
    onCrash(process);
  };
  const answer = (one: Pending, fault?: Fault) => {
    try {
      one.resolve(one.run(fault));
    } catch (error) {
      one.reject(error);
    }
  };
  const ignoreAnswer = (run: () => unknown) => {
    try {
      run();
    } catch {
      // Nobody waits for the answer.
    }
  };
  const hold = (one: Pending, untilMs: number, resume: () => void) => {
    one.notBeforeMs = untilMs;
    one.resume = resume;
    pending.push(one);
  };
  const landLater = (one: Pending, withinMs: number) => {
    const { operation } = one;
    const after = operation.landsAfter && { name: operation.landsAfter, key: operation.key };
    inFlight.push({
      atMs: nowMs + (after ? withinMs : lateWithoutLookUpMs),
      ...(after ? { after } : {}),
      run: () => ignoreAnswer(one.run),
    });
  };
  const lost = ({ operation }: Pending) => operation.lost?.() ?? new Error(`${operation.name}: no answer`);
  const mailboxOf = ({ name, key }: Operation) => (name.startsWith('mailboxes.') ? key.split(' ')[0]! : '');
  /** The service takes its time; a request that is aborted before it is done has no effect. */
  const takeLong = (one: Pending, ms: number) => {
    hold(one, nowMs + ms, () => answer(one));
    one.operation.signal?.addEventListener('abort', () => {
      const at = pending.indexOf(one);
      if (at === -1) return;
      pending.splice(at, 1);
      one.reject(lost(one));
    });
  };
  const answerUnlessAborted = (one: Pending) => {
    if (one.operation.signal?.aborted) one.reject(lost(one));
    else answer(one);
  };
  // A frozen worker sends nothing. A request that is under way for long is `late` instead.
  const freezeBefore = (one: Pending, ms: number) => {
    one.process.frozenUntilMs = nowMs + ms;
    hold(one, nowMs + ms, () => answerUnlessAborted(one));
  };
  const freezeAfter = (one: Pending, ms: number) => {
    one.process.frozenUntilMs = nowMs + ms;
    let resume: () => void;
    try {
      const value = one.run();
      resume = () => one.resolve(value);
    } catch (error) {
      resume = () => one.reject(error);
    }
    hold(one, nowMs + ms, resume);
  };

  /** What the scheduler does for a fault; the model itself shows those that have no entry. */
  const inject: Partial<Record<Fault, (one: Pending) => void>> = {
    crash: ({ process }) => crash(process),
    crashAfter: (one) => {
      ignoreAnswer(one.run);
      crash(one.process);
    },
    crashLate: (one) => {
      landLater(one, abandonedMs);
      crash(one.process);
    },
    error: (one) => one.reject(one.operation.failed?.() ?? new Error(`${one.operation.name}: failed`)),
    lostAnswer: (one) => {
      ignoreAnswer(one.run);
      one.reject(lost(one));
    },
    timeOut: (one) => one.reject(lost(one)),
    late: (one) => {
      landLater(one, times.lateMs);
      one.reject(lost(one));
    },
    lateAlone: (one) => {
      inFlight.push({ atMs: nowMs + times.lateMs, run: () => ignoreAnswer(one.run) });
      one.reject(lost(one));
    },
    repeat: (one) => {
      ignoreAnswer(one.run);
      answer(one);
    },
    yield: (one) => {
      one.yielding = true;
      hold(one, nowMs, () => answerUnlessAborted(one));
    },
    stall: (one) => freezeBefore(one, times.stallMs),
    stallAfter: (one) => freezeAfter(one, times.stallMs),
    freeze: (one) => freezeBefore(one, times.freezeMs),
    freezeAfter: (one) => freezeAfter(one, times.freezeMs),
    slow: (one) => takeLong(one, times.slowMs),
    hang: (one) => {
      const { process } = one;
      takeLong(one, Infinity);
      inFlight.push({
        atMs: nowMs + functionTimeoutMs,
        run: () => void (pending.includes(one) && crash(process)),
      });
    },
    tardy: (one) => {
      slowMailboxes.add(mailboxOf(one.operation));
      takeLong(one, times.tardyMs);
    },
  };

  const run = (one: Pending) => {
    steps++;
    if (one.resume) {
      one.resume();
      return;
    }
    const { operation, invocation } = one;
    if (operation.kills) {
      crash(one.process);
      return;
    }
    // A request that is aborted before its turn is never sent.
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
    const injection = fault && inject[fault];
    if (injection) injection(one);
    else if (!fault && slowMailboxes.has(mailboxOf(operation))) takeLong(one, times.tardyMs);
    else answer(one, fault);
    if (inFlight.length === 0) return;
    const landing = inFlight.filter(
      ({ after }) => after?.name === operation.name && after.key === operation.key,
    );
    if (landing.length > 0) {
      inFlight = inFlight.filter((request) => !landing.includes(request));
      for (const request of landing) request.run();
    }
  };

  const isReady = (one: Pending) =>
    one.process.alive && one.notBeforeMs <= nowMs && one.process.frozenUntilMs <= nowMs;

  return {
    now: () => nowMs,
    steps: () => steps,
    points,
    isBusy: () => pending.length > 0 || inFlight.length > 0,
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
    /** Runs the next operation that is ready; false if none is ready at this instant. */
    step(): boolean {
      let at = pending.findIndex((one) => !one.yielding && isReady(one));
      if (at === -1) at = pending.findIndex(isReady);
      if (at === -1) return false;
      run(pending.splice(at, 1)[0]!);
      return true;
    },
    quiet,
    /** The next instant that an operation, a timer or a request under way waits for; infinity without one. */
    nextMs(): number {
      let next = timers.nextMs();
      for (const one of pending) next = Math.min(next, Math.max(one.notBeforeMs, one.process.frozenUntilMs));
      for (const { atMs } of inFlight) next = Math.min(next, atMs);
      return next;
    },
    advance(toMs: number): void {
      nowMs = Math.max(nowMs, toMs);
      timers.fire();
      const due = inFlight.filter(({ atMs }) => atMs <= nowMs);
      inFlight = inFlight.filter(({ atMs }) => atMs > nowMs);
      for (const request of due) request.run();
    },
  };
}

export type Scheduler = ReturnType<typeof createScheduler>;

interface VirtualTimer {
  run: () => void;
  atMs: number;
  refresh: () => void;
}

/** `setTimeout` and `clearTimeout` in virtual time, as far as the stages use them. */
function createTimers(now: () => number) {
  const timers = new Set<VirtualTimer>();
  return {
    setTimeout(run: () => void, ms: number): VirtualTimer {
      const timer: VirtualTimer = {
        run,
        atMs: now() + ms,
        refresh: () => {
          timer.atMs = now() + ms;
          timers.add(timer);
        },
      };
      timers.add(timer);
      return timer;
    },
    clearTimeout: (timer: VirtualTimer): void => void timers.delete(timer),
    nextMs: () => [...timers].reduce((next, { atMs }) => Math.min(next, atMs), Number.POSITIVE_INFINITY),
    /** Runs every timer that is due. */
    fire(): void {
      for (const timer of [...timers].filter(({ atMs }) => atMs <= now())) {
        timers.delete(timer);
        timer.run();
      }
    },
  };
}
