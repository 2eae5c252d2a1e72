import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { verifyToken } from './token';

/** The part of Azure Key Vault that the app uses: reading the newest or a given version of a secret. */

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

export function createVault(options: {
  secrets: Record<string, string>;
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

  function serve(request: IncomingMessage, url: URL, reply: Reply): void {
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
