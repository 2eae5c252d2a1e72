import { randomUUID } from 'node:crypto';
import { request as proxyRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { keyAllows, type Keys } from './keys';
import type { HttpCookie, HttpReply, Run, TypedData } from './rpc';

/** HTTP triggers: their routes below the prefix, their requests and answers. */

export interface HttpTrigger {
  kind: 'http';
  route: string;
  methods: string[];
  authLevel: 'anonymous' | 'function' | 'admin';
}

export interface HttpFunction {
  disabled: boolean;
  trigger: HttpTrigger;
  run: Run;
}

interface Route {
  /** The parameters, or undefined if the path does not match. */
  match(path: string): Record<string, string> | undefined;
  /** The route with the highest weight wins: a fixed segment weighs more than a parameter. */
  weight: number;
}

const constraints: Record<string, RegExp> = {
  int: /^-?\d+$/,
  long: /^-?\d+$/,
  bool: /^(?:true|false)$/i,
  guid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  alpha: /^[a-z]+$/i,
};

interface Segment {
  name: string;
  optional: boolean;
  rest: boolean;
  accepts(text: string): boolean;
}

function parseSegment(text: string): string | Segment {
  const inner = /^\{(\*{0,2})([^}:?=]+)((?::[^}?]+)?)(\??)\}$/.exec(text);
  if (!inner) return text.toLowerCase();
  const [, stars, name = '', rule = '', optional] = inner;
  const checks = rule.split(':').filter(Boolean);
  return {
    name,
    optional: optional === '?',
    rest: stars !== '',
    accepts: (value) => checks.every((check) => constraints[check]?.test(value) ?? true),
  };
}

/** Reads a route template: `items/{id:int}/{part?}/{*rest}`. */
function parseRoute(template: string): Route {
  const segments = template.split('/').filter(Boolean).map(parseSegment);
  return {
    weight: segments.reduce(
      (sum, segment) => sum * 3 + (typeof segment === 'string' ? 2 : segment.rest ? 0 : 1),
      1,
    ),
    match(path) {
      const parts = path.split('/').filter(Boolean);
      const found: Record<string, string> = {};
      let index = 0;
      for (const segment of segments) {
        const part = parts[index];
        if (typeof segment === 'string') {
          if (part?.toLowerCase() !== segment) return undefined;
        } else if (segment.rest) {
          found[segment.name] = parts.slice(index).join('/');
          return found;
        } else if (part === undefined) {
          if (!segment.optional) return undefined;
        } else {
          if (!segment.accepts(part)) return undefined;
          found[segment.name] = part;
        }
        index++;
      }
      return index >= parts.length ? found : undefined;
    },
  };
}

export interface HttpTriggerOptions {
  functions: HttpFunction[];
  routePrefix: string;
  keys: Keys | undefined;
  /** The address of the worker's own server, if the app has switched on `enableHttpStream`. */
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
  // The real host answers 204 for a handler that returns nothing.
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
    .map((found) => ({ found, route: parseRoute(`${options.routePrefix}/${found.trigger.route}`) }))
    .sort((a, b) => b.route.weight - a.route.weight);

  async function buffered(
    { run }: HttpFunction,
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
    const { returnValue } = await run({ http });
    return returnValue?.http as HttpReply | undefined;
  }

  /** The worker's own server reads and writes the bodies, so they never fill the host's memory. */
  async function streamed(
    origin: string,
    { run }: HttpFunction,
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
      await run(
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
    const match = matches.find(({ found }) => found.trigger.methods.includes(request.method ?? ''));
    if (!match || match.found.disabled) return void response.writeHead(404).end();
    const { found, params } = match;
    if (!keyAllows(options.keys, found.trigger.authLevel, request, url))
      return void response.writeHead(401).end();
    const origin = options.streamOrigin();
    try {
      if (origin) await streamed(origin, found, params, request, response, url);
      else answer(response, await buffered(found, params, request, url));
    } catch {
      // The invocation has logged it. The caller must not learn the details.
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    }
  };
}
