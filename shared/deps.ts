import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ManagedIdentityCredential, type TokenCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { isLoopback, loadConfig } from './config';
import { createItemReader } from './reading/reader.client';
import { openGraph } from './graph/client';
import type { FolderRow } from './graph/folder.client';
import type { ItemPointer } from './item';
import { containers, queues, tables } from './names';
import { createByteBudget } from './byte-budget';
import { createMappings } from './mapping/cache';
import { eventLine, type Emit } from './events';
import { openAccount } from './storage/account.client';
import { createAuditTrail } from './storage/audit.client';
import { createBatches } from './storage/batches.client';
import type { Ledger } from './storage/ledger';
import { createMappingFiles } from './mapping/file.client';
import type {
  BatchStates,
  CoverageRows,
  Outcomes,
  Quarantine,
  QuarantineEntries,
  StrayMessages,
} from './storage/outcomes';
import { createStoreProbe } from './storage/probe.client';
import type { Tails } from './storage/tails';
import { createWorkQueue } from './storage/queues.client';
import { createRows } from './storage/rows.client';
import { createRuns } from './storage/runs';
import { createTeleMessage } from './telemessage/client';
import { createDataKeys } from './telemessage/data-keys.client';
import { createCredentialStore } from './telemessage/credentials.client';
import { createTraces } from './traces.client';

/** Everything that the app works with, built from the settings. Nothing else constructs clients. */
export type AppDeps = ReturnType<typeof createDeps>;

/** What only the preflight, the status and the operator's commands use, and no stage. */
type ForPeople =
  'credentials' | 'mailboxProbe' | 'storeProbe' | 'traces' | 'folders' | 'requests' | 'mappingFiles';

/** What the stages work with. The explorer in verification/ has a model of each entry, or does not compile. */
export type Deps = Omit<AppDeps, ForPeople>;

export interface DepsOptions {
  /** The bundle of `reading/read-worker.ts`; beside the running bundle when absent. */
  readWorker?: string;
  /** Takes the place of the app's managed identity where a person runs a command. */
  signIn?: TokenCredential;
}

/**
 * Builds the dependencies from the settings.
 *
 * @throws Error that names every wrong setting
 */
export function createDeps(
  env: Readonly<Record<string, string | undefined>>,
  { readWorker = join(__dirname, 'read-worker.js'), signIn }: DepsOptions = {},
) {
  const config = loadConfig(env);
  const identity = config.identityClientId;
  const credential =
    signIn ?? new ManagedIdentityCredential(identity === undefined ? {} : { clientId: identity });
  const account = openAccount(config.storage, credential);
  const rows = <T extends object>(name: string) => createRows<T>(account.table(name));
  // The vault of the local stack speaks plain http and is not a host of Azure: both checks would refuse it.
  const local = isLoopback(new URL(config.keyVaultUrl));
  const vaultOptions = { allowInsecureConnection: local, disableChallengeResourceVerification: local };
  const vault = new SecretClient(config.keyVaultUrl, credential, vaultOptions);
  const credentials = createCredentialStore(vault);
  const clock = { now: Date.now, random: Math.random };
  const folders = rows<FolderRow>(tables.folders);
  const mappingFiles = createMappingFiles(account.container(containers.mappings));
  const audit = createAuditTrail(account.container(containers.audit));
  const runs = createRuns(rows(tables.runs));

  return {
    config,
    ...clock,
    newId: () => randomUUID(),
    emit: ((name, fields) => console.log(eventLine(name, fields))) as Emit,
    credentials,
    telemessage: createTeleMessage({ ...config.telemessage, ...clock, credentials }),
    ...openGraph({ ...config.graph, credential, folders }),
    batches: createBatches(account.container(containers.batches)),
    audit,
    runs,
    batchStates: rows(tables.batches) as BatchStates,
    outcomes: rows(tables.outcomes) as Outcomes,
    quarantine: rows(tables.quarantine) as Quarantine,
    quarantineEntries: rows(tables.quarantine) as QuarantineEntries,
    strayMessages: rows(tables.quarantine) as StrayMessages,
    coverage: rows(tables.coverage) as CoverageRows,
    ledger: rows(tables.ledger) as Ledger,
    tails: rows(tables.ledger) as Tails,
    importQueue: createWorkQueue<ItemPointer>(account.queue(queues.importItem)),
    mappings: createMappings({
      files: mappingFiles,
      history: { ...runs.mappings, keep: audit.keepMapping, kept: audit.readMapping },
      country: config.import.country,
      now: clock.now,
    }),
    itemReader: createItemReader({
      workerFile: readWorker,
      timeoutMs: config.import.parseTimeoutMs,
      threads: 2,
      country: config.import.country,
    }),
    dataKeys:
      config.decryptionKey === undefined
        ? undefined
        : createDataKeys({
            vaultUrl: config.keyVaultUrl,
            name: config.decryptionKey,
            credential,
            now: clock.now,
            ...vaultOptions,
          }),
    memory: createByteBudget(config.import.memoryBytes),
    folders,
    mappingFiles,
    requests: {
      backfill: createWorkQueue<object>(account.queue(queues.backfillWindow)),
      redrive: createWorkQueue<object>(account.queue(queues.redriveItem)),
      operator: createWorkQueue<object>(account.queue(queues.operatorRequest)),
    },
    storeProbe: createStoreProbe(account),
    traces: createTraces(config.insightsConnectionString, credential),
  };
}
