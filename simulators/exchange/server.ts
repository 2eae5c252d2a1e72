import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyToken } from '../identity/token';
import type { TenantUser } from '../samples/organisation';
import { sessionOf } from './attachments';
import type { Answer, Call, Tenant } from './call';
import { control, statsOf, type Stats } from './control';
import { mailboxOf } from './directory';
import { GraphError, unauthorized } from './errors';
import { createFaultEffects, createFaults, type FaultPlan } from './fault-plan';
import { openJournal } from './journal';
import { limits as limitsSchema, type Limits } from './limits';
import { openMailboxes } from './mailboxes';
import { parseQuery } from './query';
import { readBody } from './request-body';
import { findRoute, type Route } from './routes';
import { createThrottling } from './throttling';

export interface ExchangeOptions {
  /** 0 takes a free port. */
  port?: number;
  /** Folder for the mailboxes; without it they are kept in memory. */
  dataDir?: string;
  users: TenantUser[];
  /** The audience that a token must name. */
  audience?: string;
  faults?: FaultPlan;
  limits?: Partial<Limits>;
  /** How long every answer takes. Without latency, no two requests would be in flight together. */
  latencyMs?: { min: number; max: number };
  /** Replaces the latency: a request is answered after this. */
  work?: () => Promise<unknown>;
  now?: () => number;
}

export interface Exchange {
  /** `http://127.0.0.1:port`. */
  origin: string;
  stats(): Stats;
  setFaults(plan: FaultPlan): void;
  close(): Promise<void>;
}

/** Starts a simulated Microsoft Graph with the users and mailboxes of one tenant. */
export async function startExchange(options: ExchangeOptions): Promise<Exchange> {
  const {
    audience = 'https://graph.microsoft.com',
    latencyMs = { min: 0, max: 3 },
    now = Date.now,
  } = options;
  const limits = limitsSchema.parse(options.limits ?? {});
  const faults = createFaults(options.faults);
  const journal = openJournal(options.dataDir);
  const tenant: Tenant = {
    users: options.users,
    mailboxes: openMailboxes(options.users, journal),
    journal,
    limits,
    faults,
    uploads: new Map(),
    writing: new Set(),
    now,
    work: options.work ?? (() => sleep(latencyMs.min + Math.random() * (latencyMs.max - latencyMs.min))),
  };
  const throttling = createThrottling(limits, now);
  const effects = createFaultEffects({ throttling, uploads: tenant.uploads, now });
  const requests: Record<string, number> = {};
  const answers: Record<string, number> = {};
  const stats = () => statsOf(tenant, throttling, { requests, answers });
  let origin = '';

  const server = createServer((request, response) => {
    respond(request, response).catch(() => request.socket.destroy());
  });
  // With a short keep-alive, the server's own resets would add to the ones of the fault plan.
  server.keepAliveTimeout = 60_000;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = request.headers['client-request-id'];
    const id = randomUUID();
    const ids = { 'request-id': id, 'client-request-id': typeof given === 'string' ? given : id };
    let answer: Answer | 'reset';
    try {
      answer = await answerTo(request);
    } catch (error) {
      answer = refusal(error, ids, now());
    }
    if (!isControl(request)) count(answers, answer === 'reset' ? answer : String(answer.status));
    if (answer === 'reset') request.socket.resetAndDestroy();
    else send(response, answer, ids, prefersImmutableIds(request));
  }

  async function answerTo(request: IncomingMessage): Promise<Answer | 'reset'> {
    const method = request.method ?? '';
    const [path, rawQuery] = splitUrl(request.url ?? '');
    if (isControl(request)) {
      return control(method, path, await readBody(request, limits.bodyBytes), tenant, stats);
    }
    // An upload URL is its own credential.
    if (!path.startsWith('/attachment-sessions/')) checkToken(request, audience, now());
    const route = findRoute(method, path, !faults.plan().noUploadSessions);
    count(requests, route.name);
    const call: Call = {
      params: route.params,
      query: parseQuery(rawQuery),
      headers: request.headers,
      body: Buffer.alloc(0),
      origin,
      url: `${origin}${request.url}`,
      immutableIds: prefersImmutableIds(request),
      now: new Date(now()).toISOString(),
    };
    const mailbox = mailboxIdOf(tenant, route, call);
    if (mailbox === undefined) return perform(request, route, call, mailbox);
    try {
      throttling.enter(mailbox);
      return await perform(request, route, call, mailbox);
    } finally {
      // Not when the connection closes: a client that has its answer may already send the next request.
      throttling.leave(mailbox);
    }
  }

  async function perform(
    request: IncomingMessage,
    { handler, params }: Route,
    call: Call,
    mailbox: string | undefined,
  ): Promise<Answer | 'reset'> {
    call.body = await readBody(request, limits.bodyBytes);
    if (mailbox !== undefined) throttling.charge(mailbox, call.body.length);
    await tenant.work();
    const handle = async () => {
      const answer = await handler(tenant, call);
      await journal.flushed();
      return answer;
    };
    const fault = faults.draw(request.method ?? '', decodeURIComponent(splitUrl(request.url ?? '')[0]));
    return fault ? effects.apply({ fault, perform: handle, mailbox, session: params.session }) : handle();
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    stats,
    setFaults: (plan) => faults.replace(plan),
    async close() {
      effects.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await journal.close();
    },
  };
}

function checkToken(request: IncomingMessage, audience: string, now: number): void {
  const given = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given === undefined) throw unauthorized('Access token is empty.');
  if (!verifyToken(given, audience, now)) {
    throw unauthorized('Access token validation failure: audience, signature or lifetime.');
  }
}

/** The user whose mailbox the request counts against; undefined for the directory. */
function mailboxIdOf(tenant: Tenant, route: Route, call: Call): string | undefined {
  if (route.params.session !== undefined) return sessionOf(tenant, call).userId;
  return route.inMailbox ? mailboxOf(tenant, route.params.user!).user.id : undefined;
}

const prefersImmutableIds = (request: IncomingMessage) =>
  /(^|[,;\s])IdType="ImmutableId"/i.test(String(request.headers.prefer ?? ''));

/** The ids of a request, the service's and the client's. Every answer carries both. */
interface RequestIds {
  'request-id': string;
  'client-request-id': string;
}

/** The answer for anything thrown. Any error but a GraphError is a bug in the simulator, and is printed. */
function refusal(error: unknown, ids: RequestIds, now: number): Answer {
  if (!(error instanceof GraphError)) {
    const aborted = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    if (!aborted) process.stderr.write(`exchange simulator: ${(error as Error).stack}\n`);
    return refusal(
      new GraphError(500, 'ErrorInternalServerError', 'An internal server error occurred.'),
      ids,
      now,
    );
  }
  const { status, code, message, headers } = error;
  const innerError = { date: new Date(now).toISOString().slice(0, 19), ...ids };
  return { status, headers, json: { error: { code, message, innerError } } };
}

function send(response: ServerResponse, answer: Answer, ids: RequestIds, immutableIds: boolean): void {
  const body = answer.json === undefined ? answer.bytes : Buffer.from(JSON.stringify(answer.json));
  response.writeHead(answer.status, {
    ...ids,
    ...(answer.json !== undefined && {
      'content-type':
        'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
      'odata-version': '4.0',
    }),
    ...(immutableIds && answer.status < 300 && { 'preference-applied': 'IdType="ImmutableId"' }),
    ...(answer.status !== 204 && { 'content-length': body?.length ?? 0 }),
    ...answer.headers,
  });
  response.end(body);
}

const isControl = (request: IncomingMessage) => request.url?.startsWith('/_control/') ?? false;

function splitUrl(url: string): [path: string, query: string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
