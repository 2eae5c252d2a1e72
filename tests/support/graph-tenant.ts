import { createHash, randomUUID } from 'node:crypto';
import type { AccessToken, TokenCredential } from '@azure/identity';
import { startExchange } from '../../simulators/exchange/server';
import type { ExchangeOptions } from '../../simulators/exchange/server';
import { mintToken } from '../../simulators/identity/token';
import type { TenantUser } from '../../simulators/samples/organisation';
import { connectors } from '../../shared/connectors';
import type { Attachment } from '../../shared/email/email';
import type { MailboxItem } from '../../shared/email/mailbox-item';
import { propertyIds } from '../../shared/email/provenance';
import { createFolders, type FolderRows } from '../../shared/graph/folder.client';
import { createMailboxes } from '../../shared/graph/mailboxes.client';
import { createGraph } from '../../shared/graph/request.client';
import type { GraphOptions } from '../../shared/graph/request.client';
import { createTransport, systemClock } from '../../shared/graph/transport.client';

export const audience = 'https://graph.microsoft.com';
export const connector = connectors.wechat;

let made = 0;
/** A user with a mailbox and an id of their own. */
export function user(name: string, differences: Partial<TenantUser> = {}): TenantUser {
  made += 1;
  return {
    id: `00000000-0000-4000-a000-${String(made).padStart(12, '0')}`,
    displayName: name,
    userPrincipalName: `${name}@contoso.example`,
    mail: `${name}@contoso.example`,
    proxyAddresses: [`SMTP:${name}@contoso.example`],
    mobilePhone: null,
    accountEnabled: true,
    userType: 'Member',
    mailbox: 'normal',
    ...differences,
  };
}

/** Signs in to the simulated service. Every sign-in gives another token. */
export function createCredential(): TokenCredential & { signIns: number } {
  const credential = {
    signIns: 0,
    async getToken(): Promise<AccessToken> {
      credential.signIns += 1;
      const seconds = Math.floor(Date.now() / 1000);
      const claims = {
        aud: audience,
        iss: 'local',
        appid: randomUUID(),
        nbf: seconds - 60,
        exp: seconds + 3600,
      };
      return { token: mintToken(claims), expiresOnTimestamp: claims.exp * 1000 };
    },
  };
  return credential;
}

/** A simulated tenant and the clients under test, with short pauses between tries. */
export async function openTenant(users: TenantUser[], options: Partial<ExchangeOptions & GraphOptions> = {}) {
  const exchange = await startExchange({ users, ...options });
  const clients = openClients(exchange.origin, options);
  return { exchange, ...clients, close: async () => exchange.close() };
}

/** The clients under test, connected to the origin. */
export function openClients(origin: string, options: Partial<GraphOptions> = {}) {
  const credential = createCredential();
  const graph = createGraph({
    transport: createTransport(origin),
    audience,
    credential,
    timeoutMs: 10_000,
    clock: systemClock,
    pauseMs: 5,
    ...options,
  });
  const stored = new Map<string, string>();
  const rows: FolderRows = {
    async get(connectorId, userId) {
      const folderId = stored.get(`${connectorId} ${userId}`);
      return folderId === undefined ? undefined : { value: { folderId } };
    },
    async *list() {},
    put: async (connectorId, userId, { folderId }) => void stored.set(`${connectorId} ${userId}`, folderId),
  };
  const folders = createFolders(graph, rows, { now: Date.now });
  return { credential, graph, stored, rows, folders, mailboxes: createMailboxes(graph, folders) };
}

export const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

/** Bytes in which no two blocks are the same, so that a slice in the wrong place is noticed. */
export function bytes(length: number, seed = 1): Buffer {
  const content = Buffer.alloc(length, `block of ${seed}, `);
  for (let at = 0; at + 4 <= length; at += 1024) content.writeUInt32LE(at, at);
  return content;
}

export const file = (name: string, content: Buffer): Attachment<Buffer> => ({
  name,
  contentType: 'application/octet-stream',
  content,
  inline: false,
});

/** An item whose key is the hash of its text. */
export function item(text: string, attachments: Attachment[] = []): MailboxItem {
  const itemKey = sha256(text);
  const party = { emailAddress: { name: 'Wei', address: 'wei@wechat.invalid' } };
  return {
    json: {
      subject: text,
      body: { contentType: 'text', content: text },
      from: party,
      sender: party,
      toRecipients: [party],
      singleValueExtendedProperties: [
        { id: 'Integer 0x0E07', value: '1' },
        { id: 'SystemTime 0x0039', value: '2025-03-01T10:00:00.000Z' },
        { id: 'SystemTime 0x0E06', value: '2025-03-01T10:00:05.000Z' },
        { id: 'String 0x001A', value: connector.itemClass },
        { id: propertyIds.itemKey, value: itemKey },
        { id: propertyIds.batch, value: '7' },
        { id: propertyIds.position, value: '42' },
      ],
    },
    attachments,
    itemKey,
    partial: false,
  };
}

/** For work that is not aborted. */
export const signal = () => new AbortController().signal;

type Clients = ReturnType<typeof openClients>;

/** The messages in the folder, read over HTTP. */
export async function messagesIn(graph: Clients['graph'], userId: string, folderId: string) {
  const call = { doing: 'read back', mailbox: userId, query: { $expand: 'attachments', $top: '100' } };
  return (await graph.list(`/users/${userId}/mailFolders/${folderId}/messages`, call)) as {
    id: string;
    subject: string;
    isDraft: boolean;
    receivedDateTime: string;
    attachments: { name: string; contentBytes: string }[];
  }[];
}
