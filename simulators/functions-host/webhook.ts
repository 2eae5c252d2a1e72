import type { QueueClient } from '@azure/storage-queue';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { announce, functionId } from './blob-listener';
import type { BlobFunction } from './blob-listener';
import { keyAllows } from './keys';
import type { Keys } from './keys';
import { orMissing } from './storage-answers';

/**
 * Event Grid's deliveries for blob triggers: `POST /runtime/webhooks/blobs?functionName=…&code=…`. As on the real
 * host neither the type of the event nor the trigger's path is looked at, and no receipt is kept.
 */

interface GridEvent {
  eventType?: string;
  data?: { url?: string; validationCode?: string };
}

export interface WebhookOptions {
  functions: BlobFunction[];
  queueOf(blob: BlobFunction): QueueClient;
  keys: Keys | undefined;
  onFound(): void;
}

/** Container and blob name of a blob address, on Azure's hosts and on an emulator's. */
export function locateBlob(url: string, serviceUrl: string): { container: string; name: string } | undefined {
  const base = serviceUrl.replace(/\/?$/, '/');
  const path = url.startsWith(base) ? url.slice(base.length) : new URL(url).pathname.slice(1);
  const [container, ...rest] = (path.split('?')[0] ?? '').split('/').map(decodeURIComponent);
  return container && rest.length > 0 ? { container, name: rest.join('/') } : undefined;
}

export function serveBlobWebhook(options: WebhookOptions) {
  async function receive(event: GridEvent, blob: BlobFunction) {
    const service = blob.trigger.storage.blobs();
    const place = event.data?.url ? locateBlob(event.data.url, service.url) : undefined;
    if (!place) return;
    const client = service.getContainerClient(place.container).getBlobClient(place.name);
    const properties = await orMissing(client.getProperties());
    if (!properties) return;
    await announce(options.queueOf(blob), blob.indexed.name, place.container, place.name, properties.etag);
  }

  return async function serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (!keyAllows(options.keys, 'blobsExtension', request, url)) return void response.writeHead(401).end();
    const name = url.searchParams.get('functionName');
    const blob = options.functions.find(({ indexed }) => functionId(indexed.name) === name);
    if (!blob || !blob.trigger.eventGrid || blob.indexed.disabled) {
      return void response.writeHead(404).end(`cannot find function: '${name}'`);
    }
    let events: GridEvent[];
    try {
      const body = JSON.parse(await text(request)) as GridEvent | GridEvent[];
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
      options.onFound();
      return void response.writeHead(202).end();
    }
    // Event Grid only announces that a subscription was removed.
    response.writeHead(request.headers['aeg-event-type'] === 'Unsubscribe' ? 202 : 400).end();
  };
}
