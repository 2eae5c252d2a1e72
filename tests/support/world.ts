import { appBundle } from '../../local/bundles';
import type { FaultPlan } from '../../simulators/exchange/fault-plan';
import { startExchange } from '../../simulators/exchange/server';
import type { PrivateJwk } from '../../simulators/identity/vault';
import { vaultKey, vaultKeyName } from '../../simulators/identity/vault-key';
import { startIdentity } from '../../simulators/identity/server';
import { provision } from '../../local/provision';
import type { TenantUser } from '../../simulators/samples/organisation';
import type { FaultOptions } from '../../simulators/telemessage/page-faults';
import { startTeleMessage } from '../../simulators/telemessage/server';
import type { ConnectorId } from '../../shared/connectors';
import { createDeps, type AppDeps, type Deps } from '../../shared/deps';
import { propertyValue, propertyIds, type ExtendedProperty } from '../../shared/email/provenance';
import type { ItemPointer } from '../../shared/item';
import { queues } from '../../shared/names';
import { backfillWindow } from '../../shared/pipeline/backfill-window';
import { importItem } from '../../shared/pipeline/import-item';
import { readItemPointer, readRedriveRequest } from '../../shared/pipeline/messages';
import { orPutOff } from '../../shared/pipeline/put-off';
import { quarantineItem } from '../../shared/pipeline/quarantine-item';
import { redriveItem } from '../../shared/pipeline/redrive-item';
import { splitBatch } from '../../shared/pipeline/split-batch';
import { windowRun } from '../../shared/pipeline/windows';
import type { EventFields, EventName } from '../../shared/events';
import { token } from './exchange-tenant';
import { openStore } from './store';
import { batchPartition, type Outcome, type Quarantined } from '../../shared/storage/outcomes';

/** The stages over real protocols, without the functions host: a test decides what runs, fails and comes twice. */

export const from = '2026-11-20T00:00:00.000Z';
export const to = '2026-11-21T00:00:00.000Z';
const secrets = { 'telemessage-username': 'reader', 'telemessage-password': 'right' };
const header = 'test-identity-header';
const maxDequeueCount = 5;

export interface WorldOptions {
  users: TenantUser[];
  lines?: Partial<Record<ConnectorId, Buffer[]>>;
  settings?: Record<string, string>;
  /** RSA keys of the vault; the sample key by default. */
  keys?: Readonly<Record<string, readonly PrivateJwk[]>>;
  siteFaults?: FaultOptions;
  exchangeFaults?: FaultPlan;
  /** Put between the app and Exchange: the app gets its origin instead of the simulator's. */
  proxy?: (exchangeOrigin: string) => Promise<{ origin: string; close(): Promise<void> }>;
}

export interface Emitted {
  name: EventName;
  fields: EventFields;
}

export async function openWorld(options: WorldOptions) {
  const store = openStore();
  await provision(store.connectionString);
  const lines: Partial<Record<string, Buffer[]>> = options.lines ?? {};
  const identity = await startIdentity({
    secrets,
    header,
    keys: options.keys ?? { [vaultKeyName]: [vaultKey] },
  });
  const site = await startTeleMessage({
    username: secrets['telemessage-username'],
    password: secrets['telemessage-password'],
    faults: options.siteFaults,
    sources: (source) =>
      (lines[source] ?? []).map((line) => ({ gatewayReceivedDate: arrivalOf(line), line })),
  });
  const exchange = await startExchange({
    users: options.users,
    latencyMs: { min: 0, max: 1 },
    ...(options.exchangeFaults ? { faults: options.exchangeFaults } : {}),
  });
  const proxy = await options.proxy?.(exchange.origin);
  process.env['IDENTITY_ENDPOINT'] = identity.identityEndpoint;
  process.env['IDENTITY_HEADER'] = header;
  const events: Emitted[] = [];
  let skippedMs = 0;
  const own: Record<string, string> = {
    ArchiveStorage: store.connectionString,
    TELEMESSAGE_BASE_URL: site.origin,
    GRAPH_BASE_URL: proxy?.origin ?? exchange.origin,
    KEY_VAULT_URL: identity.vaultUrl,
    GRAPH_TIMEOUT_SECONDS: '2',
    LEASE_SECONDS: '5',
    ...options.settings,
  };
  const build = (settings: Record<string, string> = {}): AppDeps => {
    const built = createDeps({ ...own, ...settings }, { readWorker: appBundle('read-worker') });
    // Doubts settle at once, unless a test waits for them.
    const isSettling = { ...options.settings, ...settings }['SETTLING_SECONDS'] !== undefined;
    const reconcile = { ...built.config.reconcile, ...(isSettling ? {} : { settlingMs: 0 }) };
    return {
      ...built,
      config: { ...built.config, reconcile },
      now: () => Date.now() + skippedMs,
      emit: (name, fields) => void events.push({ name, fields }),
    };
  };
  const built: AppDeps[] = [];
  /** The app on another instance, or after a restart: nothing is shared but the stores. */
  const instance = (settings?: Record<string, string>) => {
    const made = build(settings);
    built.push(made);
    return made;
  };
  const deps = instance();
  const { account } = store;
  const queue = account.queue(queues.importItem);
  const redrives = account.queue(queues.redriveItem);

  const world = {
    exchange,
    site,
    events,
    lines,
    account,
    /** The app on its first instance. */
    deps,
    /** What a verb of the command line needs; the identity is in the environment. */
    settings: { ...own, IDENTITY_ENDPOINT: identity.identityEndpoint, IDENTITY_HEADER: header },
    instance,
    /** Fetches the window as a run of its own and splits its batches: the pointers are on the queue, and returned. */
    fetch: (deps: Deps, connector: ConnectorId = 'whatsapp', id = 'test') =>
      fetchWindow(deps, connector, id, (pointer) => deps.importQueue.send(pointer)),
    /** The same with an empty queue: the test decides what happens to the pointers. */
    fetchUnqueued: (deps: Deps, connector: ConnectorId = 'whatsapp', id = 'test') =>
      fetchWindow(deps, connector, id, () => Promise.resolve()),
    /** Fetches the window and works its queue off; gives the pointers that were on it. */
    async archive(deps: Deps, connector: ConnectorId = 'whatsapp', id = 'test'): Promise<ItemPointer[]> {
      const pointers = await world.fetch(deps, connector, id);
      await world.drain(deps);
      return pointers;
    },
    /** Lets time pass for every instance, without waiting. */
    skip(ms: number): void {
      skippedMs += ms;
    },
    /**
     * Works the queue off as the host does: a message that fails comes again, five times, then goes to poison. A message
     * that is put off does not wait: once the others of its round have ended, the clock skips its delay.
     */
    async drain(deps: Deps): Promise<void> {
      let delayMs = 0;
      const undelayed: Deps = {
        ...deps,
        importQueue: {
          ...deps.importQueue,
          send(message, options) {
            delayMs = Math.max(delayMs, options?.delayMs ?? 0);
            return deps.importQueue.send(message);
          },
        },
      };
      for (;;) {
        skippedMs += delayMs;
        delayMs = 0;
        const { receivedMessageItems } = await queue.receiveMessages({
          numberOfMessages: 16,
          visibilityTimeout: 30,
        });
        if (receivedMessageItems.length === 0) return;
        await Promise.all(
          receivedMessageItems.map(async ({ messageId, popReceipt, messageText, dequeueCount }) => {
            const { putOff: _putOff, ...pointer } = readItemPointer(
              JSON.parse(Buffer.from(messageText, 'base64').toString()),
            );
            try {
              await orPutOff(undelayed, pointer, () => importItem(undelayed, pointer));
            } catch {
              if (dequeueCount < maxDequeueCount) {
                await queue.updateMessage(messageId, popReceipt, messageText, 0);
                return;
              }
              await quarantineItem(undelayed, pointer);
            }
            await queue.deleteMessage(messageId, popReceipt);
          }),
        );
      }
    },
    /** Requests that items are redriven, as an operator does, and works the requests off as the host does. */
    async redrive(
      deps: Deps,
      ...items: { connector?: ConnectorId; batch: number; position: number }[]
    ): Promise<void> {
      for (const { connector = 'whatsapp', batch, position } of items) {
        const request = JSON.stringify({ v: 1, connector, batch, position });
        await redrives.sendMessage(Buffer.from(request).toString('base64'));
        const [message] = (await redrives.receiveMessages()).receivedMessageItems;
        const { messageId, popReceipt, messageText } = message!;
        await redrives.deleteMessage(messageId, popReceipt);
        await redriveItem(
          deps,
          readRedriveRequest(JSON.parse(Buffer.from(messageText, 'base64').toString())),
        );
      }
    },
    async queued(): Promise<number> {
      return (await queue.getProperties()).approximateMessagesCount ?? 0;
    },
    /** The outcomes of a batch; an item that has only begun has none. */
    async outcomes(deps: Deps, connector: ConnectorId = 'whatsapp', batch = 1): Promise<Outcome[]> {
      const found: Outcome[] = [];
      for await (const { value } of deps.outcomes.list(batchPartition(connector, batch)))
        if (value.kind !== 'begun') found.push(value);
      return found;
    },
    async quarantined(deps: Deps, connector: ConnectorId = 'whatsapp', batch = 1): Promise<Quarantined[]> {
      const found: Quarantined[] = [];
      for await (const { value } of deps.quarantine.list(batchPartition(connector, batch))) found.push(value);
      return found;
    },
    messages: (user: TenantUser) => readMessages(exchange.origin, user),
    async close(): Promise<void> {
      for (const deps of built) await deps.itemReader.close();
      await proxy?.close();
      await Promise.all([site.close(), exchange.close(), identity.close()]);
    },
  };
  return world;
}

/**
 * For a test file: gives what opens a world, with these options unless a test names others, and these settings below
 * those of the test. Each world closes when its test ends.
 */
export function useWorld(defaults: WorldOptions) {
  const opened: World[] = [];
  afterEach(() => Promise.all(opened.splice(0).map((world) => world.close())));
  return async (options: Partial<WorldOptions> = {}): Promise<World> => {
    const settings = { ...defaults.settings, ...options.settings };
    const world = await openWorld({ ...defaults, ...options, settings });
    opened.push(world);
    return world;
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;

async function fetchWindow(
  deps: Deps,
  connector: ConnectorId,
  id: string,
  queue: (pointer: ItemPointer) => Promise<void>,
): Promise<ItemPointer[]> {
  const pointers: ItemPointer[] = [];
  const send = (pointer: ItemPointer) => {
    pointers.push(pointer);
    return queue(pointer);
  };
  const splitting: Deps = { ...deps, importQueue: { ...deps.importQueue, send } };
  await backfillWindow(deps, { v: 1, connector, run: windowRun('backfill', from, to, id) });
  for (let number = 1; ; number++) {
    const found = await deps.batches.read(connector, number);
    if (!found) return pointers.toSorted((a, b) => a.batch - b.batch || a.position - b.position);
    await splitBatch(splitting, found.manifest);
  }
}

const arrivalOf = (line: Buffer) =>
  /"gatewayReceivedDate":"([^"]+)"/.exec(line.toString('latin1'))?.[1] ?? from;

export interface StoredMessage {
  id: string;
  subject: string;
  isDraft: boolean;
  sentDateTime: string;
  receivedDateTime: string;
  parentFolderId: string;
  body: { contentType: string; content: string };
  attachments: { name: string; size: number; contentBytes?: string }[];
  itemKey: string | undefined;
}

/** Every message of a mailbox, in whatever folder, read over HTTP. */
export async function readMessages(origin: string, user: TenantUser): Promise<StoredMessage[]> {
  const query = new URLSearchParams({
    $top: '100',
    $expand: `attachments,singleValueExtendedProperties($filter=id eq '${propertyIds.itemKey}')`,
  });
  const found: StoredMessage[] = [];
  let url: string | undefined = `${origin}/v1.0/users/${user.id}/messages?${query.toString()}`;
  while (url) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token()}` } });
    if (!response.ok) throw new Error(`Reading a mailbox back failed: ${await response.text()}`);
    const page = (await response.json()) as {
      value: (StoredMessage & { singleValueExtendedProperties?: ExtendedProperty[] })[];
      '@odata.nextLink'?: string;
    };
    for (const { singleValueExtendedProperties, ...message } of page.value)
      found.push({
        ...message,
        itemKey: propertyValue(
          { singleValueExtendedProperties: singleValueExtendedProperties ?? [] },
          propertyIds.itemKey,
        ),
      });
    url = page['@odata.nextLink'];
  }
  return found;
}

/** One WhatsApp line. */
export const chatLine = (id: string, change: Record<string, unknown> = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      messageId: id,
      gatewayReceivedDate: '2026-11-20T08:00:05Z',
      sourceType: 'WHATSAPP_ARCHIVER',
      usersEmailAddress: [
        { mobileNumber: '46701740605', emailAddress: 'anna@contoso.example' },
        { mobileNumber: '46701740606', emailAddress: 'bo@contoso.example' },
      ],
      messageContext: 'app-message',
      messageTime: '2026-11-20T08:00:00Z',
      direction: 'Out',
      from: '46701740605',
      to: ['46701740606'],
      textContent: `text of ${id}`,
      ...change,
    }),
  );
