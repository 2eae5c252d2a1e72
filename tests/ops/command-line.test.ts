import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { appFolder } from '../../local/bundles';
import type { PreflightReport } from '../../ops/preflight';
import { people, useDeployment } from '../support/deployment';
import { useTemporaryFolder } from '../support/temporary-folder';

const deployment = useDeployment();
const folder = useTemporaryFolder('ops');

/** Runs the command line as a shell does: in its own folder, without this process's environment. */
async function ops(args: string[], env: Record<string, string> = {}, cwd = folder) {
  const child = spawn(process.execPath, [join(appFolder, 'dist/ops/main.js'), ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [code, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, output, errors, last: output.trim().split('\n').at(-1) ?? '' };
}

const save = (content: object) => writeFileSync(join(folder, 'local.settings.json'), JSON.stringify(content));

test('lists the verbs and ends with 2 without a verb or with a wrong one', async () => {
  for (const args of [[], ['toString']]) {
    const { code, output, errors } = await ops(args);
    expect([code, output]).toEqual([2, '']);
    for (const verb of ['preflight', 'status']) expect(errors).toMatch(new RegExp(`^ {2}${verb} `, 'm'));
  }
});

test('ends with 2 if an option is wrong, the mailbox is missing, or it is both inside and outside', async () => {
  expect((await ops(['preflight', '--mailbx', 'a@b.example'])).errors).toContain("Unknown option '--mailbx'");
  expect((await ops(['preflight'])).errors).toContain('preflight needs --mailbox');
  const both = await ops(['preflight', '--mailbox', 'a@b.example', '--outside', 'A@b.example']);
  expect(both.code).toBe(2);
  expect(both.errors).toContain('must be another mailbox');
});

test('takes its settings from the environment, then from local.settings.json', async () => {
  save({ IsEncrypted: false, Values: { ...deployment.settings, GRAPH_TIMEOUT_SECONDS: 'wrong' } });
  const args = ['preflight', '--mailbox', people.pilot.userPrincipalName, '--json'];
  const refused = await ops(args);
  expect(refused.code).toBe(1);
  expect((JSON.parse(refused.last) as PreflightReport).steps[0]).toMatchObject({
    step: 'settings',
    verdict: 'failed',
    detail: expect.stringContaining('GRAPH_TIMEOUT_SECONDS: expected a whole number') as string,
  });

  const passed = await ops(args, { GRAPH_TIMEOUT_SECONDS: '20' });
  expect([passed.code, passed.errors]).toEqual([0, '']);
  expect(JSON.parse(passed.last)).toMatchObject({ passed: true, as: "the app's managed identity" });
});

test('refuses encrypted settings and says how to decrypt them', async () => {
  save({ IsEncrypted: true, Values: { KEY_VAULT_URL: 'xyz' } });
  const { code, errors } = await ops(['status']);
  expect(code).toBe(2);
  expect(errors).toContain('func settings decrypt');
});

test('signs in as the user of the Azure CLI when run from a shell, and says so', async () => {
  const { IDENTITY_ENDPOINT, IDENTITY_HEADER, ...settings } = deployment.settings;
  save({ IsEncrypted: false, Values: settings });
  const bin = mkdtempSync(join(folder, 'bin-'));
  // Prints what the real `az account get-access-token` prints.
  const script = `#!${process.execPath}
const resource = process.argv[process.argv.indexOf('--resource') + 1];
fetch('${IDENTITY_ENDPOINT}?api-version=2019-08-01&resource=' + encodeURIComponent(resource), {
  headers: { 'x-identity-header': '${IDENTITY_HEADER}' },
}).then((answer) => answer.json()).then(({ access_token, expires_on }) =>
  console.log(JSON.stringify({ accessToken: access_token, expires_on: Number(expires_on), tokenType: 'Bearer' })));
`;
  writeFileSync(join(bin, 'az'), script);
  chmodSync(join(bin, 'az'), 0o755);
  const env = { PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  const args = ['preflight', '--mailbox', people.pilot.userPrincipalName, '--json'];
  const { code, last, output } = await ops(args, env);
  const report = JSON.parse(last) as PreflightReport;
  expect(report.steps.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
  expect(code).toBe(0);
  expect(report.as).toContain('az login');
  expect(output).toContain('whose rights are not those of the app');
});

test('prints one JSON object as the last line of status --json', async () => {
  save({ IsEncrypted: false, Values: deployment.settings });
  const { code, last } = await ops(['status', '--json']);
  expect(code).toBe(0);
  expect(Object.keys(JSON.parse(last) as object)).toEqual(['version', 'at', 'connectors', 'queues']);
});

test('runs a preflight without a deployment with --simulate', async () => {
  const checkout = join(__dirname, '..', '..');
  const { code, last, errors } = await ops(['preflight', '--simulate', '--json'], {}, checkout);
  expect([code, errors]).toEqual([0, '']);
  const { steps } = JSON.parse(last) as PreflightReport;
  expect(steps.filter(({ verdict }) => verdict !== 'ok').map(({ step }) => step)).toEqual([
    'immutability',
    'alert',
  ]);
});
