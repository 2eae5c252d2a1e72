import { TableServiceClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import { QueueServiceClient } from '@azure/storage-queue';
import { containers, queues, tables } from '../shared/names';

/** Creates the containers, queues and tables that infra/ creates in Azure, if they do not exist yet. */
export async function provision(connectionString: string): Promise<void> {
  const blobs = BlobServiceClient.fromConnectionString(connectionString);
  const queueService = QueueServiceClient.fromConnectionString(connectionString);
  const tableService = TableServiceClient.fromConnectionString(connectionString, {
    allowInsecureConnection: true,
  });
  await Promise.all([
    ...Object.values(containers).map((name) => blobs.getContainerClient(name).createIfNotExists()),
    ...Object.values(queues).map((name) => queueService.getQueueClient(name).createIfNotExists()),
    ...Object.values(tables).map((name) => tableService.createTable(name)),
  ]);
}
