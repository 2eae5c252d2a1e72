import { ManagedIdentityCredential } from '@azure/identity';
import { Client, MiddlewareFactory, type Middleware } from '@microsoft/microsoft-graph-client';
import { createDeps } from '../../shared/deps';
import { connectors } from '../../shared/connectors';
import type { Taken } from './measure';
import type { ImportInput } from './part';

/**
 * The pipeline as it is usually written: the line through JSON.parse, the Graph SDK with its own handlers, no ledger, no
 * outcome, no look into the directory. A crash loses items or files them twice.
 */
export async function importNaively(
  { settings, pointers, slots, warmUp }: ImportInput,
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
  const { batches } = createDeps(settings);
  const folders = new Map<string, Promise<string>>();
  const folderOf = (user: string) => {
    const known = folders.get(user) ?? createFolder(origin, token, user);
    folders.set(user, known);
    return known;
  };
  const drain = async (own: ImportInput['pointers']) => {
    const waiting = own.values();
    const worker = async () => {
      for (const { blob, offset, length } of waiting) {
        const item = JSON.parse((await batches.readRange(blob, offset, length)).toString()) as Line;
        const user = item.usersEmailAddress[0]!.emailAddress;
        const path = `/users/${user}/mailFolders/${await folderOf(user)}/messages`;
        // The SDK signs requests to hosts that speak https only.
        await client
          .api(path)
          .header('Authorization', `Bearer ${token}`)
          .post({
            subject: `WhatsApp message ${item.messageId}`,
            body: { contentType: 'text', content: item.textContent },
            toRecipients: [{ emailAddress: { address: user } }],
            singleValueExtendedProperties: [
              { id: 'Integer 0x0E07', value: '1' },
              { id: 'SystemTime 0x0E06', value: item.gatewayReceivedDate },
            ],
          });
      }
    };
    await Promise.all(Array.from({ length: slots }, worker));
  };
  await drain(pointers.slice(0, warmUp));
  return measured(() => drain(pointers.slice(warmUp)));
}

interface Line {
  messageId: string;
  textContent: string;
  gatewayReceivedDate: string;
  usersEmailAddress: { emailAddress: string }[];
}

async function createFolder(origin: string, token: string, user: string): Promise<string> {
  const path = `${origin}/v1.0/users/${user}/mailFolders`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const list = (await (await fetch(`${path}?$top=100`, { headers })).json()) as {
    value: { id: string; displayName: string }[];
  };
  const known = list.value.find(({ displayName }) => displayName === connectors.whatsapp.folder);
  if (known) return known.id;
  const body = JSON.stringify({ displayName: connectors.whatsapp.folder });
  return ((await (await fetch(path, { method: 'POST', headers, body })).json()) as { id: string }).id;
}
