import type { TokenCredential } from '@azure/identity';
import { PutOffError } from '../errors';
import { createAccessDenials } from './access-denials';
import {
  failedTry,
  finalError,
  hadNoEffect,
  lastError,
  RefusedError,
  type FailedTry,
  type RetryNotFound,
} from './failure';
import { createMailboxGate } from './mailbox-gate';
import type { Clock } from './mailbox-gate';
import { foldersPath } from './paths';
import { createToken } from './token';
import type { Method, Outgoing, Received, Transport } from './transport.client';

export interface Call {
  /** What is being done, for error texts: never anything from an item, a user or an address. */
  doing: string;
  /** User id of the mailbox that the request counts against; absent for the directory. */
  mailbox?: string;
  /** A further request of work that has begun: it takes its turn before work that has not. */
  begun?: boolean;
  /** Names and raw values; the values are encoded here. */
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** An object, or a Buffer of JSON. */
  body?: Buffer | object;
  signal?: AbortSignal;
  /** A POST that may be sent again although an earlier one may have taken effect. Other methods always may. */
  repeatable?: boolean;
  retryNotFound?: RetryNotFound;
}

/**
 * Aborts work after `timeoutMs`, or with `outer`. `AbortSignal.timeout` would hold its timer, and all that refers to it, for
 * the whole time even if the work ended at once.
 */
async function withinTime<T>(
  timeoutMs: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const pass = () => limit.abort(outer?.reason);
  if (outer?.aborted) pass();
  outer?.addEventListener('abort', pass, { once: true });
  const late = () => limit.abort(new DOMException('The request took too long', 'TimeoutError'));
  const timer = setTimeout(late, timeoutMs);
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', pass);
  }
}

export interface Reply {
  status: number;
  /** The parsed body; undefined without one. */
  json: unknown;
}

/**
 * Requests to Microsoft Graph. Only this client repeats them: a second owner of retries would multiply the tries. All
 * methods throw `RefusedError` (Graph refused the request, or every try failed), `PutOffError` (throttled for longer
 * than this client waits; nothing has happened), `DeploymentError`, and `UncertainError` for a request that must not be
 * repeated and may have taken effect.
 */
export interface Graph {
  /** See `MailboxGate`: the calls of the work are to be marked as begun. */
  enter(mailbox: string): () => void;
  /** Gets a token unless the present one is still valid. */
  signIn(): Promise<void>;
  /** `path` is below `/v1.0`, with its parts encoded (see paths.ts). */
  get(path: string, call: Call): Promise<Reply>;
  post(path: string, call: Call): Promise<Reply>;
  patch(path: string, call: Call): Promise<Reply>;
  delete(path: string, call: Call): Promise<Reply>;
  /** All members of a collection, read page by page. Throws for one that is too large to be held in memory. */
  list(path: string, call: Call): Promise<unknown[]>;
  /** The members of a collection of any size, page by page. */
  pages(path: string, call: Call): AsyncIterable<unknown[]>;
  /** Sends one slice to an upload session. Throws a `RefusedError` of kind `sessionGone` when the session has ended. */
  upload(url: string, slice: Buffer, contentRange: string, call: Call): Promise<Reply>;
  /** Asks an upload session which bytes it still expects. */
  uploadState(url: string, call: Call): Promise<Reply>;
}

export interface GraphOptions {
  transport: Transport;
  /** The resource that tokens are asked for, such as `https://graph.microsoft.com`. */
  audience: string;
  credential: TokenCredential;
  /** For one request, from the start of its turn to the end of the answer. */
  timeoutMs: number;
  clock: Clock;
  /** Most tries of one call. */
  tries?: number;
  /** How long all tries of one call may take together. */
  budgetMs?: number;
  /** The first pause between two tries; each further one is twice as long. */
  pauseMs?: number;
  /** A longer wait (`Retry-After`) puts the work off instead. */
  longestWaitMs?: number;
  /** See `createMailboxGate`. */
  mailboxInFlight?: number;
  mailboxWaiters?: number;
  /** Mailboxes that let the app in at some time; none if absent. */
  knownMailboxes?: () => Promise<string[]>;
}

/** The session refuses a slice that it has already, so that sending one twice does no harm. */
const sessionCall = { repeatable: true, uploading: true };
const directoryLane = 'directory';
const askingForAccess = 'ask a mailbox whether it lets the app in';
const longestPauseMs = 8_000;
const mostPages = 1_000;

/** Requests through `transport`, at most a few at a time per mailbox, with the tries and pauses of the options. */
export function createGraph(options: GraphOptions): Graph {
  const { transport, clock, timeoutMs } = options;
  const { tries = 4, budgetMs = 45_000, pauseMs = 500, longestWaitMs = 10_000 } = options;
  const token = createToken({
    credential: options.credential,
    scope: `${options.audience}/.default`,
    timeoutMs,
    clock,
  });
  const mailboxes = createMailboxGate({
    clock,
    longestWaitMs,
    inFlight: options.mailboxInFlight ?? 4,
    ...(options.mailboxWaiters !== undefined && { waiters: options.mailboxWaiters }),
  });
  const directory = createMailboxGate({ clock, longestWaitMs, inFlight: 16, waiters: 1_000 });
  const denials = createAccessDenials({
    now: clock.now,
    ask: (mailbox) => admits(mailbox),
    known: options.knownMailboxes ?? (() => Promise.resolve([])),
  });

  type Send = (signal: AbortSignal) => Promise<Received>;

  /** One call: tries until it is answered, refused, or not worth waiting for. */
  async function attempt(
    call: Call,
    send: Send,
    { repeatable, uploading = false }: { repeatable: boolean; uploading?: boolean },
  ): Promise<Reply> {
    const gate = call.mailbox === undefined ? directory : mailboxes;
    const lane = call.mailbox ?? directoryLane;
    const startedAt = clock.now();
    let uncertain = false;

    for (let tried = 1; ; tried += 1) {
      const turn = { begun: call.begun === true || tried > 1, ...(call.signal && { signal: call.signal }) };
      const tryResult = await gate.run(lane, turn, async () => {
        const received = await withinTime(timeoutMs, call.signal, send);
        const reply = replyIn(received);
        if (reply) return { reply };
        const failed = failedTry(received, { doing: call.doing, uploading }, clock.now());
        // The mailbox cools down before the turn ends: otherwise the next request slips in and counts against us.
        if (failed.failure.kind === 'transient' && failed.failure.throttled)
          gate.coolDown(lane, failed.failure.retryAfterMs ?? backOff(tried));
        return { failed };
      });
      if (tryResult.reply) {
        if (call.mailbox !== undefined) denials.admitted(call.mailbox);
        return tryResult.reply;
      }

      const failed = await deniedEverywhere(tryResult.failed, call);
      const final = finalError(failed, { repeatable, uncertain, retryNotFound: call.retryNotFound });
      if (final) throw final;
      uncertain ||= !hadNoEffect(failed);

      const asked = failed.failure.kind === 'transient' ? failed.failure.retryAfterMs : undefined;
      const waitMs = asked ?? backOff(tried);
      const isWaitTooLong = waitMs > longestWaitMs;
      const isSpent = tried >= tries || clock.now() - startedAt + waitMs > budgetMs;
      if (isWaitTooLong || isSpent || call.signal?.aborted) {
        const putOffMs = Math.ceil(waitMs * (1 + clock.random() / 4));
        throw lastError(failed, { isWaitTooLong, isSpent, putOffMs, uncertain });
      }
      await clock.sleep(waitMs, call.signal).catch(() => {
        const text = `${failed.text}; the time ran out before the next try`;
        throw new PutOffError(Math.max(waitMs, 1_000), text);
      });
    }
  }

  const backOff = (tried: number) =>
    Math.ceil(Math.min(pauseMs * 2 ** (tried - 1), longestPauseMs) * (0.5 + clock.random()));

  /** A denial that concerns the whole app, as a failure of the deployment; any other try as it is. */
  async function deniedEverywhere(failed: FailedTry, { mailbox, doing }: Call): Promise<FailedTry> {
    const { failure } = failed;
    if (failure.kind !== 'mailbox' || failure.reason !== 'accessDenied' || doing === askingForAccess)
      return failed;
    const everywhere = mailbox === undefined || (await denials.denied(mailbox));
    return everywhere ? { ...failed, failure: { kind: 'deployment' } } : failed;
  }

  /** Whether the mailbox lets the app in; undefined when it does not say. */
  async function admits(mailbox: string): Promise<boolean | undefined> {
    try {
      await request('GET', foldersPath(mailbox), { doing: askingForAccess, mailbox, query: { $top: '1' } });
      return true;
    } catch (error) {
      const isDenial = error instanceof RefusedError && error.failure.kind === 'mailbox';
      return isDenial ? false : undefined;
    }
  }

  /** Sends with a token, and once more with a new one if the first is refused. */
  async function authorised(request: Omit<Outgoing, 'signal'>, signal: AbortSignal): Promise<Received> {
    const first = await token.current();
    const received = await transport.send({ ...request, signal }, first);
    if (!received.answered || received.answer.status !== 401) return received;
    token.refused(first, received.headers.get('WWW-Authenticate'));
    return transport.send({ ...request, signal }, await token.current());
  }

  async function request(method: Method, path: string, call: Call): Promise<Reply> {
    const query = Object.entries(call.query ?? {}).map(
      ([name, value]) => `${name}=${encodeURIComponent(value)}`,
    );
    const whole = query.length === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${query.join('&')}`;
    const outgoing = {
      method,
      path: whole,
      headers: { ...(call.mailbox !== undefined && { Prefer: 'IdType="ImmutableId"' }), ...call.headers },
      ...(call.body !== undefined && { body: call.body }),
    };
    // Before the mailbox's turn: a sign-in can take seconds and would hold one of the mailbox's four places.
    await token.current();
    const repeatable = method !== 'POST' || call.repeatable === true;
    return attempt(call, (signal) => authorised(outgoing, signal), { repeatable });
  }

  async function* pages(path: string, call: Call): AsyncGenerator<unknown[]> {
    let reply = await request('GET', path, call);
    const further = { ...call, query: {}, begun: true };
    for (let before = ''; ;) {
      const { value, '@odata.nextLink': next } = (reply.json ?? {}) as Record<string, unknown>;
      yield Array.isArray(value) ? (value as unknown[]) : [];
      if (typeof next !== 'string') return;
      if (next === before)
        throw new Error(`${call.doing}: a page of the collection names itself as the next`);
      before = next;
      // Following the link as it is could send the token to another origin: only its path and query are used.
      const link = new URL(next, 'https://link.invalid');
      reply = await request('GET', link.pathname.replace(/^\/v1\.0(?=\/)/, '') + link.search, further);
    }
  }

  return {
    enter: (mailbox) => mailboxes.enter(mailbox),
    signIn: async () => void (await token.current()),
    get: async (path, call) => request('GET', path, call),
    post: async (path, call) => request('POST', path, call),
    patch: async (path, call) => request('PATCH', path, call),
    delete: async (path, call) => request('DELETE', path, call),

    async list(path, call) {
      const members: unknown[] = [];
      let count = 0;
      for await (const page of pages(path, call)) {
        if (++count > mostPages)
          throw new Error(`${call.doing}: the collection has more than ${mostPages} pages`);
        members.push(...page);
      }
      return members;
    },
    pages,

    upload: async (url, slice, contentRange, call) =>
      attempt(call, (signal) => transport.upload(url, slice, contentRange, signal), sessionCall),
    uploadState: async (url, call) =>
      attempt(call, (signal) => transport.uploadState(url, signal), sessionCall),
  };
}

function replyIn(received: Received): Reply | undefined {
  if (!received.answered) return undefined;
  const { status } = received.answer;
  return status >= 200 && status < 300 ? { status, json: received.json } : undefined;
}
