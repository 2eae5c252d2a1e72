import type { BlobServiceClient } from '@azure/storage-blob';
import type { QueueClient } from '@azure/storage-queue';
import type { IndexedFunction, Trigger } from './indexing';
import type { Invoke } from './invocations';
import { describe } from './log';
import type { Log } from './log';
import { encodeBase64, sendRaw } from './send-message';
import { isConflict, orMissing } from './storage-answers';
import { blobMetadata } from './trigger-metadata';

/**
 * Finds blobs for blob triggers. As on the real host a finding is first a message on a queue of the host's own,
 * so that it survives a crash and is tried five times; then the message runs the function.
 */

type BlobTrigger = Extract<Trigger, { kind: 'blob' }>;
export interface BlobFunction {
  indexed: IndexedFunction;
  trigger: BlobTrigger;
}

interface Finding {
  Type: 'BlobTrigger';
  FunctionId: string;
  BlobType: 'BlockBlob';
  ContainerName: string;
  BlobName: string;
  ETag: string;
}

export const functionId = (name: string) => `Host.Functions.${name}`;
const afterFailureMs = 5_000;
const bare = (etag: string | undefined) => (etag ?? '').replace(/^W\/|"/g, '');

export async function announce(
  queue: QueueClient,
  name: string,
  container: string,
  blob: string,
  etag: string | undefined,
) {
  const finding: Finding = {
    Type: 'BlobTrigger',
    FunctionId: functionId(name),
    BlobType: 'BlockBlob',
    ContainerName: container,
    BlobName: blob,
    ETag: `"${bare(etag)}"`,
  };
  await sendRaw(queue, encodeBase64(JSON.stringify(finding)));
}

/** Handles one finding; throws when the function failed. */
export async function runFinding(text: string, functions: BlobFunction[], invoke: Invoke): Promise<void> {
  const finding = JSON.parse(text) as Finding;
  const found = functions.find(({ indexed }) => functionId(indexed.name) === finding.FunctionId);
  if (!found || found.indexed.disabled) return;
  const { ContainerName: container, BlobName: name } = finding;
  const blob = found.trigger.storage.blobs().getContainerClient(container).getBlobClient(name);
  const properties = await orMissing(blob.getProperties());
  // Gone, or written again: then the new content is a finding of its own.
  if (!properties || bare(properties.etag) !== bare(finding.ETag)) return;
  const content = await orMissing(blob.downloadToBuffer());
  if (!content) return;
  const parts = found.trigger.path.match(name) ?? {};
  const metadata = blobMetadata(found.indexed.name, { container, name, url: blob.url, properties }, parts);
  await invoke(found.indexed, { bytes: content }, metadata);
}

/** Polls the container of one function; a receipt in the host's storage says what was announced already. */
export function scanContainer(options: {
  blob: BlobFunction;
  hostStorage: BlobServiceClient;
  hostId: string;
  queue: QueueClient;
  pollMs: number;
  log: Log;
  onFound(): void;
}) {
  const { indexed, trigger } = options.blob;
  const container = trigger.storage.blobs().getContainerClient(trigger.path.container);
  const receipts = options.hostStorage.getContainerClient('azure-webjobs-hosts');
  const settled = new Set<string>();
  let stopping = false;
  let wake = () => {};

  async function settle(name: string, etag: string) {
    const path = `blobreceipts/${options.hostId}/${functionId(indexed.name)}/"${etag}"/${trigger.path.container}/${name}`;
    const receipt = receipts.getBlockBlobClient(path);
    const known = await orMissing(receipt.getProperties());
    if (known?.metadata?.['azurewebjobscompleted'] === 'True') return;
    if (!known) {
      try {
        await receipt.upload('', 0, { conditions: { ifNoneMatch: '*' } });
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    await announce(options.queue, indexed.name, trigger.path.container, name, etag);
    // Marked only now: a crash in between announces the blob twice rather than never.
    await receipt.setMetadata({ AzureWebJobsCompleted: 'True' });
    options.onFound();
  }

  async function scan() {
    for await (const { name, properties } of container.listBlobsFlat({ prefix: trigger.path.prefix })) {
      if (stopping) return;
      const etag = bare(properties.etag);
      const key = `${etag} ${name}`;
      if (settled.has(key) || !trigger.path.match(name)) continue;
      await settle(name, etag);
      settled.add(key);
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
          indexed.name,
          `Container ${container.containerName} cannot be scanned: ${describe(error)}`,
        );
      }
      if (stopping) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        wake = () => {
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
      wake();
      await polling;
    },
  };
}
