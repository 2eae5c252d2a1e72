import { createHash } from 'node:crypto';
import { z } from 'zod';

/** What can go wrong with a request, as one kind each. */
const kinds = [
  /** 429 with Retry-After in seconds, as an HTTP date, or without any. */
  'throttled',
  'throttledUntilDate',
  'throttledSilently',
  /** Throttling in its 503 form, with Retry-After. */
  'throttledAs503',
  /** Answers without any work done. */
  'unavailable',
  'serverError',
  'badGateway',
  'gatewayTimeout',
  'resetBefore',
  /** The work is done, the client does not learn of it. */
  'commitThenTimeout',
  'resetAfter',
  /** 504 now, the work is done `lateMs` later. */
  'lateCommit',
  /** A valid token is refused this once. */
  'tokenRefused',
  'accessDenied',
  'quotaExceeded',
  /** Answers with the status and code of the script; 404 without a telling code when it names none. */
  'answered',
  /** The upload session is forgotten. */
  'sessionGone',
] as const;
export type FaultKind = (typeof kinds)[number];

const maxTotalRate = 0.9;

export const faultPlan = z
  .strictObject({
    /** The same seed draws the same faults for the same requests, in whatever order mailboxes are served. */
    seed: z.int().default(1),
    /** Share of requests that meet the fault. */
    rates: z.partialRecord(z.enum(kinds), z.number().min(0).max(maxTotalRate)).default({}),
    /** Single faults, for the first requests that match after `skip` others. */
    script: z
      .array(
        z.strictObject({
          kind: z.enum(kinds),
          method: z.string().default('.*'),
          /** Regular expression over the decoded path, without the query. */
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
    /** A person removes the folder just before the nth create in it, once in each mailbox (or in the named one). */
    folderRemovals: z
      .array(
        z.strictObject({
          displayName: z.string(),
          /** User principal name. */
          mailbox: z.string().optional(),
          beforeCreate: z.int().positive().default(1),
          /** `deleted`: moved to Deleted Items, where its id still works; `purged`: gone. */
          how: z.enum(['deleted', 'purged']).default('purged'),
        }),
      )
      .default([]),
    /** The US Government model, which knows no upload sessions for mail. */
    noUploadSessions: z.boolean().default(false),
    /** A tenant where adding attachments to a message that is no draft is not allowed. */
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
  /** What a person does to the folder before this create. */
  userAct(mailbox: string, folder: string): 'deleted' | 'purged' | undefined;
  /** How often each kind was met. */
  met: Record<string, number>;
}

const isWrite = (method: string) => method !== 'GET';
const isUpload = (path: string) => path.startsWith('/attachment-sessions/');

/** Where a kind can happen at all, by method and path. */
const place: Partial<Record<FaultKind, (method: string, path: string) => boolean>> = {
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
  const met: Record<string, number> = {};

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
    // Ids differ from run to run; what stays is whose mailbox it is and how many such requests came before.
    const request = `${method} ${path.replace(/\bAA[\w-]{60,}=*|(?<=-sessions\/).*/g, '*')}`;
    const times = (seen.get(request) ?? 0) + 1;
    seen.set(request, times);
    let left = fraction(`${plan.seed} ${times} ${request}`);
    for (const [kind, rate] of Object.entries(plan.rates) as [FaultKind, number][]) {
      if (left >= rate) left -= rate;
      else {
        const happens = place[kind]?.(method, path) ?? true;
        const { retryAfterSeconds, lateMs } = plan;
        const unsaid = { status: 404, code: 'UnknownError' };
        return happens ? { kind, retryAfterSeconds, lateMs, ...unsaid } : undefined;
      }
    }
    return undefined;
  }

  return {
    plan: () => plan,
    replace,
    draw(method, path) {
      const fault = fromScript(method, path) ?? byRate(method, path);
      if (fault) met[fault.kind] = (met[fault.kind] ?? 0) + 1;
      return fault;
    },
    userAct(mailbox, folder) {
      for (const { removal, creates } of removals) {
        if (removal.displayName !== folder || (removal.mailbox ?? mailbox) !== mailbox) continue;
        const count = (creates.get(mailbox) ?? 0) + 1;
        creates.set(mailbox, count);
        if (count === removal.beforeCreate) {
          met.folderRemoved = (met.folderRemoved ?? 0) + 1;
          return removal.how;
        }
      }
      return undefined;
    },
    met,
  };
}

/** A number from 0 up to 1 that depends on the text alone. */
function fraction(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}

function total(rates: Partial<Record<FaultKind, number>>): number {
  return Object.values(rates).reduce((sum, rate) => sum + rate, 0);
}
