import type { Deps } from '../deps';
import { RefusedRequestError } from '../errors';
import { nobody, type Act } from '../storage/audit';
import { keepStray } from './stray-messages';

/** What people ask of the app by queue messages: to fetch, to redrive, to accept, to note. */

/**
 * Carries a request out. One that nobody can carry out, because it is malformed or asks for what does not exist, is kept
 * with the reason: five attempts would not mend it.
 */
export async function carryOut<Request, Stage extends Pick<Deps, 'strayMessages' | 'emit' | 'now'>>(
  deps: Stage,
  {
    queue,
    read,
    stage,
  }: {
    queue: string;
    read: (message: unknown) => Request;
    stage: (deps: Stage, request: Request) => Promise<void>;
  },
  message: unknown,
): Promise<void> {
  try {
    await stage(deps, read(message));
  } catch (error) {
    if (!(error instanceof RefusedRequestError)) throw error;
    await keepStray(deps, { queue, message, detail: error.message });
  }
}

/**
 * Makes sure that the audit trail has the act before it is done: in the entry that the request names, or else in a new
 * one that names nobody.
 */
export async function ensureAudited(
  { audit, now }: Pick<Deps, 'audit' | 'now'>,
  number: number | undefined,
  what: Act,
): Promise<void> {
  const named = number === undefined ? undefined : await audit.read(number);
  if (named?.entry.what.act === what.act) return;
  await audit.append(nobody, what, new Date(now()).toISOString());
}
