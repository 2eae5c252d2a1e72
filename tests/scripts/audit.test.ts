import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
/** A fresh clone: nothing is installed. */
const clone = mkdtempSync(join(tmpdir(), 'audit-'));
const files = ['scripts/audit.mjs', 'package.json', 'package-lock.json'];

const advisory = (severity: string, title: string) => [
  { id: 1, severity, title, url: 'https://advisories.example/1', vulnerable_versions: '<99' },
];
const json = (answer: object) => (response: ServerResponse) => {
  response.end(JSON.stringify(answer));
};
const status = (code: number) => (response: ServerResponse) => {
  response.writeHead(code).end('{"error":"not here"}');
};

/** How each registry answers an audit; its name is its path on the server. */
const registries: Record<string, (response: ServerResponse) => void> = {
  'knows-nothing': json({}),
  grave: json({
    zod: advisory('high', 'Parses \u001b[2Jforever'),
    // Many of the dependencies depend on it.
    '@azure/core-rest-pipeline': advisory('critical', 'Tells tokens'),
    'csv-parse': advisory('moderate', 'Reads slowly'),
  }),
  low: json({ zod: advisory('low', 'Parses oddly') }),
  raised: json({ zod: advisory('high', 'Parses oddly') }),
  'development-only': json({ jest: advisory('critical', 'Runs anything') }),
  'not-allowed': status(405),
  unavailable: status(503),
  'no-json': (response) => response.end('<html>Please sign in</html>'),
  'no-report': json({ error: 'maintenance' }),
  hangs: () => undefined,
};

const server = createServer(({ url = '', method }, response) => {
  const [, name = '', ...path] = url.split('/');
  // npm also asks for the versions of a package with a finding; it accepts 404.
  if (method === 'POST' && path[0] === '-') registries[name]!(response);
  else status(404)(response);
});
let origin = '';

beforeAll(async () => {
  for (const file of files) cpSync(join(root, file), join(clone, file));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  rmSync(clone, { recursive: true, force: true });
});

interface Outcome {
  code: unknown;
  stdout: string[];
  stderr: string[];
}

/** Audits the clone against a registry, run from another folder; `set` are npm settings of the user. */
const audit = (registry: string, set: Record<string, string> = {}) =>
  new Promise<Outcome>((resolve) => {
    const env = {
      ...process.env,
      npm_config_registry: registry,
      npm_config_noproxy: '127.0.0.1',
      // Shared by all calls, like a user's cache.
      npm_config_cache: join(clone, 'cache'),
      ...set,
    };
    execFile(
      process.execPath,
      [join(clone, 'scripts/audit.mjs')],
      { cwd: tmpdir(), env },
      (error, stdout, stderr) => {
        const [out, err] = [stdout, stderr].map((text) => text.split('\n').filter(Boolean));
        resolve({ code: error ? error.code : 0, stdout: out!, stderr: err! });
      },
    );
  });

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { dev?: true; optional?: true }>;
};
const production = Object.entries(lock.packages).filter(
  ([path, { dev, optional }]) => path && !dev && !optional,
);
const noneGrave = `audit: no finding of high or critical severity among ${production.length} production dependencies`;

test('fails on high and critical severity, with a line for each finding', async () => {
  const { code, stdout, stderr } = await audit(`${origin}/grave/`);
  expect(code).toBe(1);
  expect(stdout.toSorted()).toEqual([
    'audit: critical: @azure/core-rest-pipeline <99: Tells tokens https://advisories.example/1',
    'audit: high: zod <99: Parses [2Jforever https://advisories.example/1',
    'audit: moderate: csv-parse <99: Reads slowly https://advisories.example/1',
  ]);
  expect(stderr).toEqual([]);
});

test.each([
  ['without a finding', 'knows-nothing', []],
  [
    'and lists findings of low severity',
    'low',
    ['audit: low: zod <99: Parses oddly https://advisories.example/1'],
  ],
  ['when only a development dependency has a finding', 'development-only', []],
])('passes %s', async (_, registry, listed) => {
  expect(await audit(`${origin}/${registry}/`)).toEqual({
    code: 0,
    stdout: [...listed, noneGrave],
    stderr: [],
  });
});

test('takes the severity of a finding from the service, not from npm’s cache', async () => {
  expect(await audit(`${origin}/low/`)).toMatchObject({ code: 0 });
  expect(await audit(`${origin}/raised/`)).toMatchObject({ code: 1 });
});

test('asks the service even if npm is set to work offline or without a lock file', async () => {
  const { code, stdout } = await audit(`${origin}/grave/`, {
    npm_config_offline: 'true',
    npm_config_package_lock: 'false',
  });
  expect([code, stdout.length]).toEqual([1, 3]);
});

interface Silence {
  service: string;
  registry: () => string;
  reason: RegExp;
  set?: Record<string, string>;
}
const at = (name: string) => () => `${origin}/${name}/`;
test.each<Silence>([
  { service: 'refuses', registry: at('not-allowed'), reason: /^405 Method Not Allowed - POST http:/ },
  {
    service: 'is out of order',
    registry: at('unavailable'),
    reason: /^503 Service Unavailable - POST http:/,
  },
  { service: 'answers with a page', registry: at('no-json'), reason: /^invalid json response body at http:/ },
  { service: 'answers with other JSON', registry: at('no-report'), reason: /^not a report: ./ },
  {
    service: 'does not answer',
    registry: at('hangs'),
    reason: /^network timeout at: http:/,
    set: { npm_config_fetch_timeout: '1000' },
  },
  // Nothing listens on port 1. npm before 11 prints the password of such an address.
  {
    service: 'does not exist',
    registry: () => 'http://somebody:secret@127.0.0.1:1/',
    reason: /ECONNREFUSED 127\.0\.0\.1:1$/,
  },
])('passes and says that nothing was checked if the service $service', async (silence) => {
  const { code, stdout, stderr } = await audit(silence.registry(), silence.set);
  expect([code, stdout]).toEqual([0, []]);
  expect(stderr).toHaveLength(1);
  const said = /^audit: the audit service could not be reached \((.+)\): nothing was checked$/.exec(
    stderr[0]!,
  );
  expect(said?.[1]).toMatch(silence.reason);
  expect(stderr[0]).not.toContain('secret');
});

test('fails if npm finds nothing to audit', async () => {
  rmSync(join(clone, 'package-lock.json'));
  const { code, stdout, stderr } = await audit(`${origin}/knows-nothing/`);
  expect([code, stdout]).toEqual([1, []]);
  expect(stderr).toEqual(['audit: npm could not audit: ENOLOCK This command requires an existing lockfile.']);
});
