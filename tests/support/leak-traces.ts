import { BlobServiceClient } from '@azure/storage-blob';
import { TableClient, TableServiceClient } from '@azure/data-tables';
import { QueueServiceClient } from '@azure/storage-queue';
import { allNeedles } from './leak-seeds';

/** Everything that a run leaves behind, and the search in it. */

export interface Trace {
  /** Where it was found: `log`, `queue import-item`, `table ledger`, … */
  place: string;
  text: string;
}

const digitsOnly = /^\d+$/;

/** What a text says in plain, in base64 and in percent encoding. */
function readings(text: string): string[] {
  const decoded = [...text.matchAll(/[A-Za-z0-9+/_-]{12,}={0,2}/g)].map(([run]) =>
    Buffer.from(run, 'base64').toString('utf8'),
  );
  const spoken = text.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
  // A number is told as well when it is written with blanks.
  return [text, spoken, ...decoded, text.replace(/(?<=\d)[ \-()](?=\d)/g, '')];
}

/** The needles that the traces contain, each with its place. */
export function hits(traces: readonly Trace[]): string[] {
  const found = new Set<string>();
  for (const { place, text } of traces)
    for (const reading of readings(text)) {
      const lower = reading.toLowerCase();
      for (const needle of allNeedles)
        if (lower.includes(digitsOnly.test(needle) ? needle : needle.toLowerCase()))
          found.add(`${needle} in ${place}`);
    }
  return [...found].toSorted();
}

/** The messages of all queues at this moment; a test looks again and again while a run is under way. */
export async function queueTraces(connectionString: string): Promise<Trace[]> {
  const service = QueueServiceClient.fromConnectionString(connectionString);
  const traces: Trace[] = [];
  for await (const { name } of service.listQueues()) {
    const { peekedMessageItems } = await service.getQueueClient(name).peekMessages({ numberOfMessages: 32 });
    for (const { messageText } of peekedMessageItems)
      traces.push({ place: `queue ${name}`, text: Buffer.from(messageText, 'base64').toString() });
  }
  return traces;
}

/** Names of all containers and blobs, with their metadata. */
export async function blobNames(connectionString: string): Promise<Trace[]> {
  const service = BlobServiceClient.fromConnectionString(connectionString);
  const traces: Trace[] = [];
  for await (const { name: container } of service.listContainers())
    for await (const { name, metadata } of service
      .getContainerClient(container)
      .listBlobsFlat({ includeMetadata: true }))
      traces.push({ place: `blob names of ${container}`, text: `${name} ${JSON.stringify(metadata ?? {})}` });
  return traces;
}

/** Contents of the pages and manifests: the evidence. */
export async function evidence(connectionString: string, prefix: string): Promise<Trace[]> {
  const container = BlobServiceClient.fromConnectionString(connectionString).getContainerClient('batches');
  const traces: Trace[] = [];
  for await (const { name } of container.listBlobsFlat({ prefix }))
    for (const line of (await container.getBlobClient(name).downloadToBuffer()).toString().split('\n'))
      // Long enough to hold every needle; the rest of a long item says the same again.
      traces.push({ place: prefix, text: line.slice(0, 20_000) });
  return traces;
}

/** Whole rows of every table; of quarantine the keys and the reasons alone. */
export async function tableRows(connectionString: string): Promise<Trace[]> {
  const options = { allowInsecureConnection: true };
  const traces: Trace[] = [];
  for await (const { name } of TableServiceClient.fromConnectionString(
    connectionString,
    options,
  ).listTables()) {
    const table = TableClient.fromConnectionString(connectionString, name!, options);
    for await (const row of table.listEntities<Record<string, unknown>>()) {
      const { partitionKey, rowKey, reason, detail } = row;
      const shown = name === 'quarantine' ? { partitionKey, rowKey, reason, detail } : row;
      traces.push({ place: `table ${name}`, text: JSON.stringify(shown) });
    }
  }
  return traces;
}

/** The personal part of the quarantine. */
export async function quarantineRows(connectionString: string): Promise<Trace[]> {
  const table = TableClient.fromConnectionString(connectionString, 'quarantine', {
    allowInsecureConnection: true,
  });
  const traces: Trace[] = [];
  for await (const row of table.listEntities())
    traces.push({ place: 'quarantine', text: JSON.stringify(row) });
  return traces;
}
