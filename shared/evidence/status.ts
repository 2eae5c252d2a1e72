import type { ConnectorId } from '../connectors';
import { nextDayStart } from '../days';
import type { AppDeps } from '../deps';
import { queues } from '../names';
import type { RunState, Trouble } from '../storage/runs';
import { batchRow, strayPartition, type Counters } from '../storage/outcomes';
import { version } from '../version';
import { quarantinedItems, waitingByReason } from './quarantine';

/** A batch that is committed but not closed. */
export interface OpenBatch {
  number: number;
  run: string;
  items: number;
  /** Time since its commit. */
  ageMs: number;
  /** False while its items may not be on the queue yet. */
  split: boolean;
}

/** A closed batch among the newest ones. */
export interface ClosedBatch {
  number: number;
  run: string;
  from: string;
  to: string;
  closedAt: string;
  counters: Counters | undefined;
}

export interface ConnectorStatus {
  connector: ConnectorId;
  /** End of the last daily window that is durably stored, ISO-8601 UTC. */
  watermark: string | undefined;
  /** How much later than it should be the next day still is; 0 if it is not late. */
  lateMs: number;
  /** What keeps it from fetching, and what keeps its items from being imported. */
  trouble: { fetch?: Trouble; import?: Trouble };
  /** The run that began last. */
  lastRun: RunState | undefined;
  /** Runs whose window is not completely fetched. */
  openRuns: RunState[];
  /** Batches committed so far. */
  batches: number;
  openBatches: OpenBatch[];
  /** The batches that were closed last, newest first. */
  lastClosed: ClosedBatch[];
  /** Items in quarantine by reason, each item once, without acknowledged ones. */
  quarantine: Record<string, number>;
  acknowledged: number;
}

/** Something that a person should act on. */
export interface Attention {
  /** What is wrong, in a sentence. */
  what: string;
  /** What mends it: a command, or where to read. */
  cure: string;
}

export interface Status {
  /** The release of the program that read the store. */
  version: string;
  at: string;
  connectors: ConnectorStatus[];
  /** Approximate number of waiting messages, by queue. */
  queues: Record<string, number>;
  /** Queue messages that nobody could carry out. */
  strayMessages: number;
  /** Most urgent first; empty if all is well. */
  attention: Attention[];
}

/** A day may be stored so long after its end before it counts as late. */
const graceMs = 2 * 60 * 60_000;
/** Items of an app that is refused try again every ten to fifteen minutes. */
const troubleLastsMs = 30 * 60_000;
const shownClosed = 3;

/** The state of the archive, read from the store only, and what of it needs a person. @throws RestError */
export async function readStatus(deps: AppDeps): Promise<Status> {
  const depths: Record<string, number> = {};
  for (const name of Object.values(queues)) depths[name] = await deps.storeProbe.queueDepth(name);
  const connectors: ConnectorStatus[] = [];
  for (const connector of deps.config.connectors) connectors.push(await statusOf(deps, connector));
  let strayMessages = 0;
  for await (const _stray of deps.strayMessages.list(strayPartition)) strayMessages++;
  const status = {
    version,
    at: new Date(deps.now()).toISOString(),
    connectors,
    queues: depths,
    strayMessages,
  };
  return { ...status, attention: attentionTo(status, deps.config.reconcile.requeueAfterMs) };
}

async function statusOf(deps: AppDeps, connector: ConnectorId): Promise<ConnectorStatus> {
  const runs = await deps.runs.list(connector);
  const { number: closedThrough } = await deps.runs.closedThrough(connector);
  const known = Math.max(closedThrough, await deps.runs.chainHint(connector));
  const batches = await deps.batches.head(connector, known);
  const openBatches: OpenBatch[] = [];
  const lastClosed: ClosedBatch[] = [];
  for (
    let number = batches;
    number > closedThrough || (number > 0 && lastClosed.length < shownClosed);
    number--
  ) {
    const state = (await deps.batchStates.get(connector, batchRow(number)))?.value;
    const found = await deps.batches.read(connector, number);
    if (!found) continue;
    const { run, items, committedAt } = found.manifest;
    const { closedAt, counters } = state ?? {};
    if (closedAt === undefined) {
      const ageMs = deps.now() - Date.parse(committedAt);
      openBatches.unshift({ number, run: run.name, items, ageMs, split: state?.splitAt !== undefined });
    } else if (lastClosed.length < shownClosed)
      lastClosed.push({ number, run: run.name, from: run.from, to: run.to, closedAt, counters });
  }
  const items = await quarantinedItems(deps, connector);
  const watermark = await deps.runs.watermark(connector);
  return {
    connector,
    watermark,
    lateMs: watermark === undefined ? 0 : latenessMs(deps, watermark),
    trouble: await troubleOf(deps, connector),
    lastRun: runs.reduce<RunState | undefined>(
      (last, run) => (last && last.createdAt >= run.createdAt ? last : run),
      undefined,
    ),
    openRuns: runs.filter(({ state }) => state === 'open'),
    batches,
    openBatches,
    lastClosed,
    quarantine: waitingByReason(items),
    acknowledged: items.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length,
  };
}

function latenessMs({ config, now }: AppDeps, watermark: string): number {
  const { dayStarts, lagMs } = config.fetch;
  const dueMs = nextDayStart(Date.parse(watermark), dayStarts) + lagMs;
  return now() > dueMs + graceMs ? now() - dueMs : 0;
}

async function troubleOf(
  { runs, now }: AppDeps,
  connector: ConnectorId,
): Promise<ConnectorStatus['trouble']> {
  const [fetch, imports] = [await runs.trouble(connector, 'fetch'), await runs.trouble(connector, 'import')];
  const isFresh = imports !== undefined && now() - Date.parse(imports.at) < troubleLastsMs;
  return { ...(fetch ? { fetch } : {}), ...(isFresh ? { import: imports } : {}) };
}

const command = (text: string) => `npm run ops -- ${text}`;
const minute = (instant: string) => instant.slice(0, 16).replace('T', ' ');
const plural = (many: number, one: string, more = `${one}s`) => `${many} ${many === 1 ? one : more}`;

const cures: Record<string, string> = {
  credentialsRejected: `put the right sign-in into the vault, or mend the grant (docs/operations.md, credentialsRejected); then ${command('fetch')}`,
  mappingMissing: `${command('mapping put FILE --connector C')}`,
  mappingRefused: `${command('mapping check FILE --connector C')} shows the faults; then mapping put`,
  windowLate: `the app tries again every hour; ${command('fetch')} tries now`,
};

/** What needs a person, most urgent first. */
function attentionTo(status: Omit<Status, 'attention'>, requeueAfterMs: number): Attention[] {
  const found: Attention[] = [];
  for (const { connector, trouble, lateMs, watermark, openBatches, quarantine } of status.connectors) {
    const { fetch, import: imports } = trouble;
    if (fetch)
      found.push({
        what: `${connector} cannot fetch since ${minute(fetch.since)}: ${fetch.message}.`,
        cure: cures[fetch.kind] ?? cures['windowLate']!,
      });
    if (imports)
      found.push({
        what: `${connector} cannot import since ${minute(imports.since)}: ${imports.message}.`,
        cure: cures[imports.kind] ?? cures['credentialsRejected']!,
      });
    if (lateMs > 0 && watermark !== undefined)
      found.push({
        what: `${connector} is late: fetched up to ${minute(watermark)}, ${age(lateMs)} behind.`,
        cure: fetch
          ? 'see the cause above'
          : `${command('fetch')}; if nothing moves, the app may not run (docs/operations.md, silent)`,
      });
    const [oldest] = openBatches.filter(({ ageMs }) => ageMs > requeueAfterMs);
    if (oldest)
      found.push({
        what: `Batch ${oldest.number} of ${connector} is open for ${age(oldest.ageMs)}, ${plural(openBatches.length, 'batch', 'batches')} in all.`,
        cure: 'docs/operations.md, backlogOld',
      });
    const items = Object.values(quarantine).reduce((sum, many) => sum + many, 0);
    if (items > 0)
      found.push({
        what: `${plural(items, 'item')} of ${connector} ${items === 1 ? 'needs' : 'need'} a person.`,
        cure: `${command(`quarantine list --connector ${connector}`)}; after the cause is mended: ${command('redrive')}`,
      });
  }
  for (const [name, depth] of Object.entries(status.queues))
    if (name.endsWith('-poison') && depth > 0)
      found.push({
        what: `${plural(depth, 'message')} on the queue ${name}.`,
        cure: 'docs/operations.md, poisoned',
      });
  if (status.strayMessages > 0)
    found.push({
      what: `${plural(status.strayMessages, 'queue message')} could not be carried out.`,
      cure: command('quarantine list'),
    });
  return found;
}

/** A length of time in words. */
export function age(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`;
}
