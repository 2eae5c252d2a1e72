import { setTimeout as sleep } from 'node:timers/promises';
import { Client, GraphClientError, ResponseType } from '@microsoft/microsoft-graph-client';
import type { Context, Middleware } from '@microsoft/microsoft-graph-client';
import { isLoopback } from '../setting-kinds';
import type { Answer } from './failure';
import type { Clock } from './mailbox-gate';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** One request to Graph, ready to send. */
export interface Outgoing {
  method: Method;
  /** Below `/v1.0`, query included, everything in it encoded. */
  path: string;
  headers: Record<string, string>;
  /** JSON. */
  body?: Buffer | object;
  signal: AbortSignal;
}

/** What came back, or that nothing did. */
export type Received =
  | { answered: true; headers: Headers; json: unknown; answer: Answer; requestId: string }
  /** No (whole) answer. `code`: of the connection's error. */
  | { answered: false; code: string };

/** Sends one request once: no retries, no redirects, no waiting for a turn. Never throws for what the network does. */
export interface Transport {
  send(request: Outgoing, token: string): Promise<Received>;
  /** One slice to the address of an upload session, without a token (it answers 401 to one). */
  upload(url: string, slice: Buffer, contentRange: string, signal: AbortSignal): Promise<Received>;
  /** Which slices an upload session still wants. */
  uploadState(url: string, signal: AbortSignal): Promise<Received>;
}

/** Real time and chance. */
export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: async (delayMs, signal) => sleep(delayMs, undefined, { ...(signal && { signal }) }),
};

/**
 * The SDK with two handlers of ours instead of its default chain: that one repeats POSTs on 503 and 504, and drops
 * the token without a word for hosts that it does not know.
 */
export function createTransport(baseUrl: string): Transport {
  const origin = trusted(baseUrl).origin;
  const client = Client.initWithMiddleware({
    baseUrl: origin,
    defaultVersion: 'v1.0',
    middleware: [authorization(origin), connection],
  });

  return {
    async send({ method, path, headers, body, signal }, token) {
      // A redirect is handed back as an answer instead of followed: it must never carry the token elsewhere.
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
      return receive(() =>
        fetch(target, { method: 'PUT', headers, body: slice, redirect: 'manual', signal }),
      );
    },

    async uploadState(url, signal) {
      const target = trusted(url);
      return receive(() => fetch(target, { redirect: 'manual', signal }));
    },
  };
}

/** Adds the token, to requests for the configured origin alone. */
function authorization(origin: string): Middleware {
  let next: Middleware | undefined;
  return {
    setNext: (middleware) => (next = middleware),
    async execute(context: Context) {
      const options = context.options as (RequestInit & { token?: string }) | undefined;
      if (new URL(String(context.request)).origin !== origin || !options?.token) {
        throw new GraphClientError('A request to Microsoft Graph was about to leave for another origin.');
      }
      const { token, ...rest } = options;
      const headers = new Headers(rest.headers);
      headers.set('Authorization', `Bearer ${token}`);
      context.options = { ...rest, headers };
      await next?.execute(context);
    },
  };
}

/** The SDK drops the cause of a failed connection, except from errors of its own class. */
const connection: Middleware = {
  async execute(context: Context) {
    try {
      context.response = await fetch(context.request, context.options as RequestInit);
    } catch (cause) {
      throw Object.assign(new GraphClientError('The connection failed.'), { cause });
    }
  },
};

/** https, or plain http to a loopback address. */
function trusted(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))) return url;
  throw new Error('Microsoft Graph is spoken to by https alone (plain http only on loopback addresses).');
}

async function receive(send: () => Promise<Response>): Promise<Received> {
  try {
    const response = await send();
    const text = await response.text();
    const json = parsed(text);
    // An answer cut short in the middle is no answer: what was created would have no id.
    if (response.ok && text !== '' && json === undefined)
      return { answered: false, code: 'UnreadableAnswer' };
    return {
      answered: true,
      headers: response.headers,
      json,
      answer: answerOf(response, json),
      requestId: response.headers.get('request-id') ?? '',
    };
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
    // The code goes into error texts: anything that does not look like one stays out of them.
    if (typeof at.code === 'string' && /^[\w.]{1,80}$/.test(at.code)) codes.push(at.code);
  }
  const message = typeof error?.message === 'string' ? error.message : '';
  return { status: response.status, codes, message, retryAfter: response.headers.get('Retry-After') };
}

/** The code of the innermost cause that has one; the SDK and fetch wrap it in errors whose texts say nothing. */
function connectionCode(error: unknown): string {
  let code = '';
  let at = error as { name?: string; code?: unknown; cause?: unknown } | undefined;
  for (let depth = 0; at && depth < 8; depth += 1, at = at.cause as typeof at) {
    if (typeof at.code === 'string' && /^[\w.]{1,80}$/.test(at.code)) code = at.code;
    else if (code === '' && at.name && /^(Timeout|Abort)Error$/.test(at.name)) code = at.name;
  }
  return code || 'ConnectionError';
}
