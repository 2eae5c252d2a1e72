import * as z from 'zod';
import { random } from '../samples/random';

/** The faults of the simulated site: random ones by a seed, and scripted ones. */

const faultKinds = [
  /** The connection is reset before any header. */
  'reset',
  /** 401, as after a change of the password. */
  'unauthorized',
  'unavailable',
  'throttled',
  'serverError',
  /** 302 to another origin. */
  'redirect',
  /** 409 in the middle of a window; never for a first page. */
  'cursorExpired',
  /** The connection closes in the middle of the body. */
  'truncated',
  /** The body ends normally, one line short of its count. */
  'fewerLines',
  /** The body ends normally, without its last line feed. */
  'noLineEnd',
  /** The gzip stream ends before its trailer. */
  'truncatedGzip',
  /** Half of the body, then nothing. */
  'stalled',
  /** The body trickles: whole in the end, after `slowMs`. */
  'slow',
  /** Lines without end. */
  'endless',
  /** The page begins with the last messages of the page before. */
  'repeated',
] as const;
export type FaultKind = (typeof faultKinds)[number];

const retryAfter = {
  retryAfterSeconds: z.int().nonnegative().default(1),
  retryAfterForm: z.enum(['seconds', 'date', 'none']).optional(),
};

const scripted = z.strictObject({
  kind: z.enum(faultKinds),
  source: z.string().optional(),
  /** Which request for messages meets it, from 1 since the script was set; of the source only, if one is named. */
  onRequest: z.int().positive().optional(),
  times: z.int().positive().default(1),
  /** The origin to which a redirect leads. */
  location: z.url().optional(),
  ...retryAfter,
});

export const faultOptions = z.strictObject({
  seed: z.int().default(1),
  /** The share of requests for messages that meet each fault. */
  rates: z
    .partialRecord(z.enum(faultKinds), z.number().min(0).max(1))
    .default({})
    .refine((rates) => Object.values(rates).reduce((sum, rate) => sum + rate, 0) <= 1, {
      error: 'the rates add up to more than 1',
    }),
  /** The most random faults for one page, so that a client that repeats its request gets further. */
  mostPerPage: z.int().nonnegative().default(2),
  script: z.array(scripted).default([]),
  slowMs: z.int().positive().default(3000),
  ...retryAfter,
});
export type FaultOptions = z.input<typeof faultOptions>;

export interface Fault {
  kind: FaultKind;
  location?: string | undefined;
  retryAfterSeconds: number;
  retryAfterForm: 'seconds' | 'date' | 'none';
  /** How long a slow body takes. */
  slowMs: number;
}

export interface Faults {
  /** The fault that the next request meets, if any. */
  next(request: { source: string; page: string; hasCursor: boolean }): Fault | undefined;
}

export function createFaults(given: FaultOptions): Faults {
  const options = faultOptions.parse(given);
  const r = random(`faults/${options.seed}`);
  const script = options.script.map((entry) => ({ ...entry, left: entry.times }));
  const metBy = new Map<string, number>();
  const requests = new Map<string, number>();
  let total = 0;
  const forms = ['seconds', 'date', 'none'] as const;

  return {
    next({ source, page, hasCursor }) {
      total++;
      const ofSource = (requests.get(source) ?? 0) + 1;
      requests.set(source, ofSource);
      const isPossible = (kind: FaultKind) => kind !== 'cursorExpired' || hasCursor;
      const explicit = script.find((entry) => {
        if (entry.left === 0 || !isPossible(entry.kind)) return false;
        if (entry.source !== undefined && entry.source !== source) return false;
        const count = entry.source === undefined ? total : ofSource;
        return (
          entry.onRequest === undefined || (count >= entry.onRequest && count < entry.onRequest + entry.times)
        );
      });
      if (explicit) {
        explicit.left--;
        return { ...explicit, retryAfterForm: explicit.retryAfterForm ?? 'seconds', slowMs: options.slowMs };
      }
      let rest = r.int(1_000_000) / 1_000_000;
      const form = options.retryAfterForm ?? r.pick(forms);
      const kind = faultKinds.find((one) => (rest -= options.rates[one] ?? 0) < 0);
      const met = metBy.get(page) ?? 0;
      if (!kind || !isPossible(kind) || met >= options.mostPerPage) return undefined;
      metBy.set(page, met + 1);
      const { retryAfterSeconds, slowMs } = options;
      return { kind, retryAfterSeconds, retryAfterForm: form, slowMs };
    },
  };
}
