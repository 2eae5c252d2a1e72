import { startExchange, type Exchange } from '../../simulators/exchange/server';
import { startIdentity, type Identity } from '../../simulators/identity/server';
import { sampleLines } from '../../simulators/samples/day';
import { organisation } from '../../simulators/samples/organisation';
import { readMailboxes } from '../../verification/soak/mailboxes';
import { startTeleMessage, type TeleMessage } from '../../simulators/telemessage/server';
import { connectorIds, connectors } from '../../shared/connectors';
import {
  asMessages,
  asOptions,
  countersOf,
  evening,
  expectedCounters,
  expectedMessages,
  resultOf,
  start,
  useStacks,
} from '../support/stack-process';

/** The local stack with other servers and settings than its own. */

useStacks();

const header = 'a-header-of-their-own';

interface Servers {
  identity: Identity;
  site: TeleMessage;
  exchange: Exchange;
}
let servers: Servers;

async function requestsOf(origin: string): Promise<number> {
  const stats = (await (await fetch(`${origin}/_control/stats`)).json()) as { requests: number };
  return stats.requests;
}

beforeAll(async () => {
  const secrets = { 'telemessage-username': 'their user', 'telemessage-password': 'pass:with:colons ü' };
  servers = {
    identity: await startIdentity({ header, secrets }),
    site: await startTeleMessage({
      username: secrets['telemessage-username'],
      password: secrets['telemessage-password'],
      sources(source, window) {
        const id = connectorIds.find((one) => connectors[one].source === source);
        return id && sampleLines(id, window);
      },
    }),
    exchange: await startExchange({ users: organisation }),
  };
});
afterAll(() =>
  Promise.all(Object.values(servers).map((server: { close(): Promise<void> }) => server.close())),
);

const itsParts = (text: string) =>
  [...text.matchAll(/^(\w+): process \d+/gm)].map(([, name]) => name).toSorted();

test('the stack uses the servers that the environment names, and starts no simulators', async () => {
  const { identity, site, exchange } = servers;
  const run = start(['--once', ...asOptions(evening), '--verbose', '--json'], {
    TELEMESSAGE_BASE_URL: site.origin,
    GRAPH_BASE_URL: exchange.origin,
    KEY_VAULT_URL: identity.vaultUrl,
    IDENTITY_ENDPOINT: identity.identityEndpoint,
    IDENTITY_HEADER: header,
  });
  expect(countersOf(await resultOf(run))).toEqual(expectedCounters(evening));
  expect(itsParts(run.stderr())).toEqual(['functions']);
  const filed = await readMailboxes(exchange.origin, organisation);
  expect(asMessages(filed)).toEqual(expectedMessages(evening));
  expect(await requestsOf(site.origin)).toBeGreaterThan(0);
});

test('the local vault takes the secrets of a site that the environment names', async () => {
  const site = await startTeleMessage({
    username: 'someone',
    password: 'something',
    sources: (source) => (connectorIds.some((id) => connectors[id].source === source) ? [] : undefined),
  });
  try {
    const run = start(['--once', ...asOptions(evening), '--verbose', '--json'], {
      TELEMESSAGE_BASE_URL: site.origin,
      GRAPH_BASE_URL: servers.exchange.origin,
      TELEMESSAGE_USERNAME: 'someone',
      TELEMESSAGE_PASSWORD: 'something',
      // Useless without the endpoint that it belongs to.
      IDENTITY_HEADER: 'left over',
    });
    const { balanced, connectors: counted } = await resultOf(run);
    expect(balanced).toBe(true);
    expect(counted.map(({ items }) => items.available)).toEqual([0, 0]);
    expect(itsParts(run.stderr())).toEqual(['functions', 'identity']);
  } finally {
    await site.close();
  }
});

test('a window that cannot be fetched ends the run with an error instead of endless waiting', async () => {
  const run = start(['--once', ...asOptions(evening), '--json'], {
    TELEMESSAGE_BASE_URL: servers.site.origin,
    GRAPH_BASE_URL: servers.exchange.origin,
    TELEMESSAGE_PASSWORD: 'wrong',
  });
  expect(await run.exited).toBe(1);
  expect(run.stderr()).toMatch(/The window of \w+ cannot be fetched: TeleMessage refused/);
});

test('wrong settings stop the stack before anything starts, with an error that names them all and shows no value', async () => {
  const run = start(['--once', ...asOptions(evening), '--verbose'], {
    WHATSAPP_SIZE_LIMIT_MB: 'abc-secret',
    LEASE_SECONDS: '0',
  });
  expect(await run.exited).toBe(1);
  expect(run.stderr()).toMatch(/WHATSAPP_SIZE_LIMIT_MB: expected a whole number/);
  expect(run.stderr()).toContain('LEASE_SECONDS: expected');
  expect(run.stderr()).not.toContain('abc-secret');
  expect(itsParts(run.stderr())).toEqual([]);
});

test.each([
  [['--once'], '--once needs --from and --to'],
  [['--once', '--from', 'yesterday', '--to', '2026-11-20'], '--from: expected an instant'],
  [['demo', '--faults', 'some'], '--faults: expected one of'],
  [['--mapping', 'signal=file.csv'], '--mapping: expected CONNECTOR=FILE.csv'],
  [['--port', 'functions=99999'], '--port: expected PART=NUMBER'],
  [['--onse'], "unknown option '--onse'\n(Did you mean --once?)"],
  [['--mapping', 'wechat=no-such-file.csv'], '--mapping: expected a file that can be read'],
  [['--quarantine', 'file.ndjson'], '--quarantine needs --once'],
])('the options %j are refused with exit code 2 before anything starts', async (args, message) => {
  const run = start(args);
  expect(await run.exited).toBe(2);
  expect(run.stderr()).toContain(message);
  expect(run.stderr()).toMatch(/All options: npm run (local|demo) -- --help/);
  expect(itsParts(run.stderr())).toEqual([]);
});

test.each([[['--help']], [['-h']], [['demo', '--help']]])(
  '%j prints the options with exit code 0',
  async (args) => {
    const run = start(args);
    expect(await run.exited).toBe(0);
    expect(run.stdout()).toContain('--quarantine <file>');
  },
);
