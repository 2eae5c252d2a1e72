import { join } from 'node:path';
import { QueueServiceClient } from '@azure/storage-queue';
import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite } from '../../local/azurite';
import { startHost } from '../../local/host/host';
import type { HostOptions } from '../../local/host/host';

/** Azurite and hosts for the tests of the local Functions host. */

export const appDir = (name: string) => join(__dirname, '../fixtures/host-apps', name);

export async function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export async function startStore() {
  const azurite = await startAzurite({ inMemory: true });
  const queues = QueueServiceClient.fromConnectionString(azurite.connectionString);
  const blobs = BlobServiceClient.fromConnectionString(azurite.connectionString);
  return {
    ...azurite,
    blobs,
    /** As new: another store for every test would cost seconds. */
    async clear() {
      for await (const { name } of queues.listQueues()) await queues.getQueueClient(name).delete();
      for await (const { name } of blobs.listContainers()) {
        if (name !== 'azure-webjobs-hosts') await blobs.getContainerClient(name).delete();
      }
    },
    queue: (name: string) => queues.getQueueClient(name),
    async send(name: string, ...messages: unknown[]) {
      const queue = queues.getQueueClient(name);
      await queue.createIfNotExists();
      const text = (message: unknown) => (typeof message === 'string' ? message : JSON.stringify(message));
      for (const message of messages) await queue.sendMessage(Buffer.from(text(message)).toString('base64'));
    },
    /** What stands in a queue, as text; undefined when there is no such queue. */
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
export type Store = Awaited<ReturnType<typeof startStore>>;

export async function startApp(
  store: Pick<Store, 'connectionString'>,
  app: string,
  options: Partial<HostOptions> = {},
) {
  const lines: string[] = [];
  const host = await startHost({
    appDir: appDir(app),
    queuePollMs: 100,
    blobPollMs: 100,
    queueVisibilityMs: 4_000,
    log: (line) => lines.push(line),
    ...options,
    settings: { AzureWebJobsStorage: store.connectionString, TICK: '0 0 0 1 1 *', ...options.settings },
  });
  /** What the handlers of the fixture apps logged as seen. */
  const seen = () =>
    lines.flatMap((line) => {
      const [, json] = /: SEEN (\{.*\})$/.exec(line) ?? [];
      return json ? [JSON.parse(json) as Record<string, unknown>] : [];
    });
  return { ...host, lines, seen };
}
