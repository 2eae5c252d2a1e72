import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json as readJson } from 'node:stream/consumers';
import { startExchange } from '../../simulators/exchange/server';
import { startIdentity } from '../../simulators/identity/server';
import { verifyToken } from '../../simulators/identity/token';
import { provision } from '../../local/provision';
import type { TenantUser } from '../../simulators/samples/organisation';
import { startTeleMessage } from '../../simulators/telemessage/server';
import { user } from './graph-tenant';
import { startProxy } from './proxy';
import { openStore } from './store';

/** Everything that a deployed app talks to, each service behind a proxy that a test can make answer otherwise. */

const account = { username: 'reader', password: 'right' };
export const identityHeader = 'ops-test-header';

export const people = {
  pilot: user('pilot'),
  colleague: user('colleague'),
  keeper: user('keeper'),
  ceo: user('ceo', { inScope: false }),
  board: user('board', { inScope: false }),
  robot: user('robot', { mailbox: 'none' }),
} satisfies Record<string, TenantUser>;

/** Application Insights' endpoint as far as one trace goes. */
async function startInsights() {
  const state = { status: 200, lines: [] as string[] };
  const server = createServer((request, response) => {
    void (async () => {
      const [item] = (await readJson(request)) as { iKey: string; data: { baseData: { message: string } } }[];
      const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const signedIn = verifyToken(token, 'https://monitor.azure.com', Date.now()) !== undefined;
      const known = request.url === '/v2.1/track' && item?.iKey === 'insights-key';
      const status = !known ? 400 : signedIn ? state.status : 401;
      if (status === 200 && item) state.lines.push(item.data.baseData.message);
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ itemsReceived: 1, itemsAccepted: status === 200 ? 1 : 0, errors: [] }));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    state,
    connectionString: `InstrumentationKey=insights-key;IngestionEndpoint=${origin}/;LiveEndpoint=${origin}/`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function openDeployment() {
  const store = openStore();
  await provision(store.connectionString);
  const identity = await startIdentity({
    secrets: { 'telemessage-username': account.username, 'telemessage-password': account.password },
    header: identityHeader,
  });
  const unlicensed: string[] = [];
  const lines: Buffer[] = [];
  const site = await startTeleMessage({
    ...account,
    unlicensed,
    sources: () => lines.map((line) => ({ gatewayReceivedDate: '2026-11-20T08:00:05.000Z', line })),
  });
  const exchange = await startExchange({
    users: Object.values(people),
    latencyMs: { min: 0, max: 1 },
  });
  const insights = await startInsights();
  const blobService = new URL(store.blobUrl);
  const proxies = {
    identity: await startProxy(identity.origin),
    exchange: await startProxy(exchange.origin),
    blobs: await startProxy(blobService.origin),
  };
  const settings: Record<string, string> = {
    ArchiveStorage: store.connectionString.replace(blobService.origin, proxies.blobs.origin),
    TELEMESSAGE_BASE_URL: site.origin,
    GRAPH_BASE_URL: proxies.exchange.origin,
    KEY_VAULT_URL: identity.vaultUrl,
    APPLICATIONINSIGHTS_CONNECTION_STRING: insights.connectionString,
    IDENTITY_ENDPOINT: `${proxies.identity.origin}/msi/token`,
    IDENTITY_HEADER: identityHeader,
  };
  return {
    store,
    exchange,
    insights,
    proxies,
    settings,
    /** Sources that the account has no licence for; a test adds and removes. */
    unlicensed,
    /** What the site serves, of every source. */
    lines,
    control: (path: 'faults' | 'password', body: object) =>
      fetch(`${site.origin}/_control/${path}`, { method: 'POST', body: JSON.stringify(body) }),
    account,
    async reset() {
      for (const proxy of Object.values(proxies)) proxy.intercept({});
      exchange.setFaults({});
      insights.state.status = 200;
      unlicensed.length = 0;
      await fetch(`${site.origin}/_control/faults`, { method: 'DELETE' });
      await this.control('password', account);
      await provision(store.connectionString);
    },
    async close() {
      await Promise.all([
        ...Object.values(proxies).map((proxy) => proxy.close()),
        ...[identity, site, exchange, insights].map((part) => part.close()),
      ]);
    },
  };
}

/**
 * For a test file: one deployment, in whose name this process signs in. It has its fields once the tests run, not
 * before.
 */
export function useDeployment(): Deployment {
  const deployment = {} as Deployment;
  beforeAll(async () => {
    Object.assign(deployment, await openDeployment());
    for (const name of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'])
      process.env[name] = deployment.settings[name];
  });
  afterAll(() => deployment.close());
  return deployment;
}

export type Deployment = Awaited<ReturnType<typeof openDeployment>>;
