import { CrowdedMailboxError, PutOffError } from '../errors';

/** Time, timers and random numbers, as arguments so that tests need not wait. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Rejects when the signal aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Lets a few requests at a time into each mailbox, in the order in which they ask, and none while the mailbox cools
 * down. Exchange Online allows 4 requests in flight per app and mailbox, and counts a request that is sent before its
 * `Retry-After` has passed (learn.microsoft.com/graph/throttling-limits, Outlook).
 */
export interface MailboxGate {
  /**
   * Takes a place in the mailbox for work of several requests, which the caller gives back at its end. The requests of
   * such work count as begun. Throws `CrowdedMailboxError` when all places are taken, or the mailbox cools down for long.
   */
  enter(mailbox: string): () => void;
  /**
   * Runs `work` when its turn comes. `begun` marks a further request of work that has begun: it takes its turn before
   * work that has not, and is never refused because the queue is full. Throws `PutOffError` when the wait would be
   * long, the queue is full, or the signal aborts.
   */
  run<T>(
    mailbox: string,
    options: { signal?: AbortSignal; begun?: boolean },
    work: () => Promise<T>,
  ): Promise<T>;
  /** Lets no request in until this time has passed. */
  coolDown(mailbox: string, delayMs: number): void;
}

interface Waiter {
  begun: boolean;
  enter(): void;
  refuse(error: Error): void;
}

interface Lane {
  active: number;
  /** Requests in flight at most: fewer after a throttling, because other instances share the mailbox's limit. */
  limit: number;
  /** Work that has a place. */
  entered: number;
  /** How long a request takes. */
  averageMs: number;
  waiters: Waiter[];
  coolUntil: number;
  waking: boolean;
  /** When all work that was put off so far will have had its turn. */
  nextTurnAt: number;
}

/** How long a request takes, until some have been measured. */
const firstGuessMs = 300;
const shortestPutOffMs = 1000;
const longestPutOffMs = 120_000;
/** What a request that was not throttled adds to the number in flight. */
const growth = 1 / 16;

/** One gate for any number of mailboxes. */
export function createMailboxGate(options: {
  clock: Clock;
  /** Requests in flight per mailbox. */
  inFlight?: number;
  /** Calls that may wait per mailbox. Further ones are put off, so that one busy mailbox never holds up all workers. */
  waiters?: number;
  /** The longest cool-down that a call waits for; a longer one puts it off. */
  longestWaitMs?: number;
}): MailboxGate {
  const { clock, inFlight = 4, waiters = 28, longestWaitMs = 10_000 } = options;
  const lanes = new Map<string, Lane>();
  /** Over all mailboxes: the first guess for each. */
  let averageMs = firstGuessMs;

  const jitter = (delayMs: number) => Math.ceil(delayMs * (1 + clock.random() / 4));
  const cooling = (mailbox: string, delayMs: number) =>
    new CrowdedMailboxError(
      jitter(Math.max(delayMs, shortestPutOffMs)),
      'The mailbox is cooling down after throttling.',
      mailbox,
    );

  function laneOf(mailbox: string): Lane {
    let lane = lanes.get(mailbox);
    if (!lane) {
      lane = {
        active: 0,
        limit: inFlight,
        entered: 0,
        averageMs,
        waiters: [],
        coolUntil: 0,
        waking: false,
        nextTurnAt: 0,
      };
      lanes.set(mailbox, lane);
    }
    return lane;
  }

  /** Each call that is put off gets the next free time, so that they do not all come back together. */
  function crowded(mailbox: string, lane: Lane): PutOffError {
    const now = clock.now();
    const turnMs = lane.averageMs / Math.floor(lane.limit);
    const presentMs = Math.max(lane.entered, lane.active + lane.waiters.length) * turnMs;
    lane.nextTurnAt = Math.max(lane.nextTurnAt, now + presentMs) + turnMs;
    const delayMs = Math.min(Math.max(lane.nextTurnAt - now, shortestPutOffMs), longestPutOffMs);
    return new CrowdedMailboxError(delayMs, 'Too many deliveries are waiting for this mailbox.', mailbox);
  }

  /** Forgets a mailbox in which nothing happens. */
  function tidy(mailbox: string, lane: Lane): void {
    const isIdle = lane.active === 0 && lane.entered === 0 && lane.waiters.length === 0;
    if (isIdle && lane.nextTurnAt <= clock.now() && lane.coolUntil <= clock.now()) lanes.delete(mailbox);
  }

  /** Throws if the mailbox cools down for longer than a call waits. */
  function refuseCooling(mailbox: string, lane: Lane): void {
    const coolingMs = lane.coolUntil - clock.now();
    if (coolingMs > longestWaitMs) throw cooling(mailbox, coolingMs);
  }

  /** Lets in as many waiting calls as there is room for. */
  function letIn(mailbox: string, lane: Lane): void {
    const coolingMs = lane.coolUntil - clock.now();
    if (coolingMs > 0) {
      if (lane.waiters.length > 0 && !lane.waking) wakeAfter(mailbox, lane, coolingMs);
      return;
    }
    while (lane.active < Math.floor(lane.limit)) {
      const next = lane.waiters.shift();
      if (!next) break;
      lane.active += 1;
      next.enter();
    }
    tidy(mailbox, lane);
  }

  function wakeAfter(mailbox: string, lane: Lane, delayMs: number): void {
    lane.waking = true;
    void clock.sleep(delayMs).then(() => {
      lane.waking = false;
      letIn(mailbox, lane);
    });
  }

  /** Resolves when the call may go in. */
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
      letIn(mailbox, lane);
    });
  }

  return {
    enter(mailbox) {
      const lane = laneOf(mailbox);
      refuseCooling(mailbox, lane);
      if (lane.entered >= inFlight + waiters) throw crowded(mailbox, lane);
      lane.entered += 1;
      return () => {
        lane.entered -= 1;
        tidy(mailbox, lane);
      };
    },

    async run(mailbox, { signal, begun = false }, work) {
      const lane = laneOf(mailbox);
      refuseCooling(mailbox, lane);
      if (!begun && lane.waiters.length >= waiters) throw crowded(mailbox, lane);
      if (signal?.aborted)
        throw new PutOffError(jitter(shortestPutOffMs), 'The time ran out before the request.');
      await turn(mailbox, lane, begun, signal);
      const startedAt = clock.now();
      try {
        return await work();
      } finally {
        const tookMs = clock.now() - startedAt;
        averageMs += (tookMs - averageMs) / 16;
        lane.limit = Math.min(inFlight, lane.limit + growth);
        lane.averageMs += (tookMs - lane.averageMs) / 8;
        lane.active -= 1;
        letIn(mailbox, lane);
      }
    },

    coolDown(mailbox, delayMs) {
      const lane = laneOf(mailbox);
      lane.coolUntil = Math.max(lane.coolUntil, clock.now() + delayMs);
      lane.limit = Math.max(1, lane.limit / 2);
      if (delayMs > longestWaitMs) {
        for (const waiter of lane.waiters.splice(0)) waiter.refuse(cooling(mailbox, delayMs));
      }
    },
  };
}
