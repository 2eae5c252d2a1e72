import type { Connector } from '../connectors';
import { DeploymentError } from '../errors';
import { retryAfterMs } from '../retry-after';

/** Thrown when another attempt may succeed: the site was unavailable, or the transfer broke off. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  constructor(
    message: string,
    /** How long the site asks to wait; undefined when it names no time. */
    readonly waitMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * What the headers of a page say: the number of messages, whether the window ends, and the next page's cursor.
 *
 * @throws Error when they break the contract
 */
export function readHeaders(headers: Headers, request: { lastId?: string | undefined; limit: number }) {
  const broken = (what: string) => new Error(`TeleMessage broke its contract: ${what}`);
  const count = headers.get('x-message-count') ?? '';
  if (!/^\d{1,9}$/.test(count)) throw broken('X-Message-Count is missing or not a number');
  if (Number(count) > request.limit)
    throw broken(`X-Message-Count is ${count}, more than the ${request.limit} that were asked for`);
  const end = headers.get('x-end-of-messages')?.trim().toLowerCase();
  if (end !== 'true' && end !== 'false') throw broken('X-End-Of-Messages is neither true nor false');
  const lastId = headers.get('x-last-id') ?? undefined;
  if (end === 'false' && lastId === undefined) throw broken('X-Last-Id is missing before the last page');
  // Asking with the same cursor would fetch the same page without end.
  if (end === 'false' && lastId === request.lastId)
    throw broken('X-Last-Id repeats the cursor of the request');
  return { items: Number(count), end: end === 'true', lastId };
}

/**
 * The error that an answer other than a page becomes: `TransientError` when another attempt may succeed,
 * `DeploymentError` when the site refuses the account or the source, and a plain Error otherwise.
 */
export function errorFor(response: Response, connector: Connector, nowMs: number): Error {
  const { status } = response;
  if (status >= 300 && status < 400)
    return new Error(`TeleMessage answered with a redirect (${status}); refused`);
  if (status === 403)
    return new DeploymentError(
      `TeleMessage refused the source "${connector.source}" (403): is it licensed, is the account locked?`,
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
