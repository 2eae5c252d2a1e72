import { chmodSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { actorOf } from '../../ops/app';
import { useDeployment } from '../support/deployment';
import { useTemporaryFolder } from '../support/temporary-folder';

/** Who the audit trail names: whoever the storage service lets in. */

const deployment = useDeployment();
const bin = useTemporaryFolder('actor');
const path = process.env['PATH'];
afterEach(() => void (process.env['PATH'] = path));

const inAzure = (): Record<string, string> => {
  const { ArchiveStorage: _local, ...settings } = deployment.settings;
  return { ...settings, ArchiveStorage__blobServiceUri: 'https://account.blob.core.windows.net' };
};

test('a person is named by object id and user principal name, as the sign-in of the Azure CLI says', async () => {
  const { IDENTITY_ENDPOINT: _endpoint, ...settings } = inAzure();
  const oid = '11111111-2222-4333-8444-555555555555';
  const claims = Buffer.from(JSON.stringify({ oid, upn: 'olga@contoso.example' })).toString('base64url');
  const answer = {
    accessToken: `x.${claims}.y`,
    expires_on: Math.floor(Date.now() / 1000) + 3600,
    tokenType: 'Bearer',
  };
  writeFileSync(
    join(bin, 'az'),
    `#!${process.execPath}\nconsole.log(${JSON.stringify(JSON.stringify(answer))})\n`,
  );
  chmodSync(join(bin, 'az'), 0o755);
  process.env['PATH'] = `${bin}${delimiter}${path ?? ''}`;
  expect(await actorOf(settings, false)).toEqual({ id: oid, name: 'olga@contoso.example' });
});

test('the app is named by its object id and client id', async () => {
  const { id, name } = await actorOf(inAzure(), true);
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(name).toMatch(/^application /);
});

test('the local stack has no sign-in: the account of the machine is named', async () => {
  const { id, name } = await actorOf(deployment.settings, false);
  expect(id).toBeNull();
  expect(name).toMatch(/^\S+ on \S+/);
});
