import { mintToken } from '../../simulators/identity/token';
import { startExchange, type Exchange, type ExchangeOptions } from '../../simulators/exchange/server';
import type { TenantUser } from '../../simulators/samples/organisation';
import { until } from './until';

/** A small tenant for the tests of the simulated Exchange, and a client that sends any request to it. */

const person = (number: number, name: string, rest: Partial<TenantUser> = {}): TenantUser => ({
  id: `00000000-0000-4000-8000-00000000000${number}`,
  displayName: name,
  userPrincipalName: `${name.toLowerCase()}@contoso.com`,
  mail: `${name.toLowerCase()}@contoso.com`,
  proxyAddresses: [`SMTP:${name.toLowerCase()}@contoso.com`],
  mobilePhone: null,
  accountEnabled: true,
  userType: 'Member',
  mailbox: 'normal',
  ...rest,
});

export const users = {
  ada: person(1, 'Ada', {
    mail: 'ada.l@contoso.com',
    proxyAddresses: ['SMTP:ada.l@contoso.com', 'smtp:ada+old@contoso.com'],
    mobilePhone: '+4612345678',
  }),
  bo: person(2, 'Bo', { accountEnabled: false }),
  none: person(3, 'None', { mailbox: 'none' }),
  unsupported: person(4, 'Unsupported', { mailbox: 'notSupported' }),
  onPremises: person(5, 'OnPremises', { mailbox: 'onPremises' }),
  outside: person(6, 'Outside', { inScope: false }),
  small: person(7, 'Small', { quotaBytes: 1_000, messageLimitBytes: 600 }),
  dollar: person(8, 'Dollar', { userPrincipalName: '$dollar@contoso.com' }),
  quote: person(9, 'Quote', { userPrincipalName: "o'neil@contoso.com" }),
};

export const audience = 'https://graph.microsoft.com';

export function token(claims: { aud?: string; exp?: number } = {}): string {
  const seconds = Math.floor(Date.now() / 1000);
  return mintToken({
    aud: audience,
    iss: 'https://sts.example',
    appid: 'app',
    nbf: seconds - 60,
    exp: seconds + 3600,
    ...claims,
  });
}

// The tests read answers property by property; an assertion on a missing property fails.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

export interface Reply {
  status: number;
  /** `error.code`, if there is one. */
  code: string | undefined;
  json: Json;
  bytes: Buffer;
  headers: Headers;
}

export interface Client {
  exchange: Exchange;
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  patch(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  delete(path: string): Promise<Reply>;
  /** Sends exactly this: any method, path or URL, headers and body. */
  raw(method: string, path: string, headers?: Record<string, string>, body?: Buffer | string): Promise<Reply>;
}

export async function openTenant(options: Partial<ExchangeOptions> = {}): Promise<Client> {
  const exchange = await startExchange({
    users: Object.values(users),
    latencyMs: { min: 0, max: 0 },
    ...options,
  });
  const authorization = `Bearer ${token()}`;
  const raw: Client['raw'] = async (method, path, headers = {}, body) => {
    const url = path.startsWith('http') ? path : `${exchange.origin}${path}`;
    const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    const json = isJson ? JSON.parse(bytes.toString()) : undefined;
    return { status: response.status, code: json?.error?.code, json, bytes, headers: response.headers };
  };
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const url = path.startsWith('http') ? path : `/v1.0${path}`;
    return raw(method, url, { authorization, ...type, ...headers }, text);
  };
  return {
    exchange,
    raw,
    get: (path, headers) => send('GET', path, undefined, headers),
    post: (path, body, headers) => send('POST', path, body, headers),
    patch: (path, body, headers) => send('PATCH', path, body, headers),
    delete: (path) => send('DELETE', path),
  };
}

/** A new tenant for each test, closed after the test. */
export function useTenant(options: Partial<ExchangeOptions> = {}): Client {
  let client: Client;
  beforeEach(async () => {
    client = await openTenant(options);
  });
  afterEach(() => client.exchange.close());
  return {
    get exchange() {
      return client.exchange;
    },
    get: (...request) => client.get(...request),
    post: (...request) => client.post(...request),
    patch: (...request) => client.patch(...request),
    delete: (...request) => client.delete(...request),
    raw: (...request) => client.raw(...request),
  };
}

/** Makes every request take until `isReached`, so that requests overlap even on a slow machine. */
export const workUntil = (isReached: () => boolean) => () => until('the end of the work', isReached);

export const itemKeyId = 'String {5d1c3d6a-0f5e-4c58-9a8e-6f3f6b7f2a41} Name ItemKey';

export const recipient = (address: string, name = 'Name') => ({ emailAddress: { name, address } });

/** A received item, as the product files it. */
export function receivedItem(key = 'a1', rest: object = {}) {
  return {
    subject: 'Hello',
    body: { contentType: 'text', content: 'Hello\nthere' },
    from: recipient('from@example.com', 'From'),
    sender: recipient('from@example.com', 'From'),
    toRecipients: [recipient('to@example.com')],
    singleValueExtendedProperties: [
      { id: 'Integer 0x0E07', value: '1' },
      { id: 'SystemTime 0x0039', value: '2020-01-02T03:04:05Z' },
      { id: 'SystemTime 0x0E06', value: '2020-01-02T03:05:06Z' },
      { id: 'String 0x001A', value: 'IPM.ExternalData.WeChatArchiver' },
      { id: itemKeyId, value: key },
    ],
    ...rest,
  };
}

export const file = (name: string, content: Buffer, rest: object = {}) => ({
  '@odata.type': '#microsoft.graph.fileAttachment',
  name,
  contentType: 'application/octet-stream',
  contentBytes: content.toString('base64'),
  ...rest,
});
