import { loadConfig, type Config } from '../../shared/config';
import type { ConnectorId } from '../../shared/connectors';
import type { Deps } from '../../shared/deps';
import type { ItemPointer } from '../../shared/item';
import { createNumbers } from '../../shared/participants/phone';
import type { BackfillRequest } from '../../shared/pipeline/backfill-window';
import { createByteBudget } from '../../shared/byte-budget';
import { createMappings } from '../../shared/mapping/cache';
import { windowRun } from '../../shared/pipeline/windows';
import type { EventName } from '../../shared/events';
import { readMail } from '../../shared/mail/read-mail';
import type { RedriveRequest } from '../../shared/pipeline/redrive-item';
import type { LedgerRow } from '../../shared/storage/ledger';
import type { MappingFiles } from '../../shared/mapping/file.client';
import type { BatchState, Outcome, Quarantined } from '../../shared/storage/outcomes';
import { createRuns } from '../../shared/storage/runs';
import {
  createTenant,
  createTwinDirectory,
  createTwinMailboxes,
  mendTenant,
  type Tenant,
} from './exchange-model';
import { fixedRead } from './call-faults';
import { createTwinQueue, createTwinWorkQueue, type TwinQueue } from './queue-model';
import { windowEnd, windowStart, type Scenario } from './scenarios';
import type { Simulation } from './simulation';
import type { Io, Process } from './scheduler';
import {
  chainOf,
  createRowStore,
  createTwinBatches,
  createTwinRows,
  type BlobStore,
  rowsOf,
  type RowStore,
} from './storage-model';
import { createTwinTeleMessage, type Site } from './telemessage-model';

/** What outlives every worker: the stores, the site, the tenant. */
export interface World {
  config: Config;
  connector: ConnectorId;
  mapping: string | undefined;
  aheadMs: number;
  tables: Record<'runs' | 'batches' | 'outcomes' | 'quarantine' | 'ledger', RowStore>;
  blobs: BlobStore;
  backfillQueue: TwinQueue<BackfillRequest>;
  importQueue: TwinQueue<ItemPointer>;
  poisonQueue: TwinQueue<ItemPointer>;
  redriveQueue: TwinQueue<RedriveRequest>;
  /** Events of new manifests, as the blob trigger gets them. */
  blobEvents: TwinQueue<{ manifest: string }>;
  tenant: Tenant;
  site: Site;
  events: Partial<Record<EventName, number>>;
  ids: number;
  /** The watermark was moved before the window's last manifest stood. */
  watermarkAhead: boolean;
  isBatchClosed: boolean;
  mendings: number;
}

/** A few values are smaller than in production, so that a day fits into a few hundred operations. */
const settings = {
  ArchiveStorage: 'twin',
  TELEMESSAGE_BASE_URL: 'http://127.0.0.1',
  GRAPH_BASE_URL: 'http://127.0.0.1',
  KEY_VAULT_URL: 'http://127.0.0.1',
  BATCH_MAX_ITEMS: '2',
  REQUEUE_AFTER_SECONDS: '1800',
  FETCH_LAG_MINUTES: '0',
};

const configs = new Map<string, Config>();
function configOf(own: Record<string, string>): Config {
  const key = JSON.stringify(own);
  let config = configs.get(key);
  if (!config) configs.set(key, (config = loadConfig({ ...settings, ...own })));
  return config;
}

export function createWorld(scenario: Scenario, now: () => number, own: Record<string, string> = {}): World {
  const { connector } = scenario;
  const blobEvents = createTwinQueue<{ manifest: string }>(now);
  const runs = createRowStore();
  // The day before was fetched: this is not the first run ever.
  const watermark = { json: JSON.stringify({ to: windowStart }), etag: 'W/"0"' };
  runs.partitions.set(connector, new Map([['~watermark', watermark]]));
  const backfillQueue = createTwinQueue<BackfillRequest>(now);
  if (scenario.backfill) {
    const run = windowRun('backfill', windowStart, windowEnd, 'hand');
    backfillQueue.send({ v: 1, connector, run });
  }
  const world: World = {
    config: configOf({ CONNECTORS: connector, ...scenario.settings, ...own }),
    connector,
    mapping: scenario.mapping,
    aheadMs: scenario.aheadMs ?? 0,
    tables: {
      runs,
      batches: createRowStore(),
      outcomes: createRowStore(),
      quarantine: createRowStore(),
      ledger: createRowStore(),
    },
    blobs: { blobs: new Map(), onManifest: (bytes) => blobEvents.send({ manifest: bytes.toString() }) },
    backfillQueue,
    importQueue: createTwinQueue(now),
    poisonQueue: createTwinQueue(now),
    redriveQueue: createTwinQueue(now),
    blobEvents,
    tenant: createTenant(scenario),
    site: { lines: scenario.lines, pageItems: scenario.pageItems, servings: 0 },
    events: {},
    ids: 0,
    watermarkAhead: false,
    isBatchClosed: false,
    mendings: 0,
  };
  runs.onWrite = (row) => {
    if (row !== '~watermark') return;
    const isWhole = chainOf(world.blobs, connector).some(
      ({ value }) => value.run.cause === 'daily' && value.last,
    );
    if (!isWhole) world.watermarkAhead = true;
  };
  world.tables.batches.onWrite = (_row, json) => {
    if ((JSON.parse(json) as BatchState).closedAt !== undefined) world.isBatchClosed = true;
  };
  return world;
}

/** Items that need a person. */
export const hasQuarantine = ({ tables }: World): boolean =>
  [...tables.outcomes.partitions.keys()].some((partition) =>
    rowsOf<Outcome>(tables.outcomes, partition).some(({ value }) => value.reason !== undefined),
  );

/** A person mends what the quarantine complains of, and redrives all of it; one request comes twice. */
export function mend(world: World, scenario: Scenario): void {
  const { tables, tenant, redriveQueue } = world;
  world.mendings++;
  mendTenant(tenant, scenario);
  const requests = [...tables.quarantine.partitions.keys()].flatMap((partition) =>
    rowsOf<Quarantined>(tables.quarantine, partition).map(({ value: { batch, position } }) => ({
      v: 1 as const,
      connector: scenario.connector,
      batch,
      position,
    })),
  );
  for (const request of [...requests, ...requests.slice(-1)]) redriveQueue.send(request);
}

/** The same number is read the same way every time, so that one cache serves all runs. */
const numbers = createNumbers(undefined);

const createTwinMailParser = (io: Io): Deps['mailParser'] => ({
  parse: (raw, context) =>
    io({ name: 'mailParser.parse', key: context.messageId, faults: fixedRead }, () => readMail(raw, context)),
  close: () => Promise.resolve(),
});

function createTwinMappingFiles(mapping: string | undefined, io: Io): MappingFiles {
  const file = mapping === undefined ? undefined : { bytes: Buffer.from(mapping), etag: '1' };
  return {
    read: (connector) => io({ name: 'mappings.read', key: connector, faults: fixedRead }, () => file),
    version: () => Promise.resolve(file?.etag),
    write: () => Promise.reject(new Error('Nobody uploads a mapping in a scenario')),
  };
}

/** What one worker process keeps between its invocations. */
export const createMemory = (config: Config) => createByteBudget(config.import.memoryBytes);

/**
 * What has no twin: no stage that handles items asks for it. Stray messages are those that name no item, and the
 * scenarios put none on a queue.
 */
type SetUp = 'credentials' | 'storeProbe' | 'mailboxProbe' | 'traces' | 'strayMessages';

export function createTwinDeps(
  world: World,
  simulation: Pick<Simulation, 'io' | 'now'>,
  process: Process,
  invocation: string,
  memory: Deps['memory'],
): Deps {
  const io = simulation.io(process, invocation);
  const { tables, config } = world;
  const now = () => simulation.now() + process.aheadMs;
  const deps: Omit<Deps, SetUp> = {
    config,
    now,
    random: () => 0,
    newId: () => `00000000-0000-4000-8000-${String(++world.ids).padStart(12, '0')}`,
    emit: (name) => void (world.events[name] = (world.events[name] ?? 0) + 1),
    telemessage: createTwinTeleMessage(world.site, io),
    directory: createTwinDirectory(world.tenant, io),
    mailboxes: createTwinMailboxes(world.tenant, io, simulation.now),
    batches: createTwinBatches(world.blobs, io),
    runs: createRuns(createTwinRows('runs', tables.runs, io)),
    batchStates: createTwinRows<BatchState>('batches', tables.batches, io),
    outcomes: createTwinRows<Outcome>('outcomes', tables.outcomes, io),
    quarantine: createTwinRows<Quarantined>('quarantine', tables.quarantine, io),
    ledger: createTwinRows<LedgerRow>('ledger', tables.ledger, io),
    importQueue: createTwinWorkQueue('import-item', world.importQueue, io),
    mappings: createMappings({
      files: createTwinMappingFiles(world.mapping, io),
      country: undefined,
      now,
    }),
    numbers,
    mailParser: createTwinMailParser(io),
    memory,
  };
  return deps as Deps;
}
