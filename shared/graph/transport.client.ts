import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, GraphClientError, ResponseType } from '@microsoft/microsoft-graph-client';
import type { Context, Middleware } from '@microsoft/microsoft-graph-client';
import { isLoopback } from '../config';
import type { Answer } from './failure';
import type { Clock } from './mailbox-gate';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** One request to Graph. */
export interface Outgoing {
  method: Method;
  /** Below `/v1.0`, with the query, all of it encoded. */
  path: string;
  headers: Record<string, string>;
  /** JSON. */
  body?: Buffer | object;
  signal: AbortSignal;
}

/** A complete answer, or the error code of a connection that brought none. */
export type Received =
  { answered: true; answer: Answer; headers: Headers; json: unknown } | { answered: false; code: string };

/** Sends each request once: no retries, no redirects, no waiting for a turn. Returns network failures, never throws. */
export interface Transport {
  send(request: Outgoing, token: string): Promise<Received>;
  /** Sends one slice to an upload session, without a token: with one, the session answers 401. */
  upload(url: string, slice: Buffer, contentRange: string, signal: AbortSignal): Promise<Received>;
  /** Asks an upload session which bytes it still expects. */
  uploadState(url: string, signal: AbortSignal): Promise<Received>;
}

/** The machine's time, timers and random numbers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: async (delayMs, signal) => sleep(delayMs, undefined, { ...(signal && { signal }) }),
};

/**
 * Microsoft's Graph client with one handler of ours in place of its default chain, which repeats POSTs on 503 and 504
 * (a second copy of the item) and silently leaves out the token for hosts that it does not know.
 *
 * @throws Error unless `baseUrl` is https, or http on a loopback address
 */
export function createTransport(baseUrl: string): Transport {
  const origin = trusted(baseUrl).origin;
  const client = Client.initWithMiddleware({
    baseUrl: origin,
    defaultVersion: 'v1.0',
    middleware: [signedFetch(origin)],
  });

  return {
    async send({ method, path, headers, body, signal }, token) {
      // A redirect that is followed could carry the token to another origin: it comes back as an answer instead.
      const request = client
        .api(path)
        .headers(headers)
        .options({ signal, redirect: 'manual', token })
        .responseType(ResponseType.RAW);
      return receive(async () => {
        if (method === 'GET') return (await request.get()) as Response;
        if (method === 'DELETE') return (await request.delete()) as Response;
        return (await (method === 'POST' ? request.post(body) : request.patch(body))) as Response;
      });
    },

    async upload(url, slice, contentRange, signal) {
      const headers = { 'Content-Type': 'application/octet-stream', 'Content-Range': contentRange };
      const target = trusted(url);
      return receive(() => put(target, slice, headers, signal));
    },

    async uploadState(url, signal) {
      const target = trusted(url);
      return receive(() => fetch(target, { redirect: 'manual', signal }));
    },
  };
}

/** Keeps connections open between the slices of a file. */
const agents = { 'https:': new HttpsAgent({ keepAlive: true }), 'http:': new HttpAgent({ keepAlive: true }) };

/** A PUT that sends the bytes where they are: `fetch` copies a body, and a file has many slices. */
function put(
  target: URL,
  body: Buffer,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Response> {
  const { protocol } = target;
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const agent = protocol === 'https:' ? agents['https:'] : agents['http:'];
  return new Promise((resolve, reject) => {
    const options = { method: 'PUT', headers: { ...headers, 'Content-Length': body.length }, signal, agent };
    const request = send(target, options, (answer) => {
      const status = answer.statusCode ?? 0;
      textOf(answer).then((content) => {
        const pairs = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
          values.map((value): [string, string] => [name, value]),
        );
        const hasBody = content !== '' && status !== 204 && status !== 304;
        resolve(new Response(hasBody ? content : null, { status, headers: pairs }));
      }, reject);
    });
    request.on('error', reject).end(body);
  });
}

/** Sends a request with its token, to the configured origin only. */
const signedFetch = (origin: string): Middleware => ({
  async execute(context: Context) {
    const { token, ...options } = context.options as RequestInit & { token?: string };
    if (new URL(String(context.request)).origin !== origin || !token)
      throw new GraphClientError('A request to Microsoft Graph was about to leave for another origin.');
    const headers = new Headers(options.headers);
    headers.set('Authorization', `Bearer ${token}`);
    try {
      context.response = await fetch(context.request, { ...options, headers });
    } catch (cause) {
      // The SDK drops the cause of an error that is not of its own class, and with it the connection's error code.
      throw Object.assign(new GraphClientError('The connection failed.'), { cause });
    }
  },
});

/** The URL, if it is https or plain http to a loopback address. */
function trusted(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))) return url;
  throw new Error('Microsoft Graph must be reached by https (plain http only on a loopback address).');
}

async function receive(send: () => Promise<Response>): Promise<Received> {
  try {
    const response = await send();
    const text = await response.text();
    const json = parsed(text);
    // Half an answer does not count: the id of what was created would be missing.
    if (response.ok && text !== '' && json === undefined)
      return { answered: false, code: 'UnreadableAnswer' };
    return { answered: true, answer: answerOf(response, json), headers: response.headers, json };
  } catch (error) {
    return { answered: false, code: connectionCode(error) };
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

interface ErrorBody {
  code?: unknown;
  message?: unknown;
  innerError?: ErrorBody;
  innererror?: ErrorBody;
}

function answerOf(response: Response, json: unknown): Answer {
  const error = (json as { error?: ErrorBody } | undefined)?.error;
  const codes: string[] = [];
  for (let at = error, depth = 0; at && depth < 5; at = at.innerError ?? at.innererror, depth += 1) {
    // The code appears in error texts, so anything else that a service might put here is left out.
    if (typeof at.code === 'string' && /^[\w.]{1,80}$/.test(at.code)) codes.push(at.code);
  }
  const message = typeof error?.message === 'string' ? error.message : '';
  return {
    status: response.status,
    codes,
    message,
    retryAfter: response.headers.get('Retry-After'),
    requestId: response.headers.get('request-id') ?? '',
  };
}

/** The code of the innermost cause that has one: the SDK and fetch wrap it in errors that do not show it. */
function connectionCode(error: unknown): string {
  let code = '';
  let at = error as { name?: string; code?: unknown; cause?: unknown } | undefined;
  for (let depth = 0; at && depth < 8; depth += 1, at = at.cause as typeof at) {
    if (typeof at.code === 'string' && /^[\w.]{1,80}$/.test(at.code)) code = at.code;
    else if (code === '' && at.name && /^(Timeout|Abort)Error$/.test(at.name)) code = at.name;
  }
  return code || 'ConnectionError';
}
