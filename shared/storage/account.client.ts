import type { TokenCredential } from '@azure/identity';
import { TableClient } from '@azure/data-tables';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { QueueServiceClient, type QueueClient } from '@azure/storage-queue';

/** How to reach the evidence storage account: by a connection string, or by its three endpoints and an identity. */
export interface AccountOptions {
  connectionString: string | undefined;
  blobUrl: string | undefined;
  queueUrl: string | undefined;
  tableUrl: string | undefined;
}

export interface Account {
  container(name: string): ContainerClient;
  queue(name: string): QueueClient;
  table(name: string): TableClient;
}

/** The clients of the storage account. The settings allow plain http for loopback addresses only. */
export function openAccount(options: AccountOptions, credential: TokenCredential): Account {
  const { connectionString, blobUrl = '', queueUrl = '', tableUrl = '' } = options;
  if (connectionString !== undefined) {
    const blobs = BlobServiceClient.fromConnectionString(connectionString);
    const queues = QueueServiceClient.fromConnectionString(connectionString);
    return {
      container: (name) => blobs.getContainerClient(name),
      queue: (name) => queues.getQueueClient(name),
      table: (name) =>
        TableClient.fromConnectionString(connectionString, name, { allowInsecureConnection: true }),
    };
  }
  const blobs = new BlobServiceClient(blobUrl, credential);
  const queues = new QueueServiceClient(queueUrl, credential);
  return {
    container: (name) => blobs.getContainerClient(name),
    queue: (name) => queues.getQueueClient(name),
    table: (name) => new TableClient(tableUrl, name, credential),
  };
}
