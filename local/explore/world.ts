import { loadConfig, type Config } from '../../shared/config';
import type { Deps } from '../../shared/deps';
import type { ItemPointer } from '../../shared/item';
import { createNumbers } from '../../shared/participants/phone';
import type { BackfillRequest } from '../../shared/pipeline/backfill-window';
import { createByteBudget } from '../../shared/pipeline/byte-budget';
import { createMappings } from '../../shared/pipeline/mappings';
import { windowRun } from '../../shared/pipeline/windows';
import type { SignalName } from '../../shared/signals';
import type { LedgerRow } from '../../shared/storage/ledger';
import type { BatchState, Outcome, Quarantined } from '../../shared/storage/outcomes';
import { createRuns } from '../../shared/storage/runs';
import { createTenant, createTwinDirectory, createTwinMailboxes, type Tenant } from './exchange';
import { createTwinQueue, createTwinWorkQueue, type TwinQueue } from './queue';
import { windowEnd, windowStart, type Scenario } from './scenarios';
import type { Simulation } from './simulation';
import type { Process } from './turns';
import {
  chainOf,
  createRowStore,
  createTwinBatches,
  createTwinRows,
  type BlobStore,
  type RowStore,
} from './storage';
import { createTwinTeleMessage, type Site } from './telemessage';

/** What outlives every worker: the stores, the site, the tenant. */
export interface World {
  config: Config;
  tables: Record<'runs' | 'batches' | 'outcomes' | 'quarantine' | 'ledger', RowStore>;
  blobs: BlobStore;
  backfillQueue: TwinQueue<BackfillRequest>;
  importQueue: TwinQueue<ItemPointer>;
  poisonQueue: TwinQueue<ItemPointer>;
  /** Events of new manifests, as the blob trigger gets them. */
  events: TwinQueue<{ manifest: string }>;
  tenant: Tenant;
  site: Site;
  signals: Partial<Record<SignalName, number>>;
  ids: number;
  /** The watermark was moved before the window's last manifest stood. */
  watermarkAhead: boolean;
}

/** A few values are smaller than in production, so that a day fits into a few hundred operations. */
const settings = {
  ArchiveStorage: 'twin',
  TELEMESSAGE_BASE_URL: 'http://127.0.0.1',
  GRAPH_BASE_URL: 'http://127.0.0.1',
  KEY_VAULT_URL: 'http://127.0.0.1',
  CONNECTORS: 'whatsapp',
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
  const events = createTwinQueue<{ manifest: string }>(now);
  const runs = createRowStore();
  // The day before was fetched: this is not the first run ever.
  const watermark = { json: JSON.stringify({ to: windowStart }), etag: 'W/"0"' };
  runs.partitions.set('whatsapp', new Map([['~watermark', watermark]]));
  const backfillQueue = createTwinQueue<BackfillRequest>(now);
  if (scenario.backfill) {
    const run = windowRun('backfill', windowStart, windowEnd, 'hand');
    backfillQueue.send({ v: 1, connector: 'whatsapp', run });
  }
  const world: World = {
    config: configOf(own),
    tables: {
      runs,
      batches: createRowStore(),
      outcomes: createRowStore(),
      quarantine: createRowStore(),
      ledger: createRowStore(),
    },
    blobs: { blobs: new Map(), onManifest: (bytes) => events.send({ manifest: bytes.toString() }) },
    backfillQueue,
    importQueue: createTwinQueue(now),
    poisonQueue: createTwinQueue(now),
    events,
    tenant: createTenant(scenario.users),
    site: { lines: scenario.lines, pageItems: scenario.pageItems, servings: 0 },
    signals: {},
    ids: 0,
    watermarkAhead: false,
  };
  runs.onWrite = (row) => {
    const isWhole = chainOf(world.blobs, 'whatsapp').some(
      ({ value }) => value.run.cause === 'daily' && value.last,
    );
    if (row === '~watermark' && !isWhole) world.watermarkAhead = true;
  };
  return world;
}

/** The same number is read the same way every time, so that one cache serves all runs. */
const numbers = createNumbers(undefined);
const mailParser: Deps['mailParser'] = {
  parse: () => Promise.reject(new Error('The scenarios hold no mails')),
  close: () => Promise.resolve(),
};

/** What one worker process keeps between its invocations. */
export const createMemory = (config: Config) => createByteBudget(config.import.memoryBytes);

export function createTwinDeps(
  world: World,
  simulation: Pick<Simulation, 'io' | 'now'>,
  process: Process,
  invocation: string,
  memory: Deps['memory'],
): Deps {
  const io = simulation.io(process, invocation);
  const { tables, config } = world;
  const { now } = simulation;
  const deps = {
    config,
    now,
    random: () => 0,
    newId: () => `00000000-0000-4000-8000-${String(++world.ids).padStart(12, '0')}`,
    signal: (name) => void (world.signals[name] = (world.signals[name] ?? 0) + 1),
    telemessage: createTwinTeleMessage(world.site, io),
    directory: createTwinDirectory(world.tenant, io),
    mailboxes: createTwinMailboxes(world.tenant, io, now),
    batches: createTwinBatches(world.blobs, io),
    runs: createRuns(createTwinRows('runs', tables.runs, io)),
    batchStates: createTwinRows<BatchState>('batches', tables.batches, io),
    outcomes: createTwinRows<Outcome>('outcomes', tables.outcomes, io),
    quarantine: createTwinRows<Quarantined>('quarantine', tables.quarantine, io),
    ledger: createTwinRows<LedgerRow>('ledger', tables.ledger, io),
    importQueue: createTwinWorkQueue('import-item', world.importQueue, io),
    mappings: createMappings({
      files: {
        read: () => Promise.resolve(undefined),
        version: () => Promise.resolve(undefined),
        write: () => Promise.resolve(),
      },
      country: undefined,
      now,
    }),
    numbers,
    mailParser,
    memory,
  } satisfies Partial<Deps>;
  // What is missing serves set-up and its checks alone: no stage that handles items asks for it.
  return deps as Partial<Deps> as Deps;
}
