import { PutOffError } from '../errors';

/** Time and chance, handed in so that waiting can be tested. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Rejects when the signal aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Lets at most a few requests at a time into each mailbox, in the order of asking, and none while the mailbox
 * cools down. Exchange Online counts per app and mailbox: 4 requests in flight, and requests sent before a
 * `Retry-After` has passed count against the limit (learn.microsoft.com/graph/throttling-limits, Outlook).
 */
export interface MailboxGate {
  /**
   * Runs `work` when its turn comes. `begun` marks a further request of work under way: it goes before work not
   * yet begun and is never sent away for want of room. Throws `PutOffError` when the wait would be long.
   */
  run<T>(
    mailbox: string,
    options: { signal?: AbortSignal; begun?: boolean },
    work: () => Promise<T>,
  ): Promise<T>;
  /** Nobody gets in before this time has passed. */
  coolDown(mailbox: string, delayMs: number): void;
}

interface Waiter {
  begun: boolean;
  enter(): void;
  refuse(error: Error): void;
}

interface Lane {
  active: number;
  waiters: Waiter[];
  coolUntil: number;
  waking: boolean;
  /** When the work that was put off so far will have had its turn. */
  nextTurnAt: number;
}

const firstGuessMs = 300;
const shortestPutOffMs = 1000;
const longestPutOffMs = 120_000;

export function createMailboxGate(options: {
  clock: Clock;
  /** Requests in flight per mailbox. */
  inFlight?: number;
  /** Calls that may wait per mailbox; more are put off, so that one hot mailbox never holds all workers. */
  waiters?: number;
  /** A cool-down longer than this is not waited for in the process. */
  longestWaitMs?: number;
}): MailboxGate {
  const { clock, inFlight = 4, waiters = 8, longestWaitMs = 10_000 } = options;
  const lanes = new Map<string, Lane>();
  let averageMs = firstGuessMs;

  const jitter = (delayMs: number) => Math.ceil(delayMs * (1 + clock.random() / 4));
  const cooling = (delayMs: number) =>
    new PutOffError(
      jitter(Math.max(delayMs, shortestPutOffMs)),
      'The mailbox is cooling down after throttling.',
    );

  function laneOf(mailbox: string): Lane {
    let lane = lanes.get(mailbox);
    if (!lane)
      lanes.set(mailbox, (lane = { active: 0, waiters: [], coolUntil: 0, waking: false, nextTurnAt: 0 }));
    return lane;
  }

  /** Each piece of work put off gets the next place in time, so that it comes back when there is room for it. */
  function crowded(lane: Lane): PutOffError {
    const now = clock.now();
    lane.nextTurnAt = Math.max(lane.nextTurnAt, now) + averageMs / inFlight;
    const delayMs = Math.min(Math.max(lane.nextTurnAt - now, shortestPutOffMs), longestPutOffMs);
    return new PutOffError(jitter(delayMs), 'Too many deliveries are waiting for this mailbox.');
  }

  function pump(mailbox: string, lane: Lane): void {
    const coolingMs = lane.coolUntil - clock.now();
    if (coolingMs > 0) {
      if (lane.waiters.length > 0 && !lane.waking) wakeAfter(mailbox, lane, coolingMs);
      return;
    }
    while (lane.active < inFlight) {
      const next = lane.waiters.shift();
      if (!next) break;
      lane.active += 1;
      next.enter();
    }
    if (lane.active === 0 && lane.waiters.length === 0 && lane.nextTurnAt <= clock.now())
      lanes.delete(mailbox);
  }

  function wakeAfter(mailbox: string, lane: Lane, delayMs: number): void {
    lane.waking = true;
    void clock.sleep(delayMs).then(() => {
      lane.waking = false;
      pump(mailbox, lane);
    });
  }

  function turn(mailbox: string, lane: Lane, begun: boolean, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        lane.waiters.splice(lane.waiters.indexOf(waiter), 1);
        waiter.refuse(
          new PutOffError(jitter(shortestPutOffMs), 'The time ran out while waiting for the mailbox.'),
        );
      };
      const waiter: Waiter = {
        begun,
        enter: () => (signal?.removeEventListener('abort', onAbort), resolve()),
        refuse: (error) => (signal?.removeEventListener('abort', onAbort), reject(error)),
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const place = begun ? lane.waiters.findIndex((other) => !other.begun) : -1;
      lane.waiters.splice(place === -1 ? lane.waiters.length : place, 0, waiter);
      pump(mailbox, lane);
    });
  }

  return {
    async run(mailbox, { signal, begun = false }, work) {
      const lane = laneOf(mailbox);
      const coolingMs = lane.coolUntil - clock.now();
      if (coolingMs > longestWaitMs) throw cooling(coolingMs);
      if (!begun && lane.waiters.length >= waiters) throw crowded(lane);
      if (signal?.aborted)
        throw new PutOffError(jitter(shortestPutOffMs), 'The time ran out before the request.');
      await turn(mailbox, lane, begun, signal);
      const startedAt = clock.now();
      try {
        return await work();
      } finally {
        averageMs += (clock.now() - startedAt - averageMs) / 16;
        lane.active -= 1;
        pump(mailbox, lane);
      }
    },

    coolDown(mailbox, delayMs) {
      const lane = laneOf(mailbox);
      lane.coolUntil = Math.max(lane.coolUntil, clock.now() + delayMs);
      if (delayMs > longestWaitMs) {
        for (const waiter of lane.waiters.splice(0)) waiter.refuse(cooling(delayMs));
      }
    },
  };
}
