import type { TokenCredential } from '@azure/identity';
import { DeploymentError, PutOffError } from '../errors';
import { createAccessDenials } from './access-denials';
import { classify, classifyUpload, hadNoEffect, isDoubted, wasNeverSent } from './failure';
import { RefusedError, UncertainError, type Doubt, type Failure } from './failure';
import { createMailboxGate } from './mailbox-gate';
import type { Clock } from './mailbox-gate';
import { createToken } from './token';
import type { Method, Outgoing, Received, Transport } from './transport.client';

export interface Call {
  /** What is being done, for error texts: words of ours alone. */
  doing: string;
  /** User id of the mailbox that the request counts against; absent for the directory. */
  mailbox?: string;
  /** A further request of work under way: it goes before work not yet begun. */
  begun?: boolean;
  /** Raw values; they are encoded here. */
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** An object, or a Buffer of JSON. */
  body?: Buffer | object;
  signal?: AbortSignal;
  /** A POST that may be sent again although an earlier one may have taken effect. */
  repeatable?: boolean;
  doubtNotFound?: Doubt;
}

export interface Reply {
  status: number;
  /** The parsed body; undefined when there is none. */
  json: unknown;
}

/**
 * Requests to Microsoft Graph with their one owner of retries. All verbs throw
 * `RefusedError` (what Graph refused, or kept failing), `PutOffError` (throttled for longer than is waited for
 * here: nothing has happened), `DeploymentError`, and for what must not be repeated `UncertainError`.
 */
export interface Graph {
  /** Gets a token, or finds the one at hand still good. */
  signIn(): Promise<void>;
  /** `path` is below `/v1.0`; what it is made of must be encoded. */
  get(path: string, call: Call): Promise<Reply>;
  post(path: string, call: Call): Promise<Reply>;
  patch(path: string, call: Call): Promise<Reply>;
  delete(path: string, call: Call): Promise<Reply>;
  /** All members of a collection, page by page. */
  list(path: string, call: Call): Promise<unknown[]>;
  /** One slice of an upload session; a session that has ended is a `RefusedError` of kind `sessionGone`. */
  upload(url: string, slice: Buffer, contentRange: string, call: Call): Promise<Reply>;
  /** What an upload session still expects. */
  uploadState(url: string, call: Call): Promise<Reply>;
}

export interface GraphOptions {
  /** Sends the requests; its origin decides where they go. */
  transport: Transport;
  /** The resource that tokens are asked for, such as `https://graph.microsoft.com`. */
  audience: string;
  credential: TokenCredential;
  /** For one request, from its turn to the end of the answer. */
  timeoutMs: number;
  clock: Clock;
  /** Tries of one call, and how long they may take together. */
  tries?: number;
  budgetMs?: number;
  /** First pause between two tries; each next one is twice as long. */
  pauseMs?: number;
  /** A `Retry-After` up to this is waited out here. */
  longestWaitMs?: number;
  mailboxInFlight?: number;
  mailboxWaiters?: number;
  deniedMailboxes?: number;
}

const directoryLane = 'directory';
const longestPauseMs = 8_000;
const mostPages = 1_000;

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
    waiters: options.mailboxWaiters ?? 8,
  });
  const directory = createMailboxGate({ clock, longestWaitMs, inFlight: 16, waiters: 1_000 });
  const denials = createAccessDenials({ now: clock.now, limit: options.deniedMailboxes ?? 5 });

  type Send = (signal: AbortSignal) => Promise<Received>;

  /** One call: tries until it is answered, refused, or not worth waiting for. */
  async function attempt(call: Call, mayRepeat: boolean, send: Send, uploading = false): Promise<Reply> {
    const gate = call.mailbox === undefined ? directory : mailboxes;
    const lane = call.mailbox ?? directoryLane;
    const startedAt = clock.now();
    let afterUnknown = false;

    for (let tried = 1; ; tried += 1) {
      const begun = call.begun === true || tried > 1;
      const turn = { begun, ...(call.signal && { signal: call.signal }) };
      const outcome = await gate.run(lane, turn, async () => {
        const limit = AbortSignal.timeout(timeoutMs);
        const received = await send(call.signal ? AbortSignal.any([call.signal, limit]) : limit);
        const outcome = judged(received, uploading, clock.now());
        // Told before the turn ends, so that no other request slips in behind a refused one.
        if (!('reply' in outcome) && outcome.failure.kind === 'transient' && outcome.failure.throttled) {
          gate.coolDown(lane, outcome.failure.retryAfterMs ?? backOff(tried));
        }
        return outcome;
      });
      if ('reply' in outcome) {
        if (call.mailbox !== undefined) denials.admitted();
        return outcome.reply;
      }

      const { failure, received } = outcome;
      const text = described(call, received);
      refuseDeployment(failure, call, text);
      const unknown = received.answered ? !hadNoEffect(received.answer) : !wasNeverSent(received.code);
      const codes = codesOf(received);
      if (failure.kind !== 'transient' && !isDoubted(failure, codes, call.doubtNotFound))
        throw refusal(failure, received, afterUnknown, text);
      const asked = failure.kind === 'transient' ? failure.retryAfterMs : undefined;
      afterUnknown ||= unknown;
      if (unknown && !mayRepeat) throw new UncertainError(`${text}; it may have taken effect`, {}, asked);

      const waitMs = asked ?? backOff(tried);
      const spent = tried >= tries || clock.now() - startedAt + waitMs > budgetMs;
      if (waitMs > longestWaitMs || (spent && isOutage(failure, received))) {
        throw new PutOffError(Math.ceil(waitMs * (1 + clock.random() / 4)), `${text}; put off`);
      }
      if (spent || call.signal?.aborted) throw refusal(failure, received, afterUnknown, text);
      await pause(waitMs, text, call.signal);
    }
  }

  const backOff = (tried: number) =>
    Math.ceil(Math.min(pauseMs * 2 ** (tried - 1), longestPauseMs) * (0.5 + clock.random()));

  async function pause(waitMs: number, text: string, signal?: AbortSignal): Promise<void> {
    await clock.sleep(waitMs, signal).catch(() => {
      throw new PutOffError(Math.max(waitMs, 1_000), `${text}; the time ran out before the next try`);
    });
  }

  function refuseDeployment(failure: Failure, call: Call, text: string): void {
    const denied = failure.kind === 'mailbox' && failure.reason === 'accessDenied';
    const everywhere = denied && (call.mailbox === undefined || denials.denied(call.mailbox));
    if (everywhere || failure.kind === 'deployment' || failure.kind === 'unauthorized') {
      throw new DeploymentError(`${text}; refused for the whole app`);
    }
  }

  /** Sends with a token; the one that is refused is replaced once. */
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
    await token.current(); // Outside the mailbox's turn: signing in can take seconds.
    return attempt(call, method !== 'POST' || call.repeatable === true, (signal) =>
      authorised(outgoing, signal),
    );
  }

  return {
    signIn: async () => void (await token.current()),
    get: async (path, call) => request('GET', path, call),
    post: async (path, call) => request('POST', path, call),
    patch: async (path, call) => request('PATCH', path, call),
    delete: async (path, call) => request('DELETE', path, call),

    async list(path, call) {
      const members: unknown[] = [];
      let reply = await request('GET', path, call);
      const further = { ...call, query: {}, begun: true };
      for (let page = 1; page <= mostPages; page += 1) {
        const { value, '@odata.nextLink': next } = (reply.json ?? {}) as Record<string, unknown>;
        if (Array.isArray(value)) members.push(...(value as unknown[]));
        if (typeof next !== 'string') return members;
        // Only the path is taken from the link: the token goes to the configured origin and nowhere else.
        const link = new URL(next, 'https://link.invalid');
        reply = await request('GET', link.pathname.replace(/^\/v1\.0(?=\/)/, '') + link.search, further);
      }
      throw new Error(`${call.doing}: the collection has more than ${mostPages} pages`);
    },

    upload: async (url, slice, contentRange, call) =>
      attempt(call, true, (signal) => transport.upload(url, slice, contentRange, signal), true),
    uploadState: async (url, call) =>
      attempt(call, true, (signal) => transport.uploadState(url, signal), true),
  };
}

type Outcome = { reply: Reply } | { failure: Failure; received: Received };

function judged(received: Received, uploading: boolean, nowMs: number): Outcome {
  if (!received.answered) return { failure: { kind: 'transient' }, received };
  const { status } = received.answer;
  if (status >= 200 && status < 300) return { reply: { status, json: received.json } };
  return { failure: (uploading ? classifyUpload : classify)(received.answer, nowMs), received };
}

const codesOf = (received: Received) => (received.answered ? received.answer.codes : [received.code]);

function refusal(failure: Failure, received: Received, afterUnknown: boolean, text: string) {
  const status = received.answered ? received.answer.status : 0;
  return new RefusedError(failure, status, codesOf(received), afterUnknown, text);
}

/** Nothing is wrong with the item when the service throttles, is down, or cannot be reached: five tries must not burn it. */
function isOutage(failure: Failure, received: Received): boolean {
  if (!received.answered) return wasNeverSent(received.code);
  return received.answer.status === 503 || (failure.kind === 'transient' && failure.throttled === true);
}

/** Status, code and request id: enough to ask Microsoft's support, and nothing of the item, user or address. */
function described(call: Call, received: Received): string {
  if (!received.answered) return `${call.doing}: no answer (${received.code})`;
  const id = /^[\w-]{1,64}$/.test(received.requestId) ? `, request-id ${received.requestId}` : '';
  return `${call.doing}: ${received.answer.status} ${received.answer.codes[0] ?? 'without a code'}${id}`;
}
