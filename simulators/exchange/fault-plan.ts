import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { accessDenied, GraphError, notFound, quotaExceeded, unauthorized } from './errors';
import { throttled, type Throttling } from './throttling';

/** The faults of the simulated service: which requests meet which fault, and what the client then gets. */

const kinds = [
  /** 429 with Retry-After in seconds, with an HTTP date, or without Retry-After. */
  'throttled',
  'throttledUntilDate',
  'throttledSilently',
  /** Throttling as a 503, with Retry-After. */
  'throttledAs503',
  /** Refusals before any work is done. */
  'unavailable',
  'serverError',
  'badGateway',
  'gatewayTimeout',
  'resetBefore',
  /** The work is done, but the client does not learn it. */
  'commitThenTimeout',
  'resetAfter',
  /** 504 now; the work is done `lateMs` later. */
  'lateCommit',
  /** A valid token is refused once. */
  'tokenRefused',
  'accessDenied',
  'quotaExceeded',
  /** The answer comes `lateMs` later; nothing else is wrong. */
  'slow',
  /** The status and code that the script names; by default a 404 whose code says nothing. */
  'answered',
  /** The upload session is forgotten. */
  'sessionGone',
] as const;
export type FaultKind = (typeof kinds)[number];

/** With higher rates, a client that repeats its requests would hardly ever finish. */
const maxTotalRate = 0.9;

export const faultPlan = z
  .strictObject({
    /** One seed gives the same requests the same faults, in whatever order the mailboxes are served. */
    seed: z.int().default(1),
    /** The share of requests that meet each fault. */
    rates: z.partialRecord(z.enum(kinds), z.number().min(0).max(maxTotalRate)).default({}),
    /** Faults for chosen requests: after `skip` matching requests, the next `times` meet the fault. */
    script: z
      .array(
        z.strictObject({
          kind: z.enum(kinds),
          method: z.string().default('.*'),
          /** A regular expression for the decoded path, without the query. */
          path: z.string().default('.*'),
          skip: z.int().nonnegative().default(0),
          times: z.int().positive().default(1),
          retryAfterSeconds: z.int().positive().optional(),
          lateMs: z.int().nonnegative().optional(),
          status: z.int().min(400).max(599).default(404),
          code: z.string().default('UnknownError'),
        }),
      )
      .default([]),
    retryAfterSeconds: z.int().positive().default(1),
    lateMs: z.int().nonnegative().default(300),
    /** A user removes the folder just before the nth create in it, once in each mailbox (or only in the named one). */
    folderRemovals: z
      .array(
        z.strictObject({
          displayName: z.string(),
          /** A user principal name. */
          mailbox: z.string().optional(),
          beforeCreate: z.int().positive().default(1),
          /** `deleted`: moved to Deleted Items, where its id still works; `purged`: gone. */
          how: z.enum(['deleted', 'purged']).default('purged'),
        }),
      )
      .default([]),
    /** As in the US Government cloud, whose model has no upload sessions for mail. */
    noUploadSessions: z.boolean().default(false),
    /** The app may read users, and not the organisation with its domains. */
    organisationDenied: z.boolean().default(false),
    /** The tenant refuses to add attachments to a received item. */
    sealedAttachments: z.boolean().default(false),
  })
  .refine(({ rates }) => total(rates) <= maxTotalRate, {
    message: `the rates together may not exceed ${maxTotalRate}, or the work never ends`,
  });
export type FaultPlan = z.input<typeof faultPlan>;
type Plan = z.output<typeof faultPlan>;

export interface Fault {
  kind: FaultKind;
  retryAfterSeconds: number;
  lateMs: number;
  status: number;
  code: string;
}

export interface Faults {
  plan(): Plan;
  replace(plan: FaultPlan): void;
  /** The fault that this request meets, if any. */
  draw(method: string, path: string): Fault | undefined;
  /** How a user removes the folder before this create, if the plan says so. */
  folderRemoval(mailbox: string, folder: string): 'deleted' | 'purged' | undefined;
  /** How often each kind has occurred. */
  counts: Record<string, number>;
}

const isWrite = (method: string) => method !== 'GET';
const isUpload = (path: string) => path.startsWith('/attachment-sessions/');

/** The requests that a kind is limited to. */
const limitedTo: Partial<Record<FaultKind, (method: string, path: string) => boolean>> = {
  commitThenTimeout: isWrite,
  resetAfter: isWrite,
  lateCommit: isWrite,
  tokenRefused: (_, path) => !isUpload(path),
  accessDenied: (_, path) => /\/(mailFolders|messages)\b/.test(path),
  quotaExceeded: (method, path) => method === 'POST' && /\/(messages|attachments)$/.test(path),
  sessionGone: (_, path) => isUpload(path),
};

export function createFaults(first: FaultPlan = {}): Faults {
  let plan: Plan;
  let scripted: { left: number; skip: number; method: RegExp; path: RegExp; fault: Fault }[];
  let removals: { removal: Plan['folderRemovals'][number]; creates: Map<string, number> }[];
  let seen: Map<string, number>;
  const counts: Record<string, number> = {};

  function replace(given: FaultPlan): void {
    plan = faultPlan.parse(given);
    seen = new Map();
    removals = plan.folderRemovals.map((removal) => ({ removal, creates: new Map() }));
    scripted = plan.script.map(({ method, path, skip, times, retryAfterSeconds, lateMs, ...fault }) => ({
      left: times,
      skip,
      method: new RegExp(`^(?:${method})$`, 'i'),
      path: new RegExp(path),
      fault: {
        ...fault,
        retryAfterSeconds: retryAfterSeconds ?? plan.retryAfterSeconds,
        lateMs: lateMs ?? plan.lateMs,
      },
    }));
  }
  replace(first);

  function fromScript(method: string, path: string): Fault | undefined {
    for (const entry of scripted) {
      if (entry.left === 0 || !entry.method.test(method) || !entry.path.test(path)) continue;
      if (entry.skip > 0) entry.skip--;
      else {
        entry.left--;
        return entry.fault;
      }
    }
    return undefined;
  }

  function byRate(method: string, path: string): Fault | undefined {
    // Ids differ from run to run, so leave them out: the rest of the path and its count are always the same.
    const request = `${method} ${path.replace(/\bAA[\w-]{60,}=*|(?<=-sessions\/).*/g, '*')}`;
    const times = (seen.get(request) ?? 0) + 1;
    seen.set(request, times);
    let left = fraction(`${plan.seed} ${times} ${request}`);
    for (const [kind, rate] of Object.entries(plan.rates) as [FaultKind, number][]) {
      if (left >= rate) left -= rate;
      else {
        const isPossible = limitedTo[kind]?.(method, path) ?? true;
        const { retryAfterSeconds, lateMs } = plan;
        if (!isPossible) return undefined;
        return { kind, retryAfterSeconds, lateMs, status: 404, code: 'UnknownError' };
      }
    }
    return undefined;
  }

  return {
    plan: () => plan,
    replace,
    draw(method, path) {
      const fault = fromScript(method, path) ?? byRate(method, path);
      if (fault) counts[fault.kind] = (counts[fault.kind] ?? 0) + 1;
      return fault;
    },
    folderRemoval(mailbox, folder) {
      for (const { removal, creates } of removals) {
        if (removal.displayName !== folder || (removal.mailbox ?? mailbox) !== mailbox) continue;
        const count = (creates.get(mailbox) ?? 0) + 1;
        creates.set(mailbox, count);
        if (count === removal.beforeCreate) {
          counts.folderRemoved = (counts.folderRemoved ?? 0) + 1;
          return removal.how;
        }
      }
      return undefined;
    },
    counts,
  };
}

/** A number from 0 to 1, always the same for the same text. */
function fraction(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}

function total(rates: Partial<Record<FaultKind, number>>): number {
  return Object.values(rates).reduce((sum, rate) => sum + rate, 0);
}

/** A request that meets a fault. */
export interface FaultyRequest<T> {
  fault: Fault;
  /** Does what the request asks for. */
  perform: () => Promise<T>;
  /** Id of the user whose mailbox the request is for. */
  mailbox: string | undefined;
  /** Id of the request's upload session. */
  session: string | undefined;
}

export interface FaultEffects {
  /**
   * Returns the answer of a slow request, throws the refusal that the client gets, or returns 'reset' if its connection is
   * to break.
   */
  apply<T>(request: FaultyRequest<T>): Promise<T | 'reset'>;
  /** Drops the late commits that are still waiting. */
  close(): void;
}

const gatewayTimeout = () =>
  new GraphError(504, 'GatewayTimeout', 'The gateway did not get an answer in time.');

export function createFaultEffects(options: {
  throttling: Throttling;
  uploads: Map<string, unknown>;
  now(): number;
}): FaultEffects {
  const { throttling, uploads, now } = options;
  const late = new Set<NodeJS.Timeout>();

  async function apply<T>({ fault, perform, mailbox, session }: FaultyRequest<T>): Promise<T | 'reset'> {
    const until = now() + fault.retryAfterSeconds * 1000;
    const throttledUntil = (retryAfter: string, status?: number) => {
      if (mailbox !== undefined) throttling.coolDown(mailbox, until);
      return throttled('MailboxConcurrency', { 'retry-after': retryAfter }, status);
    };
    switch (fault.kind) {
      case 'throttled':
        throw throttledUntil(String(fault.retryAfterSeconds));
      case 'throttledUntilDate':
        // An HTTP date has whole seconds. Rounded down, it would let the client come too early.
        throw throttledUntil(new Date(Math.ceil(until / 1000) * 1000).toUTCString());
      case 'throttledSilently':
        throw throttled('MailboxConcurrency', {});
      case 'throttledAs503':
        throw throttledUntil(String(fault.retryAfterSeconds), 503);
      case 'unavailable':
        throw new GraphError(503, 'ServiceUnavailable', 'The service is temporarily unavailable.');
      case 'serverError':
        throw new GraphError(500, 'ErrorInternalServerError', 'An internal server error occurred.');
      case 'badGateway':
        throw new GraphError(502, 'BadGateway', 'Failed to reach the back end.');
      case 'gatewayTimeout':
        throw gatewayTimeout();
      case 'resetBefore':
        return 'reset';
      case 'commitThenTimeout':
        await perform();
        throw gatewayTimeout();
      case 'resetAfter':
        await perform();
        return 'reset';
      case 'lateCommit': {
        const timer = setTimeout(() => {
          late.delete(timer);
          void perform().catch(() => undefined); // The client already has its 504.
        }, fault.lateMs);
        late.add(timer);
        throw gatewayTimeout();
      }
      case 'tokenRefused':
        throw unauthorized('Lifetime validation failed, the token is expired.');
      case 'accessDenied':
        throw accessDenied();
      case 'quotaExceeded':
        throw quotaExceeded();
      case 'slow':
        await sleep(fault.lateMs, undefined, { ref: false });
        return perform();
      case 'answered':
        throw new GraphError(fault.status, fault.code, 'The request cannot be answered now.');
      case 'sessionGone':
        if (session !== undefined) uploads.delete(session);
        throw notFound();
    }
  }

  return {
    apply,
    close() {
      for (const timer of late) clearTimeout(timer);
    },
  };
}
