import { createHash } from 'node:crypto';
import { appBundle } from '../../local/bundles';
import { loadConfig } from '../../shared/config';
import type { ConnectorId } from '../../shared/connectors';
import type { Deps } from '../../shared/deps';
import { sha256Of } from '../../shared/email/content';
import type { MailboxItem } from '../../shared/email/mailbox-item';
import { PermanentError } from '../../shared/errors';
import type { DataKeys } from '../../shared/telemessage/data-keys.client';
import { unwrap } from '../../simulators/identity/vault';
import { vaultKey, vaultKeyName } from '../../simulators/identity/vault-key';
import { createItemReader } from '../../shared/reading/reader.client';
import { parseMapping } from '../../shared/mapping/reader';
import { importItem } from '../../shared/pipeline/import-item';
import { quarantineItem } from '../../shared/pipeline/quarantine-item';
import { batchPartition, positionRow, type Outcome, type Quarantined } from '../../shared/storage/outcomes';
import type { Rows } from '../../shared/storage/rows.client';
import { findUser, mappingCsv } from './people';

/** As the storage service sends a page. */
const chunkBytes = 64 * 1024;

/** The real import stage and parser threads, with rows and mailboxes in memory that never fail by themselves. */

/** What the import of one item leaves behind. */
export interface Imported {
  outcome: Outcome;
  quarantined: Quarantined | undefined;
  created: { userId: string; item: MailboxItem }[];
  /** SHA-256 of all of it: equal lines must give equal fingerprints. */
  fingerprint: string;
}

export interface FuzzStage {
  importLine(connector: ConnectorId, line: Buffer): Promise<Imported>;
  /** Passes the line to the poison function instead. */
  giveUp(connector: ConnectorId, line: Buffer): Promise<Imported>;
  close(): Promise<void>;
}

const parseTimeoutMs = 10_000;
const now = Date.parse('2026-11-21T00:00:00.000Z');

export const settings = {
  ArchiveStorage: 'UseDevelopmentStorage=true',
  TELEMESSAGE_BASE_URL: 'https://telemessage.example',
  KEY_VAULT_URL: 'https://vault.example',
  WECHAT_CUSTOM_MAPPING: 'true',
  WHATSAPP_CUSTOM_MAPPING: 'true',
  WECHAT_SIZE_LIMIT_MB: '1',
  WHATSAPP_SIZE_LIMIT_MB: '1',
  LINE_MAX_MB: '4',
};

/** Unwraps as the vault does, with the key of the samples. */
const sampleDataKeys: DataKeys = {
  versions: () => Promise.resolve([vaultKeyName]),
  open({ wrapped }) {
    const dataKey = unwrap(vaultKey, Buffer.from(wrapped));
    if (dataKey?.length !== 32)
      return Promise.reject(new PermanentError('encrypted', 'No key opens the item'));
    return Promise.resolve({ dataKey, openedWith: vaultKeyName });
  },
};

/** Limits of a table row (learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model). */
const maxRowBytes = 1024 * 1024;

/** @param parts replace the stage's own: a test breaks one and sees whether the checks notice */
export function openStage(parts: Partial<Deps> = {}): FuzzStage {
  const config = loadConfig(settings);
  const mapping = parseMapping(mappingCsv, { maxRows: 1000 });
  if (!mapping.ok) throw new Error('The mapping file of the fuzzer cannot be read');
  const itemReader = createItemReader({
    workerFile: appBundle('read-worker'),
    timeoutMs: parseTimeoutMs,
    threads: 1,
  });

  const run = async (connector: ConnectorId, line: Buffer, stage: typeof importItem): Promise<Imported> => {
    const created: Imported['created'] = [];
    const outcomes = new Map<string, Outcome>();
    const quarantine = new Map<string, Quarantined>();
    // Only what the two stages use. Every outside call succeeds without delay.
    const deps = {
      config,
      now: () => now,
      newId: () => 'owner',
      emit: () => undefined,
      batches: {
        readRange: () => Promise.resolve(Buffer.from(line)),
        async *streamRange(_blob: string, offset: number, length: number) {
          const end = offset + length;
          for (let at = offset; at < end; at += chunkBytes) {
            yield line.subarray(at, Math.min(end, at + chunkBytes));
            await Promise.resolve();
          }
        },
      },
      outcomes: memoryRows(outcomes),
      quarantine: memoryRows(quarantine),
      quarantineEntries: memoryRows(new Map()),
      ledger: memoryRows(new Map()),
      memory: { hold: <T>(_bytes: number, work: () => Promise<T>) => work() },
      itemReader,
      tails: memoryRows(new Map()),
      dataKeys: sampleDataKeys,
      mappings: { current: () => Promise.resolve(mapping.mapping), newRefusal: () => undefined },
      directory: { find: (address: string) => Promise.resolve(findUser(address)) },
      mailboxes: {
        enter: () => () => undefined,
        folder: (userId: string) => Promise.resolve(`folder of ${userId}`),
        create: (userId: string, _folderId: string, item: MailboxItem) => {
          created.push({ userId, item });
          return Promise.resolve({ kind: 'created', messageId: `message ${created.length}` });
        },
      },
      ...parts,
    } as unknown as Deps;
    const pointer = { v: 1, connector, batch: 1, position: 0, blob: 'page', offset: 0, length: line.length };
    // The host gives up an item only after it has failed five times.
    const attempts = { begun: 5, ended: 5, failed: 5, begunAlone: 0, endedAlone: 0 };
    if (stage === quarantineItem)
      await deps.outcomes.insert(batchPartition(connector, 1), positionRow(0), {
        v: 2,
        kind: 'begun',
        settledAt: new Date(now).toISOString(),
        expected: 0,
        deliveries: [],
        attempts,
      });
    await stage(deps, pointer as Parameters<typeof importItem>[1]);
    const [outcome] = outcomes.values();
    if (!outcome) throw new Error('The item ended without an outcome');
    const [quarantined] = quarantine.values();
    return { outcome, quarantined, created, fingerprint: fingerprintOf({ outcome, quarantined, created }) };
  };

  return {
    importLine: (connector, line) => run(connector, line, importItem),
    giveUp: (connector, line) => run(connector, line, quarantineItem),
    close: () => itemReader.close(),
  };
}

function fingerprintOf({ outcome, quarantined, created }: Omit<Imported, 'fingerprint'>): string {
  const hash = createHash('sha256').update(JSON.stringify([outcome, quarantined]));
  for (const { userId, item } of created) {
    hash.update(userId).update(JSON.stringify(item.json));
    for (const { content, ...rest } of item.attachments)
      hash.update(JSON.stringify(rest)).update(sha256Of(content));
  }
  return hash.digest('hex');
}

/** Rows with the size limit of the service: an item whose row the service always refuses would be lost. */
function memoryRows<T extends object>(
  stored: Map<string, T>,
): Pick<Rows<T>, 'get' | 'insert' | 'replace' | 'list'> {
  const checked = (value: T) => {
    // The service counts text as UTF-16.
    const bytes = JSON.stringify(value).length * 2;
    if (bytes > maxRowBytes)
      throw new Error(`A table row of ${bytes} bytes exceeds the limit of the service`);
    return value;
  };
  return {
    get(partition, row) {
      const value = stored.get(`${partition}/${row}`);
      return Promise.resolve(value && { row, value, etag: 'etag' });
    },
    insert(partition, row, value) {
      const key = `${partition}/${row}`;
      if (stored.has(key)) return Promise.resolve(undefined);
      stored.set(key, checked(value));
      return Promise.resolve('etag');
    },
    replace(partition, row, value) {
      stored.set(`${partition}/${row}`, checked(value));
      return Promise.resolve('etag');
    },
    async *list(partition) {
      for (const [key, value] of stored)
        if (key.startsWith(`${partition}/`))
          yield { row: key.slice(partition.length + 1), value, etag: 'etag' };
    },
  };
}
