import { DefaultAzureCredential, ManagedIdentityCredential } from '@azure/identity';
import { BlobServiceClient } from '@azure/storage-blob';
import { QueueServiceClient, type QueueClient } from '@azure/storage-queue';

/** The host's side of Azure Storage: connections, its answers, and how the host writes a queue message. */

export type Settings = Record<string, string>;

export interface Storage {
  /** Throws if the connection has no blob service. */
  blobs(): BlobServiceClient;
  /** Throws if the connection has no queue service. */
  queues(): QueueServiceClient;
}

/**
 * The storage account of a connection. As on the real host, a connection string in the setting `NAME` wins over the
 * identity-based settings `NAME__blobServiceUri` and so on. Throws if there is neither.
 */
export function connectStorage(settings: Settings, name: string): Storage {
  const section = (key: string) => settings[`AzureWebJobs${name}${key}`] ?? settings[`${name}${key}`];
  const connectionString = section('');
  if (connectionString) {
    const blobs = BlobServiceClient.fromConnectionString(connectionString);
    const queues = QueueServiceClient.fromConnectionString(connectionString);
    return { blobs: () => blobs, queues: () => queues };
  }
  const account = section('__accountName');
  const uri = (service: 'blob' | 'queue') =>
    section(`__${service}ServiceUri`) ?? (account && `https://${account}.${service}.core.windows.net`);
  if (!uri('blob') && !uri('queue')) {
    throw new Error(
      `Storage account connection string '${name}' does not exist. Make sure that it is a defined App Setting.`,
    );
  }
  const clientId = section('__clientId');
  const credential =
    section('__credential')?.toLowerCase() === 'managedidentity' || clientId
      ? new ManagedIdentityCredential(clientId ? { clientId } : {})
      : new DefaultAzureCredential();
  const required = (service: 'blob' | 'queue') => {
    const value = uri(service);
    if (!value) throw new Error(`Connection '${name}' needs the setting ${name}__${service}ServiceUri`);
    return value;
  };
  let blobs: BlobServiceClient | undefined;
  let queues: QueueServiceClient | undefined;
  return {
    blobs: () => (blobs ??= new BlobServiceClient(required('blob'), credential)),
    queues: () => (queues ??= new QueueServiceClient(required('queue'), credential)),
  };
}

// The storage packages throw errors of different classes, so read the field.
const status = (error: unknown) => (error as { statusCode?: number } | undefined)?.statusCode;

export const isMissing = (error: unknown) => status(error) === 404;
/** It exists already, or another host holds the lease. */
export const isConflict = (error: unknown) => status(error) === 409 || status(error) === 412;

/** The result of the request, or undefined if the service answers that there is no such thing. */
export async function orMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Azure's limit for a message in the queue, base64 included. */
const maxMessageBytes = 64 * 1024;

/** Sends the text unchanged. Like the real host, it creates a queue for an output or for poison that does not exist. */
export async function sendRaw(queue: QueueClient, text: string): Promise<void> {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxMessageBytes) {
    throw new Error(
      `The message for queue ${queue.name} has ${bytes} bytes; the limit is ${maxMessageBytes}`,
    );
  }
  try {
    await queue.sendMessage(text);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await queue.createIfNotExists();
    await queue.sendMessage(text);
  }
}

export const encodeBase64 = (content: string | Uint8Array) =>
  (typeof content === 'string'
    ? Buffer.from(content)
    : Buffer.from(content.buffer, content.byteOffset, content.length)
  ).toString('base64');

/** Undefined for text that .NET's decoder refuses. */
export function decodeBase64(text: string): string | undefined {
  const dense = text.replace(/[ \t\r\n]/g, '');
  const valid = dense.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(dense);
  return valid ? Buffer.from(dense, 'base64').toString() : undefined;
}
