import { fork } from 'node:child_process';
import { once } from 'node:events';
import { startAzurite } from '../../local/azurite';
import { bundle } from '../../local/bundles';
import { startPart } from '../../local/part';
import { provision } from '../../local/provision';
import { connectors, type ConnectorId } from '../../shared/connectors';
import { createDeps } from '../../shared/deps';
import { pointerVersion, type ItemPointer } from '../../shared/item';
import { nextManifest, sha256, type Manifest } from '../../shared/storage/manifest';
import { window } from './lines';

/** The servers that the app speaks to, each in a process of its own, so that only the app is measured. */
export interface Services {
  /** Settings of the app. */
  settings: Record<string, string>;
  /** Stores the lines as one committed batch of one page. */
  store(
    connector: ConnectorId,
    lines: readonly Buffer[],
  ): Promise<{ manifest: Manifest; pointers: ItemPointer[] }>;
  close(): Promise<void>;
}

const header = 'bench-identity-header';

export async function startServices(
  { mailboxes, latencyMs = 0 }: { mailboxes: number; latencyMs?: number },
  own: Record<string, string> = {},
): Promise<Services> {
  const secrets = { 'telemessage-username': 'reader', 'telemessage-password': 'right' };
  const [azurite, identity, exchange] = await Promise.all([
    startAzurite({ inMemory: true }),
    startPart<{ identityEndpoint: string; vaultUrl: string }>('identity', 'identity', {
      header,
      secrets,
      keys: {},
    }),
    startServer('exchange', { mailboxes, latencyMs }),
  ]);
  await provision(azurite.connectionString);
  const settings = {
    ArchiveStorage: azurite.connectionString,
    TELEMESSAGE_BASE_URL: 'http://127.0.0.1',
    GRAPH_BASE_URL: exchange.origin,
    KEY_VAULT_URL: identity.ready.vaultUrl,
    IDENTITY_ENDPOINT: identity.ready.identityEndpoint,
    IDENTITY_HEADER: header,
    ...own,
  };
  const { batches } = createDeps(settings);
  const ends = new Map<ConnectorId, Parameters<typeof nextManifest>[0]>();
  return {
    settings,
    async store(connector, lines) {
      const end = ends.get(connector) ?? { number: 0, sha256: null };
      const blob = `pages/${connectors[connector].id}/bench/${end.number + 1}.ndjson`;
      const page = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
      await batches.writePage(blob, pieces(page));
      const manifest = nextManifest(end, {
        connector,
        run: { name: `backfill-${end.number + 1}`, cause: 'backfill', ...window },
        sequence: 1,
        pages: [{ blob, sha256: sha256(page), bytes: page.length, items: lines.length }],
        items: lines.length,
        bytes: page.length,
        last: true,
        nextLastId: null,
        committedAt: new Date().toISOString(),
      });
      await batches.commit(manifest);
      const stored = await batches.read(connector, manifest.number);
      ends.set(connector, { number: manifest.number, sha256: stored!.sha256 });
      let offset = 0;
      const pointers = lines.map((line, position): ItemPointer => {
        const pointer = {
          v: pointerVersion,
          connector,
          batch: manifest.number,
          position,
          blob,
          offset,
          length: line.length,
        } as const;
        offset += line.length + 1;
        return pointer;
      });
      return { manifest, pointers };
    },
    async close() {
      await Promise.all([exchange.close(), identity.close(), azurite.close()]);
    },
  };
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1 << 20) {
    yield bytes.subarray(at, at + (1 << 20));
    await Promise.resolve();
  }
}

/** A server of `part.ts`. */
export async function startServer(
  part: 'exchange' | 'bytes',
  input: object,
): Promise<{ origin: string; close(): Promise<void> }> {
  const child = fork(bundle('bench-part'), [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.send({ part, input });
  const ended = once(child, 'exit');
  const failed = ended.then(([code]): never => {
    throw new Error(`The server ${part} ended with ${String(code)}`);
  });
  failed.catch(() => undefined);
  const [message] = (await Promise.race([once(child, 'message'), failed])) as [{ origin: string }];
  return {
    ...message,
    async close() {
      child.kill();
      await ended;
    },
  };
}
