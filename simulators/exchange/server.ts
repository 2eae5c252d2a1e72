import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyToken } from '../identity/token';
import type { TenantUser } from '../samples/organisation';
import { prefersImmutableIds, refusal, send } from './answering';
import { mailboxOf, type Answer, type Call, type Tenant } from './call';
import { control, statsOf, type Stats } from './control';
import { unauthorized } from './errors';
import { createFaultEffects } from './fault-effects';
import { createFaults, type FaultPlan } from './fault-plan';
import { openJournal } from './journal';
import { limits as limitsSchema, type Limits } from './limits';
import { openMailboxes } from './mailboxes';
import { parseQuery } from './query';
import { readBody } from './request-body';
import { findRoute, type Route } from './routing';
import { createThrottling } from './throttling';
import { sessionOf } from './uploads';

export interface ExchangeOptions {
  /** 0 takes a free one. */
  port?: number;
  /** Where mailboxes are kept; in memory alone when absent. */
  dataDir?: string;
  users: TenantUser[];
  /** What tokens must be for. */
  audience?: string;
  faults?: FaultPlan;
  limits?: Partial<Limits>;
  /** Every answer takes between these two; without latency there would be no concurrency to limit. */
  latencyMs?: { min: number; max: number };
  now?: () => number;
}

export interface Exchange {
  /** `http://127.0.0.1:port`, without a trailing slash. */
  origin: string;
  stats(): Stats;
  setFaults(plan: FaultPlan): void;
  close(): Promise<void>;
}

/** Starts a simulated Microsoft Graph with the mailboxes of one tenant behind it. */
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
    pause: () => sleep(latencyMs.min + Math.random() * (latencyMs.max - latencyMs.min)),
  };
  const throttling = createThrottling(limits, now);
  const effects = createFaultEffects(tenant, throttling);
  const requests: Record<string, number> = {};
  const answers: Record<string, number> = {};
  const stats = () => statsOf(tenant, throttling, { requests, answers });
  let origin = '';

  const server = createServer((request, response) => {
    respond(request, response).catch(() => request.socket.destroy());
  });
  // A short keep-alive would add resets of its own to those of the fault plan.
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
    // An upload URL carries its own credential.
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
    if (mailbox === undefined) return work(request, route, call, mailbox);
    try {
      throttling.enter(mailbox);
      return await work(request, route, call, mailbox);
    } finally {
      // Not when the connection is done: a client that has its answer may send at once.
      throttling.leave(mailbox);
    }
  }

  async function work(
    request: IncomingMessage,
    { handler, params }: Route,
    call: Call,
    mailbox: string | undefined,
  ): Promise<Answer | 'reset'> {
    call.body = await readBody(request, limits.bodyBytes);
    if (mailbox !== undefined) throttling.charge(mailbox, call.body.length);
    await tenant.pause();
    const perform = async () => {
      const answer = await handler(tenant, call);
      await journal.flushed();
      return answer;
    };
    const fault = faults.draw(request.method ?? '', decodeURIComponent(splitUrl(request.url ?? '')[0]));
    return fault ? effects.suffer({ fault, perform, mailbox, session: params.session }) : perform();
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

/** Whose mailbox a request counts against; none for the directory. */
function mailboxIdOf(tenant: Tenant, route: Route, call: Call): string | undefined {
  if (route.params.session !== undefined) return sessionOf(tenant, call).userId;
  return route.inMailbox ? mailboxOf(tenant, route.params.user!).user.id : undefined;
}

const isControl = (request: IncomingMessage) => request.url?.startsWith('/_control/') ?? false;

function splitUrl(url: string): [path: string, query: string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
