import { buffer } from 'node:stream/consumers';
import { ManagedIdentityCredential } from '@azure/identity';
import { Client, MiddlewareFactory, type Middleware } from '@microsoft/microsoft-graph-client';
import { BlobServiceClient } from '@azure/storage-blob';
import { QueueServiceClient } from '@azure/storage-queue';
import { simpleParser } from 'mailparser';
import { connectors } from '../../shared/connectors';
import { createDeps } from '../../shared/deps';
import type { Taken } from './measure';
import type { ImportInput } from './part';

/**
 * The pipeline as it is usually written: each line through JSON.parse, a blob per item, mailparser, the Graph SDK with its
 * own handlers, no ledger, no outcome, no look into the directory. A crash loses items or files them twice.
 */
export async function importNaively(
  { settings, pointers, slots, warmUp, manifest }: ImportInput,
  measured: (work: () => Promise<void>) => Promise<Taken>,
): Promise<Taken> {
  Object.assign(process.env, settings);
  const origin = settings['GRAPH_BASE_URL']!;
  const credential = new ManagedIdentityCredential();
  const { token } = await credential.getToken('https://graph.microsoft.com/.default');
  // The SDK's own handlers, but for the one that signs: it leaves the token out for hosts that speak plain http.
  const signed: Middleware = {
    async execute(context) {
      const headers = new Headers((context.options as RequestInit).headers);
      headers.set('Authorization', `Bearer ${token}`);
      context.options = { ...context.options, headers };
      await next.execute(context);
    },
    setNext: () => undefined,
  };
  const [, next, ...others] = MiddlewareFactory.getDefaultMiddlewareChain({
    getAccessToken: () => Promise.resolve(token),
  }) as [Middleware, Middleware, ...Middleware[]];
  const client = Client.initWithMiddleware({ baseUrl: origin, middleware: [signed, next, ...others] });
  const folders = new Map<string, Promise<string>>();
  const folderOf = (user: string, folder: string) => {
    const known = folders.get(user) ?? createFolder(origin, token, user, folder);
    folders.set(user, known);
    return known;
  };
  const file = async (line: Buffer) => {
    const item = JSON.parse(line.toString()) as Line;
    const user = item.usersEmailAddress[0]!.emailAddress;
    const folder = item.mime === undefined ? connectors.whatsapp.folder : connectors.wechat.folder;
    const content = item.mime === undefined ? chatContent(item) : await mailContent(item.mime);
    await client.api(`/users/${user}/mailFolders/${await folderOf(user, folder)}/messages`).post({
      ...content,
      toRecipients: [{ emailAddress: { address: user } }],
      singleValueExtendedProperties: [
        { id: 'Integer 0x0E07', value: '1' },
        { id: 'SystemTime 0x0E06', value: item.gatewayReceivedDate },
      ],
    });
  };
  const inFlight = async <T>(all: readonly T[], work: (one: T) => Promise<unknown>) => {
    const waiting = all.values();
    const worker = async () => {
      for (const one of waiting) await work(one);
    };
    await Promise.all(Array.from({ length: slots }, worker));
  };
  const { batches } = createDeps(settings);
  const importRanges = (own: ImportInput['pointers']) =>
    inFlight(own, async ({ blob, offset, length }) => file(await batches.readRange(blob, offset, length)));

  const connection = settings['ArchiveStorage']!;
  const items = BlobServiceClient.fromConnectionString(connection).getContainerClient('naive-items');
  const queue = QueueServiceClient.fromConnectionString(connection).getQueueClient('naive-items');
  await Promise.all([items.createIfNotExists(), queue.createIfNotExists()]);
  const splitAndImport = async () => {
    for (const { blob } of manifest!.pages) {
      const page = await buffer(await batches.streamPage(blob));
      const lines = page.toString().trimEnd().split('\n');
      const names = new Map(
        lines.map((line) => [(JSON.parse(line) as Line).messageId, Buffer.from(line)] as const),
      );
      await inFlight([...names], async ([name, line]) => {
        await items.getBlockBlobClient(name).upload(line, line.length);
        await queue.sendMessage(name);
      });
      await inFlight([...names.keys()], async (name) =>
        file(await items.getBlockBlobClient(name).downloadToBuffer()),
      );
    }
  };
  await importRanges(pointers.slice(0, warmUp));
  return measured(() => (manifest ? splitAndImport() : importRanges(pointers.slice(warmUp))));
}

interface Line {
  messageId: string;
  textContent: string;
  gatewayReceivedDate: string;
  usersEmailAddress: { emailAddress: string }[];
  /** The mail in base64, of the connectors that have mails. */
  mime?: string;
}

const chatContent = ({ messageId, textContent }: Line) => ({
  subject: `WhatsApp message ${messageId}`,
  body: { contentType: 'text', content: textContent },
});

async function mailContent(mime: string) {
  const { subject, text, attachments } = await simpleParser(Buffer.from(mime, 'base64'));
  return {
    subject,
    body: { contentType: 'text', content: text },
    attachments: attachments.map(({ filename, contentType, content }) => ({
      '@odata.type': '#microsoft.graph.fileAttachment',
      ...{ name: filename, contentType, contentBytes: content.toString('base64') },
    })),
  };
}

async function createFolder(origin: string, token: string, user: string, folder: string): Promise<string> {
  const path = `${origin}/v1.0/users/${user}/mailFolders`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const list = (await (await fetch(`${path}?$top=100`, { headers })).json()) as {
    value: { id: string; displayName: string }[];
  };
  const known = list.value.find(({ displayName }) => displayName === folder);
  if (known) return known.id;
  const body = JSON.stringify({ displayName: folder });
  return ((await (await fetch(path, { method: 'POST', headers, body })).json()) as { id: string }).id;
}
