import { ManagedIdentityCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { startIdentity, type Identity } from '../../simulators/identity/server';
import { verifyToken } from '../../simulators/identity/token';

let identity: Identity;
const known = '11111111-1111-4111-8111-111111111111';

// One for all tests: the SDK keeps the first endpoint that it finds for the whole process.
beforeAll(async () => {
  const secrets = { 'telemessage-username': 'anna' };
  identity = await startIdentity({ header: 'the-header', secrets, clientIds: [known] });
  process.env['IDENTITY_ENDPOINT'] = identity.identityEndpoint;
  process.env['IDENTITY_HEADER'] = 'the-header';
});
afterAll(() => identity.close());

const vault = () =>
  new SecretClient(identity.vaultUrl, new ManagedIdentityCredential(), {
    allowInsecureConnection: true,
    disableChallengeResourceVerification: true,
  });
const control = (path: string, body: unknown) =>
  fetch(`${identity.origin}/_control/${path}`, { method: 'PUT', body: JSON.stringify(body) });

test('the identity endpoint gives the Azure SDK a token for the audience that it asks for', async () => {
  const { token, expiresOnTimestamp } = await new ManagedIdentityCredential().getToken(
    'https://graph.microsoft.com/.default',
  );
  expect(verifyToken(token, 'https://graph.microsoft.com', Date.now())).toMatchObject({
    aud: 'https://graph.microsoft.com',
  });
  expect(verifyToken(token, 'https://vault.azure.net', Date.now())).toBeUndefined();
  expect(expiresOnTimestamp).toBeGreaterThan(Date.now() + 3_600_000);
});

test('the identity endpoint refuses a request with a missing or wrong header, another version, or no resource', async () => {
  const status = async (
    query: string,
    headers: Record<string, string> = { 'x-identity-header': 'the-header' },
  ) => (await fetch(`${identity.identityEndpoint}?${query}`, { headers })).status;
  const good = 'api-version=2019-08-01&resource=https://graph.microsoft.com';
  expect(await status(good)).toBe(200);
  expect(await status(good, {})).toBe(400);
  expect(await status(good, { 'x-identity-header': 'x' })).toBe(401);
  expect(await status(good.replace('2019-08-01', '2017-09-01'))).toBe(400);
  expect(await status('api-version=2019-08-01')).toBe(400);
});

test('the identity endpoint gives tokens to the configured user-assigned identities only', async () => {
  const token = (clientId: string) =>
    new ManagedIdentityCredential({ clientId, retryOptions: { maxRetries: 0 } }).getToken(
      'https://graph.microsoft.com/.default',
    );
  await expect(token(known)).resolves.toMatchObject({
    token: expect.any(String),
  });
  await expect(token('22222222-2222-4222-8222-222222222222')).rejects.toThrow();
});

test('the vault lets the real SecretClient read the newest and an older version of a secret, after a challenge', async () => {
  const client = vault();
  const first = await client.getSecret('telemessage-username');
  expect(first.value).toBe('anna');
  await control('secrets/telemessage-username', { value: 'berta' });
  expect((await client.getSecret('telemessage-username')).value).toBe('berta');
  const version = first.properties.version;
  expect(version).toMatch(/^[0-9a-f]{32}$/);
  expect((await client.getSecret('telemessage-username', { version: version ?? '' })).value).toBe('anna');
});

test('the vault answers SecretNotFound for a secret that it does not have', async () => {
  await expect(vault().getSecret('no-such-secret')).rejects.toMatchObject({
    statusCode: 404,
    code: 'SecretNotFound',
  });
});

test('the vault requires a token for its audience, and its challenge says where to get one', async () => {
  const url = `${identity.vaultUrl}/secrets/telemessage-username?api-version=7.6`;
  const bare = await fetch(url);
  expect(bare.status).toBe(401);
  expect(bare.headers.get('www-authenticate')).toMatch(
    /^Bearer authorization="https:\/\/.+", resource="https:\/\/vault\.azure\.net"$/,
  );
  const { token } = await new ManagedIdentityCredential().getToken('https://graph.microsoft.com/.default');
  expect((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
});

test('the vault throttles when it is told to, and the SDK repeats its request after each 429', async () => {
  const { token } = await new ManagedIdentityCredential().getToken('https://vault.azure.net/.default');
  const url = `${identity.vaultUrl}/secrets/telemessage-username?api-version=7.6`;
  await control('faults', { throttleVault: 3, retryAfterSeconds: 1 });
  const refused = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect((await vault().getSecret('telemessage-username')).value).toMatch(/anna|berta/);
  expect(await (await control('faults', {})).json()).toMatchObject({ throttleVault: 0 });
});
