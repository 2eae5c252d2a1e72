import { randomUUID } from 'node:crypto';
import { request as proxyRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { parseRoute } from './http-route';
import { keyAllows } from './keys';
import type { Keys } from './keys';
import type { IndexedFunction } from './indexing';
import type { Invoke } from './invocations';
import type { HttpCookie, HttpReply, TypedData } from './rpc';

/** Serves HTTP triggers below the route prefix. */

export interface HttpTriggerOptions {
  functions: IndexedFunction[];
  routePrefix: string;
  keys: Keys | undefined;
  invoke: Invoke;
  /** Where the worker takes requests itself, when the app switched on `enableHttpStream`. */
  streamOrigin(): string | undefined;
}

const nullable = (entries: Iterable<[string, string]>) =>
  Object.fromEntries([...entries].map(([name, value]) => [name, { value }]));

const headersOf = (request: IncomingMessage) =>
  Object.entries(request.headers).map(([name, value]): [string, string] => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);

function setCookie(cookie: HttpCookie): string {
  const sameSite = { lax: 'Lax', strict: 'Strict', explicitNone: 'None' }[cookie.sameSite ?? ''];
  return [
    `${encodeURIComponent(cookie.name)}=${encodeURIComponent(cookie.value)}`,
    cookie.domain && `domain=${cookie.domain.value}`,
    cookie.path && `path=${cookie.path.value}`,
    cookie.expires && `expires=${new Date(cookie.expires.value.seconds * 1000).toUTCString()}`,
    cookie.maxAge && `max-age=${cookie.maxAge.value}`,
    cookie.secure?.value && 'secure',
    cookie.httpOnly?.value && 'httponly',
    sameSite && `samesite=${sameSite}`,
  ]
    .filter(Boolean)
    .join('; ');
}

function bodyOf(data: TypedData | null | undefined): Uint8Array | string {
  if (!data) return '';
  return data.bytes ?? data.string ?? data.json ?? String(data.int ?? data.double ?? '');
}

function answer(response: ServerResponse, reply: HttpReply | undefined) {
  // A handler that gives nothing back: the real host answers 204.
  if (!reply) return response.writeHead(204).end();
  response.statusCode = Number(reply.statusCode ?? 200);
  for (const [name, value] of Object.entries(reply.headers ?? {})) {
    if (name !== 'content-length' && name !== 'transfer-encoding') response.setHeader(name, value);
  }
  if (reply.cookies?.length) response.setHeader('set-cookie', reply.cookies.map(setCookie));
  return response.end(bodyOf(reply.body));
}

export function serveHttpTriggers(options: HttpTriggerOptions) {
  const routes = options.functions
    .flatMap((indexed) =>
      indexed.trigger.kind === 'http'
        ? [
            {
              indexed,
              trigger: indexed.trigger,
              route: parseRoute(`${options.routePrefix}/${indexed.trigger.route}`),
            },
          ]
        : [],
    )
    .sort((a, b) => b.route.weight - a.route.weight);

  async function buffered(
    indexed: IndexedFunction,
    params: Record<string, string>,
    request: IncomingMessage,
    url: URL,
  ) {
    const body = await buffer(request);
    const http = {
      url: url.href,
      method: request.method ?? 'GET',
      nullableHeaders: nullable(headersOf(request)),
      nullableQuery: nullable(url.searchParams),
      nullableParams: nullable(Object.entries(params)),
      ...(body.length > 0 && { body: { bytes: body } }),
    };
    const { returnValue } = await options.invoke(indexed, { http });
    return returnValue?.http as HttpReply | undefined;
  }

  /** The body never passes through the host's memory: the worker's own server reads and writes it. */
  async function streamed(
    origin: string,
    indexed: IndexedFunction,
    params: Record<string, string>,
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
  ) {
    const invocationId = randomUUID();
    const metadata: Record<string, TypedData> = {
      Headers: { json: JSON.stringify(Object.fromEntries(headersOf(request))) },
      ...Object.fromEntries(Object.entries(params).map(([name, value]) => [name, { string: value }])),
    };
    const upstream = proxyRequest(new URL(url.pathname + url.search, origin), {
      method: request.method,
      headers: {
        ...request.headers,
        'x-ms-invocation-id': invocationId,
        'x-forwarded-host': url.host,
        'x-forwarded-proto': 'http',
      },
    });
    const piped = new Promise<void>((resolve, reject) => {
      upstream.on('error', reject);
      upstream.on('response', (reply) => {
        response.writeHead(reply.statusCode ?? 500, reply.headers);
        reply.pipe(response).on('close', resolve);
      });
    });
    piped.catch(() => {});
    request.pipe(upstream);
    try {
      await options.invoke(
        indexed,
        { http: { url: url.href, method: request.method ?? 'GET' } as HttpReply },
        metadata,
        invocationId,
      );
    } catch (error) {
      upstream.destroy();
      throw error;
    }
    await piped;
  }

  return async function serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const path = decodeURIComponent(url.pathname);
    const matches = routes.flatMap((entry) => {
      const params = entry.route.match(path);
      return params ? [{ ...entry, params }] : [];
    });
    const found = matches.find(({ trigger }) => trigger.methods.includes(request.method ?? ''));
    if (!found || found.indexed.disabled) return void response.writeHead(404).end();
    const { indexed, trigger, params } = found;
    if (!keyAllows(options.keys, trigger.authLevel, request, url)) return void response.writeHead(401).end();
    const origin = options.streamOrigin();
    try {
      if (origin) await streamed(origin, indexed, params, request, response, url);
      else answer(response, await buffered(indexed, params, request, url));
    } catch {
      // Logged with the invocation; the caller learns nothing of its inside.
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    }
  };
}
