import type { Connector } from '../connectors';
import { DeploymentError } from '../errors';
import { retryAfterMs } from '../retry-after';

/** Worth another attempt: the site was unavailable, or the transfer broke. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  constructor(
    message: string,
    readonly waitMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * What the headers of a page say.
 *
 * @throws Error when they break the contract
 */
export function readHeaders(headers: Headers, request: { lastId?: string | undefined }) {
  const broken = (what: string) => new Error(`TeleMessage broke its contract: ${what}`);
  const count = headers.get('x-message-count') ?? '';
  if (!/^\d{1,9}$/.test(count)) throw broken('X-Message-Count is missing or not a number');
  const end = headers.get('x-end-of-messages')?.trim().toLowerCase();
  if (end !== 'true' && end !== 'false') throw broken('X-End-Of-Messages is neither true nor false');
  const lastId = headers.get('x-last-id') ?? undefined;
  if (end === 'false' && lastId === undefined) throw broken('X-Last-Id is missing before the last page');
  // Else the same page would be fetched for ever.
  if (end === 'false' && lastId === request.lastId)
    throw broken('X-Last-Id repeats the cursor of the request');
  return { items: Number(count), end: end === 'true', lastId };
}

/** What an answer other than a page means: worth another attempt, a refused deployment, or a plain error. */
export function failure(response: Response, connector: Connector, nowMs: number): Error {
  const { status } = response;
  if (status >= 300 && status < 400)
    return new Error(`TeleMessage answered with a redirect (${status}); refused`);
  if (status === 403)
    return new DeploymentError(
      `TeleMessage refused the source "${connector.source}" (403): licensed, account locked?`,
    );
  if (status === 404)
    return new DeploymentError(`TeleMessage does not know the source "${connector.source}" (404)`);
  if (status === 429 || status === 408 || status >= 500)
    return new TransientError(
      `TeleMessage was unavailable (${status})`,
      retryAfterMs(response.headers.get('retry-after'), nowMs),
    );
  return new Error(`TeleMessage refused the request (${status})`);
}
