import type { BlobServiceClient } from '@azure/storage-blob';
import type { QueueClient } from '@azure/storage-queue';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { keyAllows, type Keys } from './keys';
import { messageOf, type Log } from './log';
import type { Run } from './rpc';
import { encodeBase64, isConflict, orMissing, sendRaw, type Storage } from './storage';
import { blobMetadata } from './trigger-metadata';

/**
 * Blob triggers. As on the real host, a blob that was found (by polling the container, or by Event Grid's webhook)
 * becomes a message on the host's own queue, and the message runs the function: so the blob is not lost in a crash,
 * and is tried five times.
 */

export interface BlobTrigger {
  kind: 'blob';
  path: BlobPath;
  eventGrid: boolean;
  connection: string;
  storage: Storage;
}

export interface BlobFunction {
  name: string;
  disabled: boolean;
  trigger: BlobTrigger;
  run: Run;
}

export interface BlobPath {
  container: string;
  /** The part of the blob name before the first `{`, by which a listing is narrowed. */
  prefix: string;
  /** The values of the named parts, or undefined if the blob's name does not match. */
  match(blobName: string): Record<string, string> | undefined;
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** Reads the path of a blob trigger: `container/fixed/{name}.json`. */
export function parseBlobPath(path: string): BlobPath {
  const [container = '', ...rest] = path.replace(/^\//, '').split('/');
  const pattern = rest.join('/');
  if (!/^(?:\$root|\$web|[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9])$/.test(container)) {
    throw new Error(`Invalid blob trigger path '${path}'. Paths must be in the format 'container/blob'.`);
  }
  const names: string[] = [];
  // As on the real host, a named part matches slashes too.
  const source = pattern
    .split(/(\{[^{}]+\})/)
    .map((part, index) => (index % 2 === 0 ? escape(part) : (names.push(part.slice(1, -1)), '(.*)')))
    .join('');
  const whole = new RegExp(`^${source}$`, 's');
  return {
    container,
    prefix: pattern.split('{')[0] ?? '',
    match(blobName) {
      if (pattern === '') return {};
      const found = whole.exec(blobName);
      return found
        ? Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']))
        : undefined;
    },
  };
}

/** The content of a message on the host's queue. */
interface BlobTriggerMessage {
  Type: 'BlobTrigger';
  FunctionId: string;
  BlobType: 'BlockBlob';
  ContainerName: string;
  BlobName: string;
  ETag: string;
}

const functionId = (name: string) => `Host.Functions.${name}`;
const afterFailureMs = 5_000;
const bare = (etag: string | undefined) => (etag ?? '').replace(/^W\/|"/g, '');

async function enqueueBlob(
  queue: QueueClient,
  name: string,
  container: string,
  blob: string,
  etag: string | undefined,
) {
  const message: BlobTriggerMessage = {
    Type: 'BlobTrigger',
    FunctionId: functionId(name),
    BlobType: 'BlockBlob',
    ContainerName: container,
    BlobName: blob,
    ETag: `"${bare(etag)}"`,
  };
  await sendRaw(queue, encodeBase64(JSON.stringify(message)));
}

/** Runs the function that a message of the host's queue names; throws if the function fails. */
export async function runBlobMessage(text: string, functions: BlobFunction[]): Promise<void> {
  const message = JSON.parse(text) as BlobTriggerMessage;
  const found = functions.find(({ name }) => functionId(name) === message.FunctionId);
  if (!found || found.disabled) return;
  const { ContainerName: container, BlobName: name } = message;
  const blob = found.trigger.storage.blobs().getContainerClient(container).getBlobClient(name);
  const properties = await orMissing(blob.getProperties());
  // The blob is gone, or was written again: then the new content has its own message.
  if (!properties || bare(properties.etag) !== bare(message.ETag)) return;
  const content = await orMissing(blob.downloadToBuffer());
  if (!content) return;
  const parts = found.trigger.path.match(name) ?? {};
  const metadata = blobMetadata(found.name, { container, name, url: blob.url, properties }, parts);
  await found.run({ bytes: content }, metadata);
}

/** Polls the container of one function. A receipt in the host's storage marks each blob that has had its message. */
export function scanContainer(options: {
  blob: BlobFunction;
  hostStorage: BlobServiceClient;
  hostId: string;
  queue: QueueClient;
  pollMs: number;
  log: Log;
  onEnqueued(): void;
}) {
  const { name: functionName, trigger } = options.blob;
  const container = trigger.storage.blobs().getContainerClient(trigger.path.container);
  const receipts = options.hostStorage.getContainerClient('azure-webjobs-hosts');
  /** Blobs of which this process knows the receipt. */
  const enqueued = new Set<string>();
  let stopping = false;
  let endPause = () => {};

  async function enqueueOnce(name: string, etag: string) {
    const path = `blobreceipts/${options.hostId}/${functionId(functionName)}/"${etag}"/${trigger.path.container}/${name}`;
    const receipt = receipts.getBlockBlobClient(path);
    const existing = await orMissing(receipt.getProperties());
    if (existing?.metadata?.['azurewebjobscompleted'] === 'True') return;
    if (!existing) {
      try {
        await receipt.upload('', 0, { conditions: { ifNoneMatch: '*' } });
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    await enqueueBlob(options.queue, functionName, trigger.path.container, name, etag);
    // Marked only after the message: a crash in between triggers the blob twice rather than never.
    await receipt.setMetadata({ AzureWebJobsCompleted: 'True' });
    options.onEnqueued();
  }

  async function scan() {
    for await (const { name, properties } of container.listBlobsFlat({ prefix: trigger.path.prefix })) {
      if (stopping) return;
      const etag = bare(properties.etag);
      const key = `${etag} ${name}`;
      if (enqueued.has(key) || !trigger.path.match(name)) continue;
      await enqueueOnce(name, etag);
      enqueued.add(key);
    }
  }

  async function poll() {
    while (!stopping) {
      let pauseMs = options.pollMs;
      try {
        await receipts.createIfNotExists();
        await orMissing(scan());
      } catch (error) {
        pauseMs = Math.max(pauseMs, afterFailureMs);
        options.log(
          'error',
          functionName,
          `Container ${container.containerName} cannot be scanned: ${messageOf(error)}`,
        );
      }
      if (stopping) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        endPause = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  const polling = poll();
  return {
    async stop() {
      stopping = true;
      endPause();
      await polling;
    },
  };
}

interface GridEvent {
  eventType?: string;
  data?: { url?: string; validationCode?: string };
}

interface WebhookOptions {
  functions: BlobFunction[];
  queueOf(blob: BlobFunction): QueueClient;
  keys: Keys | undefined;
  onEnqueued(): void;
}

/** The container and name in the URL of a blob, for Azure's hosts and for an emulator's. */
function locateBlob(url: string, serviceUrl: string): { container: string; name: string } | undefined {
  const base = serviceUrl.replace(/\/?$/, '/');
  const path = url.startsWith(base) ? url.slice(base.length) : new URL(url).pathname.slice(1);
  const [container, ...rest] = (path.split('?')[0] ?? '').split('/').map(decodeURIComponent);
  return container && rest.length > 0 ? { container, name: rest.join('/') } : undefined;
}

/**
 * Serves Event Grid's deliveries: `POST /runtime/webhooks/blobs?functionName=…&code=…`. As on the real host, neither
 * the type of the event nor the trigger's path is checked, and there is no receipt.
 */
export function serveBlobWebhook(options: WebhookOptions) {
  async function receive(event: GridEvent, blob: BlobFunction) {
    const service = blob.trigger.storage.blobs();
    const place = event.data?.url ? locateBlob(event.data.url, service.url) : undefined;
    if (!place) return;
    const client = service.getContainerClient(place.container).getBlobClient(place.name);
    const properties = await orMissing(client.getProperties());
    if (!properties) return;
    await enqueueBlob(options.queueOf(blob), blob.name, place.container, place.name, properties.etag);
  }

  return async function serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (!keyAllows(options.keys, 'blobsExtension', request, url)) return void response.writeHead(401).end();
    const name = url.searchParams.get('functionName');
    const blob = options.functions.find((candidate) => functionId(candidate.name) === name);
    if (!blob || !blob.trigger.eventGrid || blob.disabled) {
      return void response.writeHead(404).end(`cannot find function: '${name}'`);
    }
    let events: GridEvent[];
    try {
      const body = JSON.parse(await readText(request)) as GridEvent | GridEvent[];
      events = Array.isArray(body) ? body : [body];
    } catch {
      return void response.writeHead(400).end();
    }
    if (request.headers['aeg-event-type'] === 'SubscriptionValidation') {
      const answer = { validationResponse: events[0]?.data?.validationCode };
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    }
    if (request.headers['aeg-event-type'] === 'Notification') {
      await Promise.all(events.map((event) => receive(event, blob)));
      options.onEnqueued();
      return void response.writeHead(202).end();
    }
    // Unsubscribe only tells that the subscription was removed.
    response.writeHead(request.headers['aeg-event-type'] === 'Unsubscribe' ? 202 : 400).end();
  };
}
