import * as z from 'zod';

const MINUTE = 60_000;
const MB = 1024 * 1024;

/** What Exchange Online allows, as Microsoft publishes it. Tests set lower limits so that they can reach them. */
export const limits = z.strictObject({
  /** Requests of one app to one mailbox that are not answered yet. */
  inFlight: z.int().positive().default(4),
  requests: z.int().positive().default(10_000),
  requestsWindowMs: z
    .int()
    .positive()
    .default(10 * MINUTE),
  uploadBytes: z
    .int()
    .positive()
    .default(150 * MB),
  uploadWindowMs: z
    .int()
    .positive()
    .default(5 * MINUTE),
  /** The `Retry-After` of a 429 for too many requests in flight. */
  retryAfterSeconds: z.int().positive().default(2),
  /** Each request that comes before a Retry-After has passed makes the wait this much longer… */
  penaltySeconds: z.int().nonnegative().default(1),
  /** …up to this much in all, so that even a careless client finishes. */
  penaltyMaxSeconds: z.int().nonnegative().default(30),
  /** The largest body of any request, a PUT to an upload session included. */
  bodyBytes: z
    .int()
    .positive()
    .default(4 * MB),
  /** A smaller attachment is posted in one request; from this size on it needs an upload session. */
  sessionMinBytes: z
    .int()
    .positive()
    .default(3 * MB),
  sessionMaxBytes: z
    .int()
    .positive()
    .default(150 * MB),
  messageBytes: z
    .int()
    .positive()
    .default(35 * MB),
  recipients: z.int().positive().default(500),
  /** Named properties that a mailbox takes in its lifetime; Exchange never frees one. */
  namedProperties: z.int().positive().default(100),
});

export type Limits = z.infer<typeof limits>;
