import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { createAccount } from './account';
import { control, type Stats } from './control';
import { issueCursor, pageOf, readCursor } from './cursor';
import { createFaults, type Fault, type FaultOptions } from './page-faults';
import { cutPage, sendPage, type SourceLines } from './page';
import { acceptsGzip, acceptsLines, readQuery, type MessagesQuery } from './query';

/** The simulated TeleMessage site: the interface in docs/telemessage.md, strict where a client could be careless. */

export interface TeleMessageOptions {
  /** A free port by default. */
  port?: number | undefined;
  username: string;
  password: string;
  /**
   * The lines of a source, oldest first; undefined for an unknown source. The result may hold more lines than the
   * window: the site serves the ones that arrived in it.
   */
  sources: (source: string, window: { from: string; to: string }) => SourceLines | undefined;
  /** Sources that exist, but for which the account has no licence. */
  unlicensed?: string[] | undefined;
  faults?: FaultOptions | undefined;
  /** A page ends before the line that would exceed this size. */
  pageBytes?: number | undefined;
  cursorLifetimeMs?: number | undefined;
  /** The account locks after this many refused sign-ins in a row… */
  lockAfter?: number | undefined;
  /** …for this long. */
  lockMs?: number | undefined;
  /** ms since 1970. */
  now?: (() => number) | undefined;
}

export interface TeleMessage {
  origin: string;
  close(): Promise<void>;
}

const defaults = { pageBytes: 16 * 1024 * 1024, cursorLifetimeMs: 3_600_000, lockAfter: 5, lockMs: 60_000 };
const path = /^\/archive\/v1\/([^/]+)\/messages$/;
/** How many messages of the page before a page with the fault `repeated` begins with. */
const repeatedLines = 5;

function refuse(
  response: ServerResponse,
  status: number,
  description: string,
  headers: Record<string, string> = {},
) {
  const body = JSON.stringify({ resultCode: status * 10, resultDescription: description });
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(body);
}

function retryAfter({ retryAfterForm, retryAfterSeconds }: Fault, nowMs: number): Record<string, string> {
  if (retryAfterForm === 'none') return {};
  if (retryAfterForm === 'seconds') return { 'retry-after': String(retryAfterSeconds) };
  return { 'retry-after': new Date(nowMs + retryAfterSeconds * 1000).toUTCString() };
}

/** Answers with the fault; false if the fault is one that changes the body of the page. */
function answered(fault: Fault, request: IncomingMessage, response: ServerResponse, nowMs: number): boolean {
  switch (fault.kind) {
    case 'unavailable':
      refuse(response, 503, 'the archive is being maintained', retryAfter(fault, nowMs));
      return true;
    case 'throttled':
      refuse(response, 429, 'too many requests', retryAfter(fault, nowMs));
      return true;
    case 'serverError':
      refuse(response, 500, 'internal error');
      return true;
    case 'unauthorized':
      refuse(response, 401, 'bad credentials', { 'www-authenticate': 'Basic realm="archive"' });
      return true;
    case 'cursorExpired':
      refuse(response, 409, 'the cursor has expired');
      return true;
    case 'redirect':
      refuse(response, 302, 'moved', {
        location: (fault.location ?? 'https://archive.telemessage.example').replace(/\/$/, '') + request.url,
      });
      return true;
    default:
      return false;
  }
}

export async function startTeleMessage(options: TeleMessageOptions): Promise<TeleMessage> {
  const now = options.now ?? Date.now;
  const pageBytes = options.pageBytes ?? defaults.pageBytes;
  const lifetimeMs = options.cursorLifetimeMs ?? defaults.cursorLifetimeMs;
  const account = createAccount({
    username: options.username,
    password: options.password,
    lockAfter: options.lockAfter ?? defaults.lockAfter,
    lockMs: options.lockMs ?? defaults.lockMs,
    now,
  });
  let faultOptions = options.faults ?? {};
  let faults = createFaults(faultOptions);
  const stats: Stats = { requests: 0, pages: 0, lines: 0, bytes: 0, cutShort: 0, statuses: {}, faults: {} };

  async function serve(
    source: string,
    query: MessagesQuery,
    fault: Fault | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { fromMs, toMs, lastId } = query;
    const window = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
    const lines = options.sources(source, window);
    if (!lines) return refuse(response, 404, 'unknown source');
    const place = { source, fromMs, toMs };
    const position = lastId === undefined ? 0 : readCursor(lastId, place, { nowMs: now(), lifetimeMs });
    if (position === undefined) return refuse(response, 409, 'the cursor has expired');
    const repeated = fault?.kind === 'repeated' ? repeatedLines : 0;
    const page = await cutPage(lines, query, position, { pageBytes, repeated });
    const gzip = acceptsGzip(request.headers['accept-encoding']);
    response.writeHead(200, {
      'content-type': 'application/x-ndjson; charset=utf-8',
      'x-end-of-messages': String(page.isLast),
      'x-message-count': String(page.lines.length),
      ...(page.lines.length > 0
        ? { 'x-last-id': issueCursor({ ...place, position: page.next }, now()) }
        : {}),
      ...(gzip ? { 'content-encoding': 'gzip', vary: 'accept-encoding' } : {}),
    });
    const sent = await sendPage(response, page.lines, { gzip, fault });
    stats.bytes += sent.bytes;
    if (!sent.isWhole) stats.cutShort++;
    else {
      stats.pages++;
      stats.lines += page.lines.length;
    }
  }

  async function messages(source: string, url: URL, request: IncomingMessage, response: ServerResponse) {
    const lastId = url.searchParams.get('lastId');
    const page = [source, url.searchParams.get('from'), url.searchParams.get('to'), pageOf(lastId)].join(' ');
    const fault = faults.next({ source, page, hasCursor: lastId !== null });
    if (fault) stats.faults[fault.kind] = (stats.faults[fault.kind] ?? 0) + 1;
    if (fault?.kind === 'reset') return request.socket.resetAndDestroy();
    const signIn = account.signIn(request.headers.authorization);
    if (signIn === 'locked') return refuse(response, 403, 'the account is locked');
    if (signIn === 'refused') {
      return refuse(response, 401, 'bad credentials', { 'www-authenticate': 'Basic realm="archive"' });
    }
    if (request.method !== 'GET') return refuse(response, 405, 'only GET', { allow: 'GET' });
    if (options.unlicensed?.includes(source)) return refuse(response, 403, 'the source is not licensed');
    if (!acceptsLines(request.headers.accept))
      return refuse(response, 406, 'Accept: expected application/x-ndjson');
    const query = readQuery(url.searchParams);
    if ('problem' in query) return refuse(response, 400, query.problem);
    if (fault && answered(fault, request, response, now())) return;
    await serve(source, query, fault, request, response);
  }

  const serveControl = control({
    stats: () => stats,
    faults: () => faultOptions,
    setFaults(next) {
      faults = createFaults(next);
      faultOptions = next;
    },
    setPassword: (credentials) => account.change(credentials),
  });

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (url.pathname.startsWith('/_control/')) return void serveControl(url.pathname, request, response);
    stats.requests++;
    response.once('finish', () => {
      stats.statuses[response.statusCode] = (stats.statuses[response.statusCode] ?? 0) + 1;
    });
    const source = path.exec(url.pathname)?.[1];
    if (source === undefined) return refuse(response, 404, 'no such resource');
    messages(source, url, request, response).catch((error: unknown) => {
      console.error('The simulated TeleMessage site failed to answer.', error);
      response.destroy();
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
