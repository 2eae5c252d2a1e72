import { join } from 'node:path';
import { QueueServiceClient } from '@azure/storage-queue';
import { BlobServiceClient } from '@azure/storage-blob';
import { startHost } from '../../simulators/functions-host/host';
import type { HostOptions } from '../../simulators/functions-host/host';
import { openStore } from './store';

/** Stores and hosts for the tests of the local Functions host. */

function openHostStore() {
  const { connectionString, blobUrl } = openStore();
  const queues = QueueServiceClient.fromConnectionString(connectionString);
  const blobs = BlobServiceClient.fromConnectionString(connectionString);
  return {
    connectionString,
    blobUrl,
    blobs,
    queue: (name: string) => queues.getQueueClient(name),
    async send(name: string, ...messages: unknown[]) {
      const queue = queues.getQueueClient(name);
      await queue.createIfNotExists();
      const text = (message: unknown) => (typeof message === 'string' ? message : JSON.stringify(message));
      for (const message of messages) await queue.sendMessage(Buffer.from(text(message)).toString('base64'));
    },
    /** The messages of a queue, as text; undefined when there is no such queue. */
    async peek(name: string): Promise<string[] | undefined> {
      if (!(await queues.getQueueClient(name).exists())) return undefined;
      const { peekedMessageItems } = await queues.getQueueClient(name).peekMessages({ numberOfMessages: 32 });
      return peekedMessageItems.map(({ messageText }) => messageText);
    },
    async depth(name: string) {
      return (await queues.getQueueClient(name).getProperties()).approximateMessagesCount ?? 0;
    },
    async putBlob(container: string, name: string, content: string) {
      await blobs.getContainerClient(container).createIfNotExists();
      await blobs
        .getContainerClient(container)
        .getBlockBlobClient(name)
        .upload(content, Buffer.byteLength(content));
    },
  };
}
export type HostStore = ReturnType<typeof openHostStore>;

/** For a test file: an empty store for each test, whose fields change as the test starts. */
export function useHostStore(): HostStore {
  const store = openHostStore();
  beforeEach(() => void Object.assign(store, openHostStore()));
  return store;
}

type Account = Pick<HostStore, 'connectionString'>;

/** For a host of a fixture app: it looks for work often, and its timer does not fire by chance. */
export const hostOptions = (
  { connectionString }: Account,
  app: string,
  options: Partial<HostOptions> = {},
): HostOptions => ({
  appDir: join(__dirname, '../fixtures/host-apps', app),
  queuePollMs: 100,
  blobPollMs: 100,
  queueVisibilityMs: 4_000,
  ...options,
  settings: { AzureWebJobsStorage: connectionString, TICK: '0 0 0 1 1 *', ...options.settings },
});

export const keys = { master: 'the-master', function: 'the-function', blobsExtension: 'the-system' };

/** Gives what starts a host in a test; each is closed when its test ends. */
export function useApps(store: Account, defaults: Partial<HostOptions> = {}) {
  const apps: Awaited<ReturnType<typeof startApp>>[] = [];
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));
  return async (name = 'triggers', options: Partial<HostOptions> = {}) => {
    const app = await startApp(store, name, { ...defaults, ...options });
    apps.push(app);
    return app;
  };
}

async function startApp(store: Account, app: string, options: Partial<HostOptions>) {
  const lines: string[] = [];
  const host = await startHost(hostOptions(store, app, { log: (line) => lines.push(line), ...options }));
  /** What the handlers of the fixture apps logged as seen. */
  const seen = () =>
    lines.flatMap((line) => {
      const [, json] = /: SEEN (\{.*\})$/.exec(line) ?? [];
      return json ? [JSON.parse(json) as Record<string, unknown>] : [];
    });
  return { ...host, lines, seen };
}
