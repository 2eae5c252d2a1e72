import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Connector } from '../connectors';
import { DeploymentError } from '../errors';
import { errorFor, readHeaders, TransientError } from './answer';
import { createLineScanner } from './lines';
import type { CredentialNames, Credentials, CredentialStore } from './credentials.client';

export interface PageRequest {
  connector: Connector;
  credentials: CredentialNames;
  /** Window on arrival time, ISO-8601 UTC: from inclusive, to exclusive. */
  from: string;
  to: string;
  /** Cursor that came with the previous page; absent for the first page. */
  lastId?: string | undefined;
  /** Messages to ask for; `pageItems` of the options when absent. */
  limit?: number | undefined;
  /** Most tries; eight when absent. */
  tries?: number | undefined;
  /** How long all tries may take together; without a limit when absent. */
  withinMs?: number | undefined;
}

export interface Page {
  kind: 'page';
  items: number;
  /** Bytes after decompression. */
  bytes: number;
  sha256: string;
  /** Cursor with which to ask for the next page. */
  lastId: string | undefined;
  end: boolean;
}

/** The site no longer knows the cursor: the window must be read from its start. */
export interface CursorExpired {
  kind: 'cursorExpired';
}

/**
 * Stores the bytes of one attempt; called once per attempt. It must store nothing when the stream fails, because a
 * truncated transfer shows only at the end of the stream.
 */
export type StorePage = (content: AsyncIterable<Buffer>) => Promise<void>;

export interface TeleMessage {
  /**
   * Fetches one page and streams its bytes, unchanged, to `store`.
   *
   * @throws DeploymentError when the site refuses the account (401, 403) or the source (404)
   * @throws Error when the site stays unavailable, breaks the contract, or sends a page above the size limit
   */
  fetchPage(request: PageRequest, store: StorePage): Promise<Page | CursorExpired>;
}

export interface TeleMessageOptions {
  baseUrl: string;
  /** Messages asked for per page, 1 to 1,000. */
  pageItems: number;
  /** Most bytes of one page, after decompression. */
  pageMaxBytes: number;
  /** For one request, from its start to the end of the answer. */
  timeoutMs: number;
  credentials: CredentialStore;
  now: () => number;
  /** In [0, 1). */
  random: () => number;
  /** Waits between two tries; a real timer when absent. */
  sleep?: (delayMs: number) => Promise<void>;
}

/** How often one page is tried before the window fails. The next run of the timer then continues. */
const policy = {
  attempts: 8,
  backoffMs: 500,
  maxBackoffMs: 30_000,
  /** A longer Retry-After fails the window immediately; the watermark keeps its place. */
  maxRetryAfterMs: 5 * 60_000,
  /** A refused account waits this long, unless its secrets change: further tries could lock it. */
  refusedForMs: 60 * 60_000,
};

/** Client of the archive interface of the TeleMessage site, which docs/telemessage.md describes. */
export function createTeleMessage(options: TeleMessageOptions): TeleMessage {
  const { credentials, now, sleep = (delayMs: number) => setTimeout(delayMs) } = options;
  let refused: { credentials: Credentials; untilMs: number } | undefined;

  interface Ask extends PageRequest {
    /** No try goes on after this instant. */
    untilMs: number;
  }

  const send = (request: Ask, { username, password }: Credentials) => {
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
      // Following a redirect could send the account to another origin.
      redirect: 'manual',
      signal: AbortSignal.timeout(Math.max(1, Math.min(options.timeoutMs, request.untilMs - now()))),
    }).catch((cause: unknown) => {
      throw new TransientError('The TeleMessage site did not answer', undefined, { cause });
    });
  };

  /** Sends with the remembered account. After a 401 it sends once more, but only if the secrets have changed. */
  const signedIn = async (request: Ask) => {
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

  const attempt = async (request: Ask, store: StorePage): Promise<Page | CursorExpired> => {
    const response = await signedIn(request);
    if (response.status !== 200) {
      await response.body?.cancel();
      if (response.status === 409) return { kind: 'cursorExpired' };
      throw errorFor(response, request.connector, now());
    }
    const limit = request.limit ?? options.pageItems;
    const { items, end, lastId } = readHeaders(response.headers, { ...request, limit });
    const transfer = createTransfer(response, items, options.pageMaxBytes);
    try {
      await store(transfer.content);
    } catch (error) {
      // The store may wrap the error of the transfer, which decides whether another attempt makes sense.
      throw transfer.failure() ?? error;
    }
    return { kind: 'page', ...transfer.received(), lastId, end };
  };

  return {
    async fetchPage(wanted, store) {
      const request: Ask = { ...wanted, untilMs: now() + (wanted.withinMs ?? Infinity) };
      for (let tries = 1; ; tries++) {
        try {
          return await attempt(request, store);
        } catch (error) {
          if (!(error instanceof TransientError)) throw error;
          const backoff = Math.min(policy.backoffMs * 2 ** (tries - 1), policy.maxBackoffMs);
          const waitMs = error.waitMs ?? backoff * (0.5 + options.random() / 2);
          const isLate = now() + waitMs >= request.untilMs;
          if (isLate || tries >= (request.tries ?? policy.attempts) || waitMs > policy.maxRetryAfterMs)
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
  /** The page's bytes. It fails at the end when the page is not complete. */
  content: AsyncIterable<Buffer>;
  /** Why the transfer failed; undefined if it did not. */
  failure(): Error | undefined;
  /** What has arrived; to be called once, after the end. */
  received(): { items: number; bytes: number; sha256: string };
}

/** The body of an answer, counted and hashed while it passes. */
function createTransfer(response: Response, expectedItems: number, maxBytes: number): Transfer {
  const hash = createHash('sha256');
  let items = 0;
  let bytes = 0;
  let failure: Error | undefined;
  const fail = (error: Error) => (failure = error);

  async function* content(): AsyncGenerator<Buffer> {
    const scanner = createLineScanner();
    const body = response.body?.[Symbol.asyncIterator]();
    try {
      while (body) {
        const next = await body.next().catch((cause: unknown) => {
          throw fail(new TransientError('The transfer of a page broke off', undefined, { cause }));
        });
        if (next.done) break;
        const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
        if (chunk.length === 0) continue;
        bytes += chunk.length;
        if (bytes > maxBytes)
          throw fail(
            new Error(
              `A page is larger than PAGE_MAX_MB (${maxBytes} bytes): lower PAGE_ITEMS or raise PAGE_MAX_MB`,
            ),
          );
        items += scanner.scan(chunk).length;
        if (items > expectedItems)
          throw fail(
            new Error(
              `TeleMessage broke its contract: a page has more lines than the ${expectedItems} that it names`,
            ),
          );
        hash.update(chunk);
        yield chunk;
      }
    } finally {
      await body?.return?.();
    }
    if (items !== expectedItems || !scanner.isWhole())
      throw fail(
        new TransientError(`A page was truncated: ${items} whole lines of ${expectedItems} arrived`),
      );
  }

  return {
    content: content(),
    failure: () => failure,
    received: () => ({ items, bytes, sha256: hash.digest('hex') }),
  };
}
