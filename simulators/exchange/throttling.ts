import { GraphError } from './errors';
import type { Limits } from './limits';

type Reason = 'MailboxConcurrency' | 'Request' | 'IncomingBytes';

export const throttled = (reason: Reason, headers: Record<string, string>, status = 429) =>
  new GraphError(status, 'ApplicationThrottled', `Application is over its ${reason} limit.`, headers);

interface Use {
  inFlight: number;
  maxInFlight: number;
  /** When requests came and how much was uploaded when, oldest first. */
  requests: number[];
  uploads: { at: number; bytes: number }[];
  coolUntil: number;
  penaltySeconds: number;
  duringCoolDown: number;
}

/** Exchange's limits for one app in one mailbox. */
export interface Throttling {
  /** Counts a request as in flight until `leave`. Throws the 429. */
  enter(mailbox: string): void;
  leave(mailbox: string): void;
  /** Counts the body of a write. Throws the 429. */
  charge(mailbox: string, bytes: number): void;
  /** Throttles every request to the mailbox until then, as Exchange does after a `Retry-After`. */
  coolDown(mailbox: string, until: number): void;
  uses(): ReadonlyMap<string, Readonly<Use>>;
}

export function createThrottling(limits: Limits, now: () => number): Throttling {
  const uses = new Map<string, Use>();
  const useOf = (mailbox: string) => {
    let use = uses.get(mailbox);
    if (!use) {
      use = {
        inFlight: 0,
        maxInFlight: 0,
        requests: [],
        uploads: [],
        coolUntil: 0,
        penaltySeconds: 0,
        duringCoolDown: 0,
      };
      uses.set(mailbox, use);
    }
    return use;
  };

  /** The 429, which makes the whole mailbox wait until then. */
  function refuse(use: Use, reason: Reason, until: number): GraphError {
    use.coolUntil = Math.max(use.coolUntil, until);
    return throttled(reason, { 'retry-after': secondsUntil(use.coolUntil, now()) });
  }

  return {
    enter(mailbox) {
      const use = useOf(mailbox);
      const at = now();
      use.inFlight++;
      use.maxInFlight = Math.max(use.maxInFlight, use.inFlight);
      while (use.requests.length > 0 && use.requests[0]! <= at - limits.requestsWindowMs)
        use.requests.shift();
      use.requests.push(at);
      if (at < use.coolUntil) {
        use.duringCoolDown++;
        // Exchange counts a request that comes too early: the wait grows, up to a bound.
        const added = Math.min(limits.penaltySeconds, limits.penaltyMaxSeconds - use.penaltySeconds);
        use.penaltySeconds += added;
        throw refuse(use, 'MailboxConcurrency', use.coolUntil + added * 1000);
      }
      use.penaltySeconds = 0;
      if (use.requests.length > limits.requests) {
        throw refuse(use, 'Request', use.requests.at(-limits.requests)! + limits.requestsWindowMs);
      }
      if (use.inFlight > limits.inFlight) {
        throw refuse(use, 'MailboxConcurrency', at + limits.retryAfterSeconds * 1000);
      }
    },
    leave: (mailbox) => void useOf(mailbox).inFlight--,
    charge(mailbox, bytes) {
      const use = useOf(mailbox);
      const at = now();
      while (use.uploads.length > 0 && use.uploads[0]!.at <= at - limits.uploadWindowMs) use.uploads.shift();
      const used = use.uploads.reduce((sum, upload) => sum + upload.bytes, 0);
      if (used + bytes > limits.uploadBytes) {
        throw refuse(use, 'IncomingBytes', (use.uploads[0]?.at ?? at) + limits.uploadWindowMs);
      }
      if (bytes > 0) use.uploads.push({ at, bytes });
    },
    coolDown(mailbox, until) {
      const use = useOf(mailbox);
      use.coolUntil = Math.max(use.coolUntil, until);
    },
    uses: () => uses,
  };
}

/** Rounded up, so that a client that waits this long never comes too early. */
const secondsUntil = (until: number, now: number) => String(Math.max(1, Math.ceil((until - now) / 1000)));
