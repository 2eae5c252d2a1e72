import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { functionNames } from '../../shared/names';
import { infra, read } from '../support/bicep';

/** Published ids: https://learn.microsoft.com/graph/permissions-reference */
const userReadAll = 'df021288-bdef-4463-88db-98f22de89214';
const mailReadWrite = 'e2a3a72e-5f79-4c64-b1b1-878b674786c9';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'infra-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a script with an `az` of our own on the path: the lines of a `case` on its arguments. */
function run(script: string, args: string[], answers = '', env: Record<string, string> = {}) {
  const calls = join(folder, 'calls');
  const az = join(folder, 'az');
  writeFileSync(az, `#!/bin/sh\necho "$*" >> '${calls}'\ncase "$*" in\n${answers}\nesac\n`);
  chmodSync(az, 0o755);
  const { status, stdout, stderr } = spawnSync('sh', [join(infra, script), ...args], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH']}`, FOLDER: folder, ...env },
  });
  return { status, stdout, stderr, calls: existsSync(calls) ? readFileSync(calls, 'utf8') : '' };
}

describe('events.sh', () => {
  const args = ['group', 'app', 'account'];
  const listing = (names: string[]) =>
    `*'function list'*) printf '${names.map((name) => `app/${name}\\n`).join('')}' ;;`;
  const rest = `*'keys list'*) echo key ;;
    *'deployment group create'*) echo 'Event subscription manifest-written: Succeeded' ;;`;
  const hurry = { TRIES: '2', SECONDS_BETWEEN: '0' };

  test('says how it is used, and asks nothing of Azure, without its arguments', () => {
    expect(run('events.sh', [])).toMatchObject({ status: 2, calls: '' });
  });

  test('subscribes once every function is there, and prints what the manual promises', () => {
    const { status, stdout, calls } = run(
      'events.sh',
      args,
      `${listing(Object.values(functionNames))}\n${rest}`,
      hurry,
    );
    expect(status).toBe(0);
    expect(calls).toMatch(/events\.bicep --parameters functionAppName=app evidenceAccountName=account/);
    for (const line of stdout.trim().split('\n')) expect(read('README.md')).toContain(line);
  });

  test('names the functions that are missing instead of subscribing', () => {
    const some = Object.values(functionNames).filter((name) => name !== 'splitBatch');
    const { status, stderr, calls } = run('events.sh', args, `${listing(some)}\n${rest}`, hurry);
    expect(status).toBe(1);
    expect(stderr).toContain('Functions that are missing: splitBatch.');
    expect(calls).not.toContain('deployment');
  });
});

describe('grant-directory.sh', () => {
  // Grants are files of the folder, named by their role.
  const answers = `
    *'cloud show'*) echo https://graph.microsoft.example/ ;;
    *'--method get'*servicePrincipals\\(*) echo graph-object-id ;;
    *'--method get'*${userReadAll}*) test -e "$FOLDER/${userReadAll}" && echo grant-id ;;
    *'--method get'*${mailReadWrite}*) test -e "$FOLDER/${mailReadWrite}" && echo mail-grant-id ;;
    *'--method post'*${userReadAll}*) touch "$FOLDER/${userReadAll}" ;;
    *'--method delete'*/appRoleAssignments/grant-id*) rm "$FOLDER/${userReadAll}" ;;`;
  const grant = (...more: string[]) => run('grant-directory.sh', ['principal', ...more], answers);

  test('grants once, however often it is run, and takes the grant back', () => {
    expect(grant()).toMatchObject({ status: 0, stdout: 'User.Read.All: granted\n' });
    expect(grant()).toMatchObject({ status: 0, stdout: 'User.Read.All: granted\n' });
    expect(readFileSync(join(folder, 'calls'), 'utf8').match(/--method post/g)).toHaveLength(1);
    expect(grant('undo')).toMatchObject({ status: 0, stdout: 'User.Read.All: not granted\n' });
    expect(grant('undo')).toMatchObject({ status: 0, stdout: 'User.Read.All: not granted\n' });
    expect(existsSync(join(folder, userReadAll))).toBe(false);
  });

  test('fails when every mailbox of the tenant is open by another grant', () => {
    writeFileSync(join(folder, mailReadWrite), '');
    const { status, stderr } = grant();
    expect(status).toBe(1);
    expect(stderr).toContain('reaches every mailbox');
  });

  test('refuses a word that is not undo', () => {
    expect(grant('revoke')).toMatchObject({ status: 2, calls: '' });
  });
});

describe('grant-mailboxes.ps1', () => {
  const script = read('infra/grant-mailboxes.ps1');

  test('knows the clouds of the templates', () => {
    const clouds = (text: string) => [...text.matchAll(/'(\w+)'/g)].map(([, name]) => name);
    const [, allowed] = /@allowed\(\[([^\]]*)\]\)\nparam cloud /.exec(read('infra/main.bicep')) ?? [];
    const [, validated] = /ValidateSet\(([^)]*)\)\] \[string\] \$Cloud/.exec(script) ?? [];
    expect(clouds(validated!)).toEqual(clouds(allowed!));
  });

  test('has nothing that it makes and does not take back', () => {
    const made = [...script.matchAll(/\bNew-(\w+)/g)].map(([, noun]) => noun!);
    expect(made.sort()).toEqual(['ManagementRoleAssignment', 'ManagementScope', 'ServicePrincipal']);
    for (const noun of made) expect(script).toContain(`Remove-${noun} `);
  });
});
