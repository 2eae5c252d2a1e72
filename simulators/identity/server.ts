import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { mintToken } from './token';
import { createVault, type PrivateJwk, type Reply } from './vault';

/** The services that give the app its credentials: App Service's managed-identity endpoint and a Key Vault. */

const tenantId = '7d1c1a5e-0000-4000-8000-000000000001';
const appId = '7d1c1a5e-0000-4000-8000-0000000000aa';
/** Object id of the identity in the directory. */
const objectId = '7b1c6c0e-5a0d-4f0e-9a58-0f4b1f3e2d11';
const tokenSeconds = 24 * 3_600;

export interface IdentityOptions {
  /** A free port by default. */
  port?: number;
  secrets: Record<string, string>;
  /** RSA keys by name, oldest version first. */
  keys?: Readonly<Record<string, readonly PrivateJwk[]>>;
  /** The value of `IDENTITY_HEADER`, which callers must send. */
  header: string;
  /** Client ids of the user-assigned identities; any is accepted by default. */
  clientIds?: string[];
  faults?: IdentityFaults;
}

export interface IdentityFaults {
  /** How many requests to the vault get a 429. */
  throttleVault?: number;
  /** The `Retry-After` of these answers. */
  retryAfterSeconds?: number;
  /** How many requests for a token get a 500. */
  failTokens?: number;
}

export interface Identity {
  origin: string;
  identityEndpoint: string;
  vaultUrl: string;
  close(): Promise<void>;
}

const refuse = (reply: Reply, status: number, message: string) =>
  reply(status, { statusCode: status, message });

export async function startIdentity(options: IdentityOptions): Promise<Identity> {
  const faults = { throttleVault: 0, retryAfterSeconds: 1, failTokens: 0, ...options.faults };
  const vault = createVault({
    secrets: options.secrets,
    ...(options.keys && { keys: options.keys }),
    tenantId,
    faults,
  });

  /** https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference */
  function serveToken(request: IncomingMessage, url: URL, reply: Reply) {
    const given = request.headers['x-identity-header'];
    // Without the header, a forged request that the app is tricked into sending (SSRF) would get a token.
    if (given === undefined) return refuse(reply, 400, 'Missing header X-IDENTITY-HEADER');
    if (given !== options.header) return refuse(reply, 401, 'Wrong X-IDENTITY-HEADER');
    if (request.method !== 'GET') return refuse(reply, 405, 'Only GET');
    if (url.searchParams.get('api-version') !== '2019-08-01')
      return refuse(reply, 400, 'Unsupported api-version');
    const resource = url.searchParams.get('resource');
    if (!resource) return refuse(reply, 400, 'Missing resource');
    const clientId = url.searchParams.get('client_id');
    if (clientId && options.clientIds && !options.clientIds.includes(clientId)) {
      return refuse(
        reply,
        400,
        'No User Assigned or Delegated Managed Identity found for specified ClientId',
      );
    }
    if (faults.failTokens > 0) {
      faults.failTokens--;
      return refuse(reply, 500, 'An unexpected error occurred');
    }
    const now = Math.floor(Date.now() / 1000);
    const expires = now + tokenSeconds;
    const token = mintToken({
      aud: resource.replace(/\/$/, ''),
      iss: `https://sts.windows.net/${tenantId}/`,
      appid: clientId ?? appId,
      oid: objectId,
      iat: now - 300,
      nbf: now - 300,
      exp: expires,
    });
    reply(200, {
      access_token: token,
      client_id: clientId ?? appId,
      expires_on: String(expires),
      resource,
      token_type: 'Bearer',
    });
  }

  async function serveControl(request: IncomingMessage, url: URL, reply: Reply) {
    const [, , kind, name] = url.pathname.split('/');
    if (request.method !== 'PUT') return reply(405, {});
    const body = JSON.parse(await text(request)) as Record<string, unknown>;
    if (kind === 'secrets' && name && typeof body['value'] === 'string') {
      vault.set(decodeURIComponent(name), body['value']);
      return reply(200, {});
    }
    if (kind === 'faults') {
      Object.assign(faults, body);
      return reply(200, faults);
    }
    return reply(404, {});
  }

  async function serve(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const reply: Reply = (status, body, headers = {}) => {
      const requestId = { 'x-ms-request-id': randomBytes(16).toString('hex') };
      response.writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        ...requestId,
        ...headers,
      });
      response.end(JSON.stringify(body));
    };
    if (url.pathname === '/msi/token') return serveToken(request, url, reply);
    if (url.pathname.startsWith('/_control/')) return serveControl(request, url, reply);
    return vault.serve(request, url, reply);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(400);
      response.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    identityEndpoint: `${origin}/msi/token`,
    vaultUrl: origin,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
