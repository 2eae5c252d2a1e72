import type { QueueClient } from '@azure/storage-queue';
import { runBlobMessage, scanContainer, serveBlobWebhook, type BlobFunction } from './blob-trigger';
import type { HostJson } from './host-json';
import type { IndexedFunction, indexFunctions } from './indexing';
import type { Invoke } from './invocations';
import type { Keys } from './keys';
import type { Log } from './log';
import { listenToQueue, type QueueListener } from './queue-trigger';
import { isMonitored, listenToTimer, statusStore, timerInfo } from './timer-trigger';
import type { Run } from './rpc';
import { blobMetadata, queueMetadata } from './trigger-metadata';

/** Starts a listener for every trigger that polls, and the webhook for the blob triggers of Event Grid. */

const defaultVisibilityMs = 10 * 60_000;
const defaultBlobPollMs = 10_000;
const minIdleMs = 100;
const poisonSuffix = '-poison';
const blobPoisonQueue = `webjobs-blobtrigger${poisonSuffix}`;

export interface PollingOptions {
  /** The pause between two scans of a container; about ten seconds on the real host. */
  blobPollMs?: number;
  /** The longest pause between two polls of an empty queue; by default `maxPollingInterval` of host.json. */
  queuePollMs?: number;
  /** How long a message in hand stays invisible, renewed after half of it; by default ten minutes, as on the real host. */
  queueVisibilityMs?: number;
}

export function startListeners(host: {
  options: PollingOptions;
  hostJson: HostJson;
  hostId: string;
  keys: Keys | undefined;
  indexed: ReturnType<typeof indexFunctions>;
  invoke: Invoke;
  log: Log;
  onPoison(queueName: string): void;
}) {
  const { options, hostJson, hostId, invoke, log } = host;
  const { functions, storageOf } = host.indexed;
  const active = functions.filter(({ disabled }) => !disabled);
  const queues: QueueListener[] = [];
  const others: { stop(): Promise<void> }[] = [];

  const notify = (queueName: string) => {
    for (const listener of queues) if (listener.queueName === queueName) listener.notify();
  };
  const maxIdleMs = options.queuePollMs ?? hostJson.queues.maxPollingIntervalMs;
  const polling = {
    visibilityMs: options.queueVisibilityMs ?? defaultVisibilityMs,
    maxIdleMs,
    minIdleMs: Math.min(minIdleMs, maxIdleMs),
    log,
    onPoison(queueName: string) {
      host.onPoison(queueName);
      notify(queueName);
    },
  };

  for (const indexed of active) {
    const { trigger } = indexed;
    if (trigger.kind === 'queue') {
      const service = trigger.storage.queues();
      queues.push(
        listenToQueue({
          ...hostJson.queues,
          ...polling,
          name: indexed.name,
          queue: service.getQueueClient(trigger.queueName),
          poison: trigger.queueName.endsWith(poisonSuffix)
            ? undefined
            : service.getQueueClient(`${trigger.queueName}${poisonSuffix}`),
          async handle(text, item) {
            await invoke(indexed, { string: text }, queueMetadata(indexed.name, item, text));
          },
        }),
      );
    }
    if (trigger.kind === 'timer') {
      const hostStorage = storageOf('AzureWebJobsStorage').blobs();
      const { name } = indexed;
      const run: Run = (...input) => invoke(indexed, ...input);
      others.push(listenToTimer({ name, trigger, hostStorage, hostId, run, log }));
    }
  }

  const blobs: BlobFunction[] = active.flatMap((indexed) => {
    const { name, disabled, trigger } = indexed;
    const run: Run = (...input) => invoke(indexed, ...input);
    return trigger.kind === 'blob' ? [{ name, disabled, trigger, run }] : [];
  });
  /** The queues for the blobs that were found, by connection. */
  const blobQueues = new Map<string, QueueClient>();
  for (const { trigger } of blobs) {
    if (blobQueues.has(trigger.connection)) continue;
    const service = trigger.storage.queues();
    const queue = service.getQueueClient(
      `azure-webjobs-blobtrigger-${hostId}`.slice(0, 63).replace(/-$/, ''),
    );
    blobQueues.set(trigger.connection, queue);
    queues.push(
      listenToQueue({
        ...polling,
        name: 'blobTrigger',
        queue,
        poison: service.getQueueClient(blobPoisonQueue),
        batchSize: Math.min(hostJson.blobs.maxDegreeOfParallelism, 32),
        newBatchThreshold: 0,
        maxDequeueCount: hostJson.blobs.poisonBlobThreshold,
        visibilityTimeoutMs: 0,
        base64: true,
        handle: (text) => runBlobMessage(text, blobs),
      }),
    );
  }
  const queueOf = ({ trigger }: BlobFunction) => {
    const queue = blobQueues.get(trigger.connection);
    if (!queue) throw new Error(`No queue for the connection ${trigger.connection}`);
    return queue;
  };
  for (const blob of blobs) {
    if (blob.trigger.eventGrid) continue;
    const queue = queueOf(blob);
    others.push(
      scanContainer({
        blob,
        hostStorage: storageOf('AzureWebJobsStorage').blobs(),
        hostId,
        queue,
        pollMs: options.blobPollMs ?? defaultBlobPollMs,
        log,
        onEnqueued: () => notify(queue.name),
      }),
    );
  }
  const webhook = serveBlobWebhook({
    functions: blobs,
    queueOf,
    keys: host.keys,
    onEnqueued: () => [...blobQueues.values()].forEach(({ name }) => notify(name)),
  });

  /** Runs a function once, now, as `POST /admin/functions/{name}` asks. */
  async function runNow(indexed: IndexedFunction, input: string): Promise<void> {
    const { trigger, name } = indexed;
    if (trigger.kind === 'timer') {
      const container = storageOf('AzureWebJobsStorage').blobs().getContainerClient('azure-webjobs-hosts');
      const status = isMonitored(trigger) ? await statusStore(container, hostId, name).read() : undefined;
      await invoke(indexed, timerInfo(status, false));
    } else if (trigger.kind === 'queue') {
      const now = new Date();
      const item = {
        messageId: '',
        popReceipt: '',
        dequeueCount: 0,
        insertedOn: now,
        expiresOn: now,
        nextVisibleOn: now,
      };
      await invoke(indexed, { string: input }, queueMetadata(name, item, input));
    } else if (trigger.kind === 'blob') {
      const [container = '', ...rest] = input.split('/');
      const blobName = rest.join('/');
      const blob = trigger.storage.blobs().getContainerClient(container).getBlobClient(blobName);
      const properties = await blob.getProperties();
      const place = { container, name: blobName, url: blob.url, properties };
      const metadata = blobMetadata(name, place, trigger.path.match(blobName) ?? {});
      await invoke(indexed, { bytes: await blob.downloadToBuffer() }, metadata);
    } else {
      log('warning', name, 'HTTP functions are called by their route');
    }
  }

  return {
    webhook,
    notify,
    runNow,
    async stop() {
      await Promise.all([...queues, ...others].map((listener) => listener.stop()));
    },
  };
}
