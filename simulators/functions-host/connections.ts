import { DefaultAzureCredential, ManagedIdentityCredential } from '@azure/identity';
import { BlobServiceClient } from '@azure/storage-blob';
import { QueueServiceClient } from '@azure/storage-queue';

export type Settings = Record<string, string>;

export interface Storage {
  /** Throw when the connection names no such service. */
  blobs(): BlobServiceClient;
  queues(): QueueServiceClient;
}

/**
 * The storage account behind a connection name: a connection string in `NAME` wins over the identity-based
 * `NAME__blobServiceUri` and its like, as on the real host. Throws when neither is set.
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

/** Replaces every `%NAME%` by the setting of that name; throws for one that is not set. */
export function resolveNames(text: string, settings: Settings): string {
  return text.replace(/%([^%]+)%/g, (_, name: string) => {
    const value = settings[name];
    if (value === undefined) throw new Error(`'%${name}%' does not resolve to a value.`);
    return value;
  });
}
