import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { appFolder } from '../../local/bundles';
import type { PreflightReport } from '../../ops/preflight';
import { verbs } from '../../ops/verbs';
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

test('lists the verbs: with exit code 2 without a verb, with 0 if asked for help', async () => {
  const without = await ops([]);
  expect([without.code, without.output]).toEqual([2, '']);
  for (const help of ['--help', '-h']) {
    const { code, output, errors } = await ops([help]);
    expect([code, errors]).toEqual([0, '']);
    expect(output).toBe(without.errors);
  }
  for (const { name, needs, example } of verbs) {
    expect(without.errors).toMatch(new RegExp(`^ {2}${name.split(' ')[0]}\\b`, 'm'));
    expect([name, needs !== '', example.includes('npm')]).toEqual([name, true, false]);
  }
  // Each call of the program takes a moment: one verb of each kind.
  for (const { name, summary } of [verbs[0]!, verbs.find((verb) => verb.name.includes(' '))!]) {
    const { code, output, errors } = await ops([...name.split(' '), '-h']);
    expect([name, code, errors]).toEqual([name, 0, '']);
    expect(output.replace(/\s+/g, ' ')).toContain(summary);
    expect(output).toContain(`npm run ops -- ${name} `);
    expect(output).toContain('Needs ');
  }
});

test('answers a wrong word or option with one line and the nearest right one, and ends with 2', async () => {
  const word = await ops(['statsu']);
  expect([word.code, word.errors]).toEqual([2, "error: unknown command 'statsu'\n(Did you mean status?)\n"]);
  const option = await ops(['preflight', '--mailbx', 'a@b.example']);
  expect([option.code, option.errors]).toEqual([
    2,
    "error: unknown option '--mailbx'\n(Did you mean --mailbox?)\n",
  ]);
  for (const [args, expected] of [
    [['toString'], "unknown command 'toString'"],
    [['verify', '--from', '2026-02-30'], '--from: expected a day such as 2026-11-20'],
    [['verify', '--connector', 'sms'], '--connector: expected one of wechat, whatsapp'],
    [['preflight'], 'preflight needs --mailbox'],
    [['preflight', '--mailbox', 'a@b.example', '--outside', 'A@b.example'], 'must be another mailbox'],
  ] as const) {
    const { code, errors } = await ops([...args]);
    expect([code, errors.trim().split('\n').length]).toEqual([2, 1]);
    expect(errors).toContain(expected);
  }
});

test('says at once that nothing answers where the settings name a storage account', async () => {
  save({
    IsEncrypted: false,
    Values: { ...deployment.settings, ArchiveStorage: 'UseDevelopmentStorage=true' },
  });
  const { code, errors } = await ops(['status']);
  expect(code).toBe(2);
  expect(errors).toContain('Nothing answers at 127.0.0.1:10000');
  expect(errors).toContain('npm run local');
});

test('says what to do if no settings name an archive', async () => {
  const { code, errors } = await ops(['status'], {}, mkdtempSync(join(folder, 'empty-')));
  expect(code).toBe(2);
  expect(errors).toContain('No settings name an archive');
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
  expect(Object.keys(JSON.parse(last) as object)).toEqual([
    ...['version', 'at', 'connectors', 'queues', 'strayMessages', 'attention'],
  ]);
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
