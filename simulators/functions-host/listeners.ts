import type { QueueClient } from '@azure/storage-queue';
import type { EventEmitter } from 'node:events';
import { runFinding, scanContainer } from './blob-listener';
import type { BlobFunction } from './blob-listener';
import type { HostEvents, HostOptions } from './host';
import type { HostJson } from './host-json';
import type { IndexedFunction, indexFunctions } from './indexing';
import type { Invoke } from './invocations';
import { describe } from './log';
import type { Log } from './log';
import { listenToQueue } from './queue-listener';
import type { QueueListener } from './queue-listener';
import { isMonitored, listenToTimer, statusStore, timerInfo } from './timer-listener';
import { blobMetadata, queueMetadata } from './trigger-metadata';
import { serveBlobWebhook } from './webhook';

/** Starts a listener for every trigger that polls, and the webhook for those that are told. */

const defaultVisibilityMs = 10 * 60_000;
const defaultBlobPollMs = 10_000;
const minIdleMs = 100;
const poisonSuffix = '-poison';
const blobPoisonQueue = `webjobs-blobtrigger${poisonSuffix}`;

export function startListeners(host: {
  options: HostOptions;
  hostJson: HostJson;
  hostId: string;
  indexed: ReturnType<typeof indexFunctions>;
  invoke: Invoke;
  log: Log;
  events: EventEmitter<HostEvents>;
}) {
  const { options, hostJson, hostId, invoke, log, events } = host;
  const { functions, storageOf } = host.indexed;
  const active = functions.filter(({ disabled }) => !disabled);
  const queues: QueueListener[] = [];
  const others: { stop(): Promise<void> }[] = [];

  const poke = (queueName: string) => {
    for (const listener of queues) if (listener.queueName === queueName) listener.poke();
  };
  const maxIdleMs = options.queuePollMs ?? hostJson.queues.maxPollingIntervalMs;
  const polling = {
    visibilityMs: options.queueVisibilityMs ?? defaultVisibilityMs,
    maxIdleMs,
    minIdleMs: Math.min(minIdleMs, maxIdleMs),
    log,
    onPoison(queueName: string) {
      events.emit('poison', queueName);
      poke(queueName);
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
      others.push(listenToTimer({ indexed, trigger, hostStorage, hostId, invoke, log }));
    }
  }

  const blobs: BlobFunction[] = active.flatMap((indexed) =>
    indexed.trigger.kind === 'blob' ? [{ indexed, trigger: indexed.trigger }] : [],
  );
  const findings = new Map<string, QueueClient>();
  for (const { trigger } of blobs) {
    if (findings.has(trigger.connection)) continue;
    const service = trigger.storage.queues();
    const queue = service.getQueueClient(
      `azure-webjobs-blobtrigger-${hostId}`.slice(0, 63).replace(/-$/, ''),
    );
    findings.set(trigger.connection, queue);
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
        handle: (text) => runFinding(text, blobs, invoke),
      }),
    );
  }
  const queueOf = ({ trigger }: BlobFunction) => {
    const queue = findings.get(trigger.connection);
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
        onFound: () => poke(queue.name),
      }),
    );
  }
  const webhook = serveBlobWebhook({
    functions: blobs,
    queueOf,
    keys: options.keys,
    onFound: () => [...findings.values()].forEach(({ name }) => poke(name)),
  });

  /** What `POST /admin/functions/{name}` does: one run outside of schedule, queue and container. */
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
      log('warning', name, `${describe('HTTP functions are called by their route')}`);
    }
  }

  return {
    webhook,
    poke,
    runNow,
    async stop() {
      await Promise.all([...queues, ...others].map((listener) => listener.stop()));
    },
  };
}
