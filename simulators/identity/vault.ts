import { constants, createHash, createPrivateKey, privateDecrypt, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { verifyToken } from './token';

/**
 * The part of Azure Key Vault that the app uses: reading the newest or a given version of a secret or of the public part
 * of a key, listing a key's versions, and unwrapping with a key.
 */

export type Reply = (status: number, body: unknown, headers?: Record<string, string>) => void;

/** The audience for all vaults of the public cloud. */
const audience = 'https://vault.azure.net';

interface Version {
  version: string;
  value: string;
  /** Seconds since 1970. */
  created: number;
}

const failure = (code: string, message: string) => ({ error: { code, message } });

/** An RSA key with its private part, as a JSON Web Key. */
export type PrivateJwk = Readonly<Record<'kty' | 'n' | 'e' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi', string>>;

/** RSAES-PKCS1-v1_5 (RFC 8017 section 7.2.2). The runtime would give random bytes for a wrong padding; the vault refuses. */
export function unwrap(jwk: PrivateJwk, wrapped: Buffer): Buffer | undefined {
  let block: Buffer;
  try {
    const key = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
    block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, wrapped);
  } catch {
    return undefined;
  }
  const end = block.indexOf(0, 2);
  return block[0] === 0 && block[1] === 2 && end >= 10 ? block.subarray(end + 1) : undefined;
}

export function createVault(options: {
  secrets: Record<string, string>;
  /** By name, oldest version first. */
  keys?: Readonly<Record<string, readonly PrivateJwk[]>>;
  tenantId: string;
  /** Counted down as requests meet them. */
  faults: { throttleVault: number; retryAfterSeconds: number };
}) {
  const { faults } = options;
  /** By lower-case name; oldest version first. */
  const secrets = new Map<string, Version[]>();

  function set(name: string, value: string) {
    const versions = secrets.get(name.toLowerCase()) ?? [];
    versions.push({
      version: randomBytes(16).toString('hex'),
      value,
      created: Math.floor(Date.now() / 1000),
    });
    secrets.set(name.toLowerCase(), versions);
  }
  for (const [name, value] of Object.entries(options.secrets)) set(name, value);

  const challenge = (error = '') => ({
    'www-authenticate': `Bearer authorization="https://login.microsoftonline.com/${options.tenantId}", resource="${audience}"${error}`,
  });

  const keys = new Map(
    Object.entries(options.keys ?? {}).map(([name, versions]) => [
      name.toLowerCase(),
      versions.map((jwk, index) => ({
        jwk,
        version: createHash('sha256').update(jwk.n).digest('hex').slice(0, 32),
        created: Math.floor(Date.now() / 1000) - versions.length + index,
      })),
    ]),
  );

  async function serveKey(
    request: IncomingMessage,
    name: string,
    version: string,
    [operation = '']: string[],
    reply: Reply,
  ): Promise<void> {
    const versions = keys.get(name.toLowerCase()) ?? [];
    const found = version === '' ? versions.at(-1) : versions.find((one) => one.version === version);
    const notFound = failure(
      'KeyNotFound',
      `A key with (name/id) ${name}${version && `/${version}`} was not found in this key vault.`,
    );
    const idOf = (one: string) => `http://${request.headers.host}/keys/${name}/${one}`;
    const attributes = (created: number) => ({
      ...{ enabled: true, created, updated: created },
      ...{ recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90, exportable: false },
    });
    if (request.method === 'GET' && version === 'versions') {
      // Azure answers with an empty list for a key that does not exist.
      const value = versions.map((one) => ({ kid: idOf(one.version), attributes: attributes(one.created) }));
      return reply(200, { value, nextLink: null });
    }
    if (!found) return reply(404, notFound);
    const { jwk, created } = found;
    if (request.method === 'GET' && operation === '') {
      const key_ops = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'];
      const key = { kid: idOf(found.version), kty: 'RSA', key_ops, n: jwk.n, e: jwk.e };
      return reply(200, { key, attributes: attributes(created), tags: {} });
    }
    if (request.method !== 'POST' || operation !== 'unwrapkey')
      return reply(404, failure('NotFound', 'Resource not found.'));
    const { alg, value } = JSON.parse(await text(request)) as { alg?: unknown; value?: unknown };
    const unwrapped =
      alg === 'RSA1_5' && typeof value === 'string'
        ? unwrap(jwk, Buffer.from(value, 'base64url'))
        : undefined;
    if (!unwrapped) return reply(400, failure('BadParameter', 'The parameter is incorrect.'));
    reply(200, { kid: idOf(found.version), value: unwrapped.toString('base64url') });
  }

  async function serve(request: IncomingMessage, url: URL, reply: Reply): Promise<void> {
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (!bearer) {
      const body = failure('Unauthorized', 'AKV10000: Request is missing a Bearer or PoP token.');
      return reply(401, body, challenge());
    }
    if (!verifyToken(bearer, audience, Date.now())) {
      const body = failure('Unauthorized', `AKV10022: Invalid audience or signature. Expected ${audience}.`);
      return reply(401, body, challenge(', error="invalid_token"'));
    }
    if (faults.throttleVault > 0) {
      faults.throttleVault--;
      const body = failure('Throttled', 'Request was not processed because too many requests were received.');
      return reply(429, body, { 'retry-after': String(faults.retryAfterSeconds) });
    }
    if (!url.searchParams.get('api-version')) {
      return reply(400, failure('BadParameter', 'The request URI must contain api-version.'));
    }
    const [, collection, name = '', version = '', ...rest] = decodeURIComponent(url.pathname).split('/');
    if (collection === 'keys') return serveKey(request, name, version, rest, reply);
    if (collection !== 'secrets' || name === '' || rest.length > 0) {
      return reply(404, failure('NotFound', 'Resource not found.'));
    }
    if (request.method !== 'GET')
      return reply(403, failure('Forbidden', 'The caller may only read secrets.'));
    if (!/^[0-9a-zA-Z-]{1,127}$/.test(name)) {
      return reply(400, failure('BadParameter', `The request URI contains an invalid name: ${name}`));
    }
    const versions = secrets.get(name.toLowerCase()) ?? [];
    const found =
      version === '' ? versions.at(-1) : versions.find((candidate) => candidate.version === version);
    if (!found) {
      return reply(
        404,
        failure(
          'SecretNotFound',
          `A secret with (name/id) ${name}${version && `/${version}`} was not found in this key vault. If you recently ` +
            'deleted this secret you may be able to recover it using the correct recovery command. For help ' +
            'resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182',
        ),
      );
    }
    reply(200, {
      value: found.value,
      id: `http://${request.headers.host}/secrets/${name}/${found.version}`,
      attributes: {
        enabled: true,
        created: found.created,
        updated: found.created,
        recoveryLevel: 'Recoverable+Purgeable',
        recoverableDays: 90,
      },
      tags: {},
    });
  }

  return { set, serve };
}
