import { z } from 'zod';

const MINUTE = 60_000;
const MB = 1024 * 1024;

/** What Exchange Online allows, as Microsoft publishes it; tests lower the numbers to reach them. */
export const limits = z.strictObject({
  /** Requests of one app in one mailbox between their reception and their answer. */
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
  /** What a 429 for too many requests in flight asks for. */
  retryAfterSeconds: z.int().positive().default(2),
  /** Every request sent before a Retry-After has passed makes the wait longer by this… */
  penaltySeconds: z.int().nonnegative().default(1),
  /** …up to this much altogether, so that a careless client still comes to an end. */
  penaltyMaxSeconds: z.int().nonnegative().default(30),
  /** A whole request, and one PUT of an upload session. */
  bodyBytes: z
    .int()
    .positive()
    .default(4 * MB),
  /** Below it an attachment is posted; from it on it needs an upload session. */
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
  /** Names of named properties that a mailbox takes in its life; Exchange never gives one back. */
  namedProperties: z.int().positive().default(100),
});

export type Limits = z.infer<typeof limits>;
