import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connector } from '../connectors';
import { DeploymentError } from '../errors';
import { failure, readHeaders, TransientError } from './answer';
import type { CredentialNames, Credentials, CredentialStore } from './credentials.client';

export interface PageRequest {
  connector: Connector;
  credentials: CredentialNames;
  /** Window on arrival time, ISO-8601 UTC: from inclusive, to exclusive. */
  from: string;
  to: string;
  /** Cursor of the page before; absent on the first. */
  lastId?: string | undefined;
  /** Fewer messages than a page usually holds. */
  limit?: number | undefined;
  /** Fewer tries than a window deserves. */
  tries?: number | undefined;
}

export interface Page {
  kind: 'page';
  items: number;
  /** Decoded bytes. */
  bytes: number;
  sha256: string;
  /** Cursor of the next page. */
  lastId: string | undefined;
  end: boolean;
}

/** The site forgot the cursor: the window starts again. */
export interface CursorExpired {
  kind: 'cursorExpired';
}

/**
 * Stores the bytes of one attempt. It is called once per attempt and must store nothing when the stream
 * fails: the stream fails at its end when the transfer turns out to be truncated.
 */
export type StorePage = (content: AsyncIterable<Buffer>) => Promise<void>;

export interface TeleMessage {
  /**
   * Fetches one page and streams its bytes, unchanged, to `store`.
   *
   * @throws DeploymentError when the site refuses the account (401, 403) or the source (404)
   * @throws Error when the site stays unavailable, breaks the contract, or sends more than the bound
   */
  fetchPage(request: PageRequest, store: StorePage): Promise<Page | CursorExpired>;
}

export interface TeleMessageOptions {
  baseUrl: string;
  /** Messages asked for per page, 1 to 1,000. */
  pageItems: number;
  /** Bound on the decoded bytes of one page. */
  pageMaxBytes: number;
  timeoutMs: number;
  credentials: CredentialStore;
  now: () => number;
  random: () => number;
}

/** How often and how long one page is tried before the window fails and the next timer run goes on. */
const policy = {
  attempts: 8,
  backoffMs: 500,
  maxBackoffMs: 30_000,
  /** A site that asks for more patience than this ends the run; the watermark keeps the place. */
  maxRetryAfterMs: 5 * 60_000,
  /** A refused account is not tried again before this, unless its secrets change: accounts lock. */
  refusedForMs: 60 * 60_000,
};

/** Client of the TeleMessage site's archive interface; docs/telemessage.md describes it. */
export function createTeleMessage(options: TeleMessageOptions): TeleMessage {
  const { credentials, now } = options;
  let refused: { credentials: Credentials; untilMs: number } | undefined;

  const send = (request: PageRequest, { username, password }: Credentials) => {
    const url = new URL(`/archive/v1/${request.connector.source}/messages`, options.baseUrl);
    url.searchParams.set('from', request.from);
    url.searchParams.set('to', request.to);
    if (request.lastId !== undefined) url.searchParams.set('lastId', request.lastId);
    url.searchParams.set('limit', String(request.limit ?? options.pageItems));
    return fetch(url, {
      headers: {
        authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
        accept: 'application/x-ndjson',
        'accept-encoding': 'gzip',
      },
      // Followed redirects would carry the account to another origin.
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs),
    }).catch((cause: unknown) => {
      throw new TransientError('The TeleMessage site did not answer', undefined, { cause });
    });
  };

  /** Sends with the cached account; after a 401 once more, but only when the secrets were changed meanwhile. */
  const signedIn = async (request: PageRequest) => {
    let account = await credentials.read(request.credentials, { fresh: refused !== undefined });
    const sameAs = (other: Credentials) =>
      other.username === account.username && other.password === account.password;
    if (refused && sameAs(refused.credentials) && now() < refused.untilMs)
      throw new DeploymentError(
        'TeleMessage refused the account; it is not tried again until its secrets change',
      );
    refused = undefined;
    let response = await send(request, account);
    if (response.status === 401) {
      await response.body?.cancel();
      const before = account;
      account = await credentials.read(request.credentials, { fresh: true });
      if (!sameAs(before)) response = await send(request, account);
    }
    if (response.status === 401) {
      refused = { credentials: account, untilMs: now() + policy.refusedForMs };
      throw new DeploymentError('TeleMessage refused the user name or password (401)');
    }
    return response;
  };

  const attempt = async (request: PageRequest, store: StorePage): Promise<Page | CursorExpired> => {
    const response = await signedIn(request);
    if (response.status !== 200) {
      await response.body?.cancel();
      if (response.status === 409) return { kind: 'cursorExpired' };
      throw failure(response, request.connector, now());
    }
    const expected = readHeaders(response.headers, request);
    const transfer: Transfer = { items: 0, bytes: 0, hash: createHash('sha256') };
    try {
      await store(counted(response, transfer, expected.items, options.pageMaxBytes));
    } catch (error) {
      // The store may wrap what broke the transfer; the cause decides whether another attempt is worth it.
      throw transfer.failure ?? error;
    }
    const { lastId, end } = expected;
    const { items, bytes, hash } = transfer;
    return { kind: 'page', items, bytes, sha256: hash.digest('hex'), lastId, end };
  };

  return {
    async fetchPage(request, store) {
      for (let tries = 1; ; tries++) {
        try {
          return await attempt(request, store);
        } catch (error) {
          if (!(error instanceof TransientError)) throw error;
          const backoff = Math.min(policy.backoffMs * 2 ** (tries - 1), policy.maxBackoffMs);
          const waitMs = error.waitMs ?? backoff * (0.5 + options.random() / 2);
          if (tries >= (request.tries ?? policy.attempts) || waitMs > policy.maxRetryAfterMs)
            throw new Error(`Fetching a page failed after ${tries} attempts: ${error.message}`, {
              cause: error,
            });
          await sleep(waitMs);
        }
      }
    },
  };
}

interface Transfer {
  items: number;
  bytes: number;
  hash: ReturnType<typeof createHash>;
  failure?: Error;
}

/** Passes the page on, and fails at its end unless it is whole. */
async function* counted(
  response: Response,
  transfer: Transfer,
  expectedItems: number,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const fail = (error: Error) => (transfer.failure = error);
  let lastByte = 0x0a;
  const body = response.body?.[Symbol.asyncIterator]();
  try {
    while (body) {
      const next = await body.next().catch((cause: unknown) => {
        throw fail(new TransientError('The transfer of a page broke off', undefined, { cause }));
      });
      if (next.done) break;
      const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
      if (chunk.length === 0) continue;
      transfer.bytes += chunk.length;
      if (transfer.bytes > maxBytes)
        throw fail(
          new Error(
            `A page is larger than PAGE_MAX_MB (${maxBytes} bytes): lower PAGE_ITEMS or raise PAGE_MAX_MB`,
          ),
        );
      for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) transfer.items++;
      lastByte = chunk[chunk.length - 1]!;
      transfer.hash.update(chunk);
      yield chunk;
    }
  } finally {
    await body?.return?.();
  }
  if (transfer.items !== expectedItems || lastByte !== 0x0a)
    throw fail(
      new TransientError(`A page was truncated: ${transfer.items} whole lines of ${expectedItems} arrived`),
    );
}
