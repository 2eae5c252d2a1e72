import { subscribe } from 'node:diagnostics_channel';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { createGzip } from 'node:zlib';
import { BlobServiceClient } from '@azure/storage-blob';
import { appBundle } from '../../local/bundles';
import { connectors } from '../../shared/connectors';
import { createDeps, type Deps } from '../../shared/deps';
import { eventLine } from '../../shared/events';
import type { ItemPointer } from '../../shared/item';
import { importItem } from '../../shared/pipeline/import-item';
import { orPutOff } from '../../shared/pipeline/put-off';
import { putPointers } from '../../shared/pipeline/split-batch';
import { createBatches } from '../../shared/storage/batches.client';
import type { Manifest } from '../../shared/storage/manifest';
import { createTeleMessage } from '../../shared/telemessage/client';
import { startExchange } from '../../simulators/exchange/server';
import { mailboxOf, userIdOf } from './lines';
import type { Taken } from './measure';
import { importNaively } from './naive';
import { leastMs, simulate, type Plan } from './simulation';

/** A process of the benchmarks: one run of one variant, or a server. Its task is the first message. */

const MB = 1024 * 1024;

/** What the app asks of others while it works, counted where Node.js tells of it. */
function countRequests(storageOrigin: string) {
  const counts = { graph: 0, storage: 0 };
  const ports = new Set(storageOrigin.split(';').flatMap((part) => /:(\d+)\//.exec(part)?.[1] ?? []));
  subscribe('undici:request:create', () => void counts.graph++);
  subscribe('http.client.request.start', (message) => {
    const { request } = message as { request: { getHeader(name: string): unknown } };
    const port = /:(\d+)$/.exec(String(request.getHeader('host')))?.[1] ?? '';
    if (ports.has(port)) counts.storage++;
  });
  return counts;
}

async function measured(work: () => Promise<Record<string, number> | void>): Promise<Taken> {
  (globalThis as { gc?: () => void }).gc?.();
  const idleBytes = process.memoryUsage().rss;
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const counts = (await work()) ?? {};
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  const peakBytes = mostMemory() - idleBytes;
  return { cpuMs: (user + system) / 1000, wallMs, peakBytes, counts };
}

/**
 * Most memory of the process so far (bytes). Linux counts in `maxRSS` what the process that started this one had; the
 * high-water mark of its own image is in /proc.
 */
function mostMemory(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const kilobytes = /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

interface Page {
  file: string;
  offset: number;
  bytes: number;
  items: number;
  sha256: string;
}

const variants: Record<string, (input: never) => Promise<Taken>> = {
  /** Splits a batch whose pages are ranges of a file; the queue takes pointers and forgets them. */
  split: ({ pages }: { pages: Page[] }) =>
    measured(async () => {
      let sent = 0;
      const byName = new Map(pages.map((page, index) => [String(index), page]));
      const deps = {
        config: { fetch: { overlapMs: 0 } },
        batches: {
          streamPage: (name: string) => {
            const { file, offset, bytes } = byName.get(name)!;
            return Promise.resolve(createReadStream(file, { start: offset, end: offset + bytes - 1 }));
          },
        },
        importQueue: { send: () => Promise.resolve(void sent++) },
      };
      const manifest = {
        connector: 'whatsapp',
        number: 1,
        run: { cause: 'backfill', from: '2026-11-20T00:00:00Z', to: '2026-11-21T00:00:00Z' },
        pages: pages.map(({ items, bytes, sha256 }, index) => ({
          blob: String(index),
          items,
          bytes,
          sha256,
        })),
      };
      await putPointers(deps as unknown as Deps, manifest as unknown as Manifest, () => true);
      return { sent };
    }),
  readAndHash: ({ pages }: { pages: Page[] }) =>
    measured(async () => {
      for (const { file, offset, bytes } of pages) {
        const hash = createHash('sha256');
        for await (const chunk of createReadStream(file, { start: offset, end: offset + bytes - 1 }))
          hash.update(chunk as Buffer);
        hash.digest();
      }
    }),

  /** Fetches one page of the server `bytes`, which takes blobs as well. */
  fetch: async ({ origin, how }: { origin: string; how: 'ours' | 'plain' | 'plainAndHash' | 'unseen' }) => {
    const connection = `DefaultEndpointsProtocol=http;AccountName=a;AccountKey=${Buffer.alloc(64).toString('base64')};BlobEndpoint=${origin}/a;QueueEndpoint=${origin}/a;`;
    const container = BlobServiceClient.fromConnectionString(connection).getContainerClient('c');
    const body = async () => Readable.fromWeb((await fetch(`${origin}/page`)).body as ReadableStream);
    const telemessage = createTeleMessage({
      ...{ baseUrl: origin, pageItems: 1e9, pageMaxBytes: 1e12, timeoutMs: 600_000 },
      credentials: { read: () => Promise.resolve({ username: 'a', password: 'b' }) } as never,
      now: Date.now,
      random: Math.random,
    });
    const ask = { connector: connectors.whatsapp, credentials: {} as never, from: 'a', to: 'b' };
    return measured(async () => {
      if (how === 'ours')
        await telemessage.fetchPage(ask, (content) => createBatches(container).writePage('page', content));
      else if (how === 'unseen') for await (const _chunk of await body());
      else {
        const hash = createHash('sha256');
        const hashed = async function* () {
          for await (const chunk of await body()) {
            hash.update(chunk as Buffer);
            yield chunk as Buffer;
          }
        };
        const source = how === 'plain' ? await body() : Readable.from(hashed());
        await container.getBlockBlobClient('page').uploadStream(source, 4 * MB, 2);
      }
    });
  },

  /**
   * Imports the items of the pointers, so many at a time; what is put off comes back after its delay. Of a manifest, it
   * splits the batch first, onto the real queue.
   */
  import: async ({ settings, pointers, slots, warmUp, manifest }: ImportInput) => {
    Object.assign(process.env, settings);
    const requests = countRequests(settings['ArchiveStorage']!);
    let loggedBytes = 0;
    let putOffs = 0;
    const waiting: ItemPointer[] = [];
    const built = createDeps(settings, { readWorker: appBundle('read-worker') });
    let open = 0;
    const deps: Deps = {
      ...built,
      emit: (name, fields) => void (loggedBytes += eventLine(name, fields).length + 1),
      importQueue: {
        send: async (pointer, { delayMs = 0 } = {}) => {
          putOffs++;
          requests.storage++;
          open++;
          setTimeout(() => {
            open--;
            waiting.push(pointer);
          }, delayMs);
          await Promise.resolve();
        },
        depth: () => Promise.resolve(0),
      },
    };
    const drain = async (own: ItemPointer[]) => {
      waiting.push(...own);
      let running = 0;
      const worker = async () => {
        while (waiting.length > 0 || open > 0 || running > 0) {
          const pointer = waiting.shift();
          if (!pointer) {
            await new Promise((resolve) => setTimeout(resolve, 5));
            continue;
          }
          running++;
          await orPutOff(deps, pointer, () => importItem(deps, pointer)).finally(() => running--);
        }
      };
      await Promise.all(Array.from({ length: slots }, worker));
    };
    await drain(pointers.slice(0, warmUp));
    const before = { ...requests };
    loggedBytes = putOffs = 0;
    const taken = await measured(async () => {
      let own = pointers.slice(warmUp);
      if (manifest) {
        own = [];
        const send = async (pointer: ItemPointer) => {
          await built.importQueue.send(pointer);
          own.push(pointer);
        };
        await putPointers({ ...built, importQueue: { ...built.importQueue, send } }, manifest, () => true);
      }
      await drain(own);
      const [graph, storage] = [requests.graph - before.graph, requests.storage - before.storage];
      return { graph, storage, loggedBytes, putOffs };
    });
    await built.itemReader.close();
    return taken;
  },
  naive: (input: ImportInput) => importNaively(input, measured),
  /** The day of `simulate`, in a process of its own. */
  simulate: ({ mailboxes, ...rest }: SimulateInput) =>
    measured(async () => {
      const plan = { ...rest, mailboxOf: (item: number) => item % mailboxes };
      const { endedAt: _, ...counts } = await simulate(plan);
      return { ...counts, leastMs: leastMs(plan) };
    }),

  /** Loads a bundle as the Functions worker does. */
  load: ({ file }: { file: string }) => {
    Object.assign(process.env, {
      ArchiveStorage: 'UseDevelopmentStorage=true',
      TELEMESSAGE_BASE_URL: 'http://127.0.0.1',
      KEY_VAULT_URL: 'http://127.0.0.1',
    });
    return measured(async () => {
      await Promise.resolve();
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      require(file);
    });
  },
};

export interface ImportInput {
  settings: Record<string, string>;
  pointers: ItemPointer[];
  slots: number;
  /** So many of the pointers are imported before the measurement begins. */
  warmUp: number;
  /** The batch to split and import after the warm-up. */
  manifest?: Manifest;
}

/** A plan whose mailboxes take turns: a function cannot be sent to a process. */
export interface SimulateInput extends Omit<Plan, 'mailboxOf'> {
  mailboxes: number;
}

const servers = {
  /** Serves one page of small lines, and takes blobs. */
  async bytes({ bytes, gzip }: { bytes: number; gzip: boolean }): Promise<string> {
    const line = Buffer.from(`{"messageId":"1","textContent":"${'see you at noon '.repeat(60)}"}\n`);
    const block = Buffer.concat(Array.from({ length: 1000 }, () => line));
    const blocks = Math.ceil(bytes / block.length);
    const server = createServer((request, response) => {
      if (request.method === 'PUT') {
        request.resume().on('end', () => {
          response.writeHead(201, { etag: '"1"', 'last-modified': new Date().toUTCString() }).end();
        });
        return;
      }
      response.writeHead(200, {
        'content-type': 'application/x-ndjson',
        'x-message-count': String(blocks * 1000),
        'x-end-of-messages': 'true',
        'x-last-id': 'end',
        ...(gzip && { 'content-encoding': 'gzip' }),
      });
      const source = Readable.from(
        Array.from({ length: blocks }, () => block),
        { objectMode: false },
      );
      if (gzip) source.pipe(createGzip({ level: 1 })).pipe(response);
      else source.pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
  async exchange({ mailboxes, latencyMs }: { mailboxes: number; latencyMs: number }): Promise<string> {
    const { origin } = await startExchange({
      users: Array.from({ length: mailboxes }, (_, index) => ({
        ...{ id: userIdOf(index), displayName: `User ${index}`, userPrincipalName: mailboxOf(index) },
        ...{ mail: mailboxOf(index), proxyAddresses: [`SMTP:${mailboxOf(index)}`], mobilePhone: null },
        ...{ accountEnabled: true, userType: 'Member', mailbox: 'normal' },
      })),
      latencyMs: { min: latencyMs, max: latencyMs },
      limits: { messageBytes: 200 * MB },
    });
    return origin;
  },
};

async function main(): Promise<void> {
  const [{ part, input }] = (await once(process, 'message')) as [{ part: string; input: never }];
  if (part in servers) process.send?.({ origin: await servers[part as keyof typeof servers](input) });
  else process.send?.(await variants[part]!(input));
  process.on('disconnect', () => process.exit(0));
}

void main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
