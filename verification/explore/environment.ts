import { createByteBudget } from '../../shared/byte-budget';
import { loadConfig, type Config } from '../../shared/config';
import type { ConnectorId } from '../../shared/connectors';
import type { Deps } from '../../shared/deps';
import { PermanentError } from '../../shared/errors';
import type { EventFields, EventName } from '../../shared/events';
import type { ItemPointer } from '../../shared/item';
import { readLine } from '../../shared/reading/read-line';
import { createMappings } from '../../shared/mapping/cache';
import type { MappingFiles } from '../../shared/mapping/file.client';
import { createNumbers } from '../../shared/participants/phone';
import type { BackfillRequest } from '../../shared/pipeline/backfill-window';
import type { RedriveRequest } from '../../shared/pipeline/redrive-item';
import { windowRun } from '../../shared/pipeline/windows';
import type { AuditEntry } from '../../shared/storage/audit';
import type { Manifest } from '../../shared/storage/manifest';
import type { BatchState, Outcome, Quarantined } from '../../shared/storage/outcomes';
import { createRuns } from '../../shared/storage/runs';
import { fixedRead, type Fault } from './call-faults';
import {
  createDirectoryModel,
  createMailboxesModel,
  createTenant,
  repairTenant,
  type Tenant,
} from './exchange-model';
import { poisonous, startMs, type Scenario } from './scenarios';
import type { Io, Process, Scheduler } from './scheduler';
import {
  chainOf,
  createAuditModel,
  createBatchesModel,
  createQueueModel,
  createRowsModel,
  createRowStore,
  createWorkQueueModel,
  rowsOf,
  type BlobStore,
  type QueueModel,
  type RowStore,
} from './storage-model';
import { createTeleMessageModel, type Site } from './telemessage-model';

/** What outlives every worker: the stores, the TeleMessage site, the tenant. */
export interface Environment {
  config: Config;
  /** Before anybody changed a setting. */
  firstConfig: Config;
  connectors: readonly ConnectorId[];
  /** From the first window's start to the last one's end, ISO-8601 UTC. */
  span: { from: string; to: string };
  mapping: string | undefined;
  aheadMs: number;
  tables: Record<'runs' | 'batches' | 'outcomes' | 'quarantine' | 'coverage' | 'ledger', RowStore>;
  blobs: BlobStore;
  trail: AuditEntry[];
  backfillQueue: QueueModel<BackfillRequest>;
  importQueue: QueueModel<ItemPointer>;
  poisonQueue: QueueModel<ItemPointer>;
  redriveQueue: QueueModel<RedriveRequest>;
  /** Events of new manifests, as the blob trigger gets them. */
  blobEvents: QueueModel<{ manifest: string }>;
  tenant: Tenant;
  site: Site;
  told: { name: EventName; fields: EventFields }[];
  ids: number;
  /** The watermark moved before the window's last manifest existed: a crash in between would skip the rest of the day. */
  watermarkAhead: boolean;
  isBatchClosed: boolean;
  /** How often somebody has made the scenario's repairs. */
  repairs: number;
}

/** Some values are smaller than in production, so that a day fits into a few hundred operations. */
const settings = {
  ArchiveStorage: 'model',
  TELEMESSAGE_BASE_URL: 'http://127.0.0.1',
  GRAPH_BASE_URL: 'http://127.0.0.1',
  KEY_VAULT_URL: 'http://127.0.0.1',
  BATCH_MAX_ITEMS: '2',
  REQUEUE_AFTER_SECONDS: '1800',
  FETCH_LAG_MINUTES: '0',
  // The hour of the scenarios' first instant, so that each window is a whole day.
  DAY_STARTS: '01:00 UTC',
};

const dayMs = 24 * 60 * 60_000;

const configs = new Map<string, Config>();
function configOf(own: Record<string, string>): Config {
  const key = JSON.stringify(own);
  let config = configs.get(key);
  if (!config) configs.set(key, (config = loadConfig({ ...settings, ...own })));
  return config;
}

export function createEnvironment(
  scenario: Scenario,
  now: () => number,
  own: Record<string, string> = {},
): Environment {
  const { connectors, windows = 1 } = scenario;
  const blobEvents = createQueueModel<{ manifest: string }>(now);
  const config = configOf({ CONNECTORS: connectors.join(), ...scenario.settings, ...own });
  const endMs = startMs - config.fetch.lagMs;
  const span = {
    from: new Date(endMs - windows * dayMs).toISOString(),
    to: new Date(endMs).toISOString(),
  };
  const runs = createRowStore();
  // Without a watermark this would be the app's first run ever, which chooses its window differently.
  const watermark = { json: JSON.stringify({ to: span.from }), etag: 'W/"0"' };
  for (const id of connectors) runs.partitions.set(id, new Map([['~watermark', watermark]]));
  const backfillQueue = createQueueModel<BackfillRequest>(now);
  if (scenario.backfill)
    backfillQueue.send({
      v: 1,
      connector: connectors[0],
      run: windowRun('backfill', span.from, span.to, 'hand'),
    });
  const environment: Environment = {
    config,
    firstConfig: config,
    connectors,
    span,
    mapping: scenario.mapping,
    aheadMs: scenario.aheadMs ?? 0,
    tables: {
      runs,
      batches: createRowStore(),
      outcomes: createRowStore(),
      quarantine: createRowStore(),
      coverage: createRowStore(),
      ledger: createRowStore(),
    },
    blobs: {
      blobs: new Map(),
      onManifest(bytes) {
        const { number, pages } = JSON.parse(bytes.toString()) as Manifest;
        if (scenario.repairs?.isFirstPageDamaged && number === 1 && environment.repairs === 0)
          environment.blobs.damagedPage ??= pages[0]?.blob;
        blobEvents.send({ manifest: bytes.toString() });
      },
    },
    trail: [],
    backfillQueue,
    importQueue: createQueueModel(now),
    poisonQueue: createQueueModel(now),
    redriveQueue: createQueueModel(now),
    blobEvents,
    tenant: createTenant(scenario),
    site: {
      lines: scenario.lines,
      connector: connectors[0],
      pageItems: scenario.pageItems,
      servings: 0,
      ended: new Set(),
    },
    told: [],
    ids: 0,
    watermarkAhead: false,
    isBatchClosed: false,
    repairs: 0,
  };
  runs.onWrite = (partition, row, json) => {
    if (row !== '~watermark') return;
    const { to } = JSON.parse(json) as { to: string };
    const isWhole = chainOf(environment.blobs, partition as ConnectorId).some(
      ({ value }) => value.run.cause === 'daily' && value.run.to === to && value.last,
    );
    if (!isWhole) environment.watermarkAhead = true;
  };
  environment.tables.batches.onWrite = (_partition, _row, json) => {
    if ((JSON.parse(json) as BatchState).closedAt !== undefined) environment.isBatchClosed = true;
  };
  return environment;
}

/** True when somebody has a reason to repair something for the first time. */
export const isFirstRepairDue = ({ repairs, isBatchClosed, blobs, told }: Environment): boolean =>
  repairs === 0 &&
  isBatchClosed &&
  (blobs.damagedPage === undefined || told.some(({ name }) => name === 'batchBlocked'));

/** True if an item waits for a person. */
export const hasQuarantine = ({ tables }: Environment): boolean =>
  [...tables.outcomes.partitions.keys()].some((partition) =>
    rowsOf<Outcome>(tables.outcomes, partition).some(({ value }) => value.reason !== undefined),
  );

/** What an administrator changes while items wait. */
export const worldChanges = ['userLeaves', 'scopeLeft', 'mappingChanged', 'limitLowered'] as const;

/** Makes one of these changes. */
export function changeWorld(
  environment: Environment,
  { mappingLater }: Pick<Scenario, 'mappingLater'>,
  change: Fault | undefined,
): void {
  const { tenant } = environment;
  const [address] = tenant.users.keys();
  const [userId] = tenant.mailboxes.keys();
  if (change === 'userLeaves' && address !== undefined) tenant.users.delete(address);
  if (change === 'scopeLeft' && userId !== undefined) tenant.denied.add(userId);
  if (change === 'mappingChanged') environment.mapping = mappingLater;
  if (change !== 'limitLowered') return;
  const { config } = environment;
  const perConnector = Object.fromEntries(
    Object.entries(config.perConnector).map(([id, own]) => [id, own && { ...own, sizeLimitBytes: 1 }]),
  ) as Config['perConnector'];
  environment.config = { ...config, perConnector };
}

/** An administrator repairs what sent items to quarantine, and an operator redrives them all, the last one twice. */
export function repairAndRedrive(environment: Environment, scenario: Scenario): void {
  const { tables, tenant, blobs, redriveQueue } = environment;
  environment.repairs++;
  repairTenant(tenant, scenario);
  blobs.damagedPage = undefined;
  environment.config = environment.firstConfig;
  const batches = [...tables.quarantine.partitions.keys()].filter(
    (partition) => !partition.startsWith('items-'),
  );
  const requests = batches.flatMap((partition) =>
    rowsOf<Quarantined>(tables.quarantine, partition).map(({ value: { connector, batch, position } }) => ({
      v: 1 as const,
      connector: connector as ConnectorId,
      batch,
      position,
    })),
  );
  for (const request of [...requests, ...requests.slice(-1)]) redriveQueue.send(request);
}

/** A number is always read the same way, so one cache serves all runs. */
const numbers = createNumbers(undefined);

const createItemReaderModel = (io: Io): Deps['itemReader'] => ({
  read: (line, connector) =>
    io(
      {
        name: 'itemReader.read',
        key: connector,
        faults: ['crash', 'error', 'deadline'],
        kills: Buffer.from(line).includes(poisonous),
      },
      (fault) => {
        if (fault === 'deadline')
          throw new PermanentError('unreadable', 'the item could not be read in time', { known: {} });
        return readLine(Buffer.from(line), connector, numbers);
      },
    ),
  close: () => Promise.resolve(),
});

function createMappingFilesModel(mapping: string | undefined, io: Io): MappingFiles {
  const file = mapping === undefined ? undefined : { bytes: Buffer.from(mapping), etag: '1' };
  return {
    read: (connector) => io({ name: 'mappings.read', key: connector, faults: fixedRead }, () => file),
    version: () => Promise.resolve(file?.etag),
    write: () => Promise.reject(new Error('Nobody uploads a mapping in a scenario')),
  };
}

/** What one worker process keeps between its invocations. */
export const createMemory = (config: Config) => createByteBudget(config.import.memoryBytes);

/** What one invocation of a stage works with. The compiler demands an entry here for each new dependency of a stage. */
export function createDepsModel(
  environment: Environment,
  scheduler: Pick<Scheduler, 'io' | 'now'>,
  process: Process,
  invocation: string,
  memory: Deps['memory'],
): Deps {
  const io = scheduler.io(process, invocation);
  const { tables, config } = environment;
  const now = () => scheduler.now() + process.aheadMs;
  const audit = createAuditModel(environment.trail, io);
  const runs = createRuns(createRowsModel('runs', tables.runs, io));
  return {
    config,
    now,
    random: () => 0,
    newId: () => `00000000-0000-4000-8000-${String(++environment.ids).padStart(12, '0')}`,
    emit: (name, fields) => void environment.told.push({ name, fields }),
    telemessage: createTeleMessageModel(environment.site, io),
    directory: createDirectoryModel(environment.tenant, io),
    mailboxes: createMailboxesModel(environment.tenant, io, scheduler.now),
    batches: createBatchesModel(environment.blobs, io),
    audit,
    runs,
    batchStates: createRowsModel('batches', tables.batches, io),
    outcomes: createRowsModel('outcomes', tables.outcomes, io),
    quarantine: createRowsModel('quarantine', tables.quarantine, io),
    quarantineEntries: createRowsModel('quarantine', tables.quarantine, io),
    strayMessages: createRowsModel('quarantine', tables.quarantine, io),
    coverage: createRowsModel('coverage', tables.coverage, io),
    ledger: createRowsModel('ledger', tables.ledger, io),
    tails: createRowsModel('ledger', tables.ledger, io),
    importQueue: createWorkQueueModel('import-item', environment.importQueue, io),
    mappings: createMappings({
      files: createMappingFilesModel(environment.mapping, io),
      history: { ...runs.mappings, keep: audit.keepMapping, kept: audit.readMapping },
      country: undefined,
      now,
    }),
    itemReader: createItemReaderModel(io),
    dataKeys: undefined,
    memory,
  };
}
