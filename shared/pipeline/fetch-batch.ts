import { connectors, type ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import { DeploymentError } from '../errors';
import { nextManifest, type ChainEnd, type Manifest } from '../storage/manifest';
import type { RunState } from '../storage/runs';
import { expireRecords } from './expire-records';
import { dueWindows } from './windows';

type Stage = Pick<Deps, 'config' | 'telemessage' | 'batches' | 'runs' | 'emit' | 'now' | 'newId'>;

/** A site that forgets cursors faster than a window can be read must not keep the app busy without end. */
const maxRestarts = 5;
/** A site that serves pages without messages and without an end would do the same. */
const maxEmptyPages = 100;

/**
 * Fetches every window that is due, of all enabled connectors at the same time, each of them oldest first: unfinished
 * runs, then the daily windows from the watermark on, then unfinished backfills. A connector or a backfill that fails
 * does not stop the others. When the time for a connector is over, the next call goes on.
 *
 * @throws Error that names each connector that failed; its watermark does not move
 */
export async function fetchBatch(deps: Stage & Parameters<typeof expireRecords>[0]): Promise<void> {
  const failures = await Promise.all(deps.config.connectors.map((id) => fetchConnector(deps, id)));
  if (failures.flat().length > 0) throw new Error(`Fetching failed. ${failures.flat().join('; ')}`);
}

/** Returns what failed. */
async function fetchConnector(
  deps: Parameters<typeof fetchBatch>[0],
  connector: ConnectorId,
): Promise<string[]> {
  const untilMs = deps.now() + deps.config.fetch.budgetMs;
  const failures: string[] = [];
  const attempt = async (work: () => Promise<void>, run?: string): Promise<boolean> => {
    try {
      await work();
    } catch (error) {
      failures.push(`${connector}: ${messageOf(error)}`);
      await reportFailure(deps, connector, error, run);
      // Repeated attempts with a wrong password can lock the account.
      return !(error instanceof DeploymentError);
    }
    return true;
  };

  let backfills: RunState[] = [];
  let goesOn = await attempt(async () => {
    const unfinished = await deps.runs.listOpen(connector);
    backfills = unfinished.filter(({ cause }) => cause === 'backfill');
    const days = unfinished.filter(({ cause }) => cause === 'daily');
    await fetchDays(deps, connector, days, untilMs);
  });
  for (const run of backfills)
    if (deps.now() < untilMs)
      goesOn = goesOn && (await attempt(() => fetchRun(deps, connector, run, untilMs), run.name));
  if (failures.length === 0) await deps.runs.clearTrouble(connector, 'fetch');
  await expireRecords(deps, connector).catch((error: unknown) => {
    failures.push(`${connector}, removing old rows: ${messageOf(error)}`);
  });
  return failures;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Tells people that the connector could not fetch, and notes it for the status. */
async function reportFailure(
  deps: Stage,
  connector: ConnectorId,
  error: unknown,
  run?: string,
): Promise<void> {
  const kind = error instanceof DeploymentError ? 'credentialsRejected' : 'windowLate';
  const message = messageOf(error);
  deps.emit(kind, { connector, message, ...(run ? { run } : {}) });
  // A note that cannot be written must not keep the other connectors from fetching.
  const at = new Date(deps.now()).toISOString();
  await deps.runs.noteTrouble(connector, 'fetch', { kind, message, at }).catch(() => undefined);
}

/** Fetches the run of a backfill. When the site refuses the app, the run stays open: a later fetch goes on with it. */
export async function fetchBackfill(deps: Stage, connector: ConnectorId, run: RunState): Promise<void> {
  try {
    await fetchRun(deps, connector, run);
  } catch (error) {
    if (!(error instanceof DeploymentError)) throw error;
    await reportFailure(deps, connector, error, run.name);
  }
}

async function fetchDays(
  deps: Stage,
  id: ConnectorId,
  unfinished: RunState[],
  untilMs: number,
): Promise<void> {
  for (const run of unfinished) if (deps.now() < untilMs) await fetchRun(deps, id, run, untilMs);

  const { runs, missed } = dueWindows(await deps.runs.watermark(id), deps.now(), deps.config.fetch);
  if (missed)
    deps.emit('windowLate', {
      connector: id,
      ...missed,
      message: 'older than CATCH_UP_DAYS: backfill it by hand',
    });
  for (const run of runs) {
    if (deps.now() >= untilMs) return;
    const opened = await openRun(deps, id, run);
    if (opened.state === 'open') await fetchRun(deps, id, opened, untilMs);
  }
}

/** Registers a run. From then on it is fetched to its end by whichever trigger comes first. */
export async function openRun(
  deps: Pick<Deps, 'runs' | 'now'>,
  id: ConnectorId,
  run: Manifest['run'] & Pick<RunState, 'listedFrom'>,
): Promise<RunState> {
  return deps.runs.open(id, run, await deps.runs.chainHint(id), new Date(deps.now()).toISOString());
}

/**
 * Fetches a run from its last committed batch to its end, in batches of bounded size, each committed by its manifest.
 * Stops without an error when another worker is ahead with the same run, and when the time is over after at least one
 * batch: the next call goes on from there.
 */
export async function fetchRun(
  deps: Stage,
  id: ConnectorId,
  run: RunState,
  untilMs = deps.now() + deps.config.fetch.budgetMs,
): Promise<void> {
  const survey = await surveyChain(deps, id, run.name, run.after);
  const { cursors } = survey;
  let previous = survey.newest;
  let restarts = 0;
  while (!previous?.last) {
    const firstLastId = previous?.nextLastId ?? undefined;
    const { content, ended, error } = await collectBatch(deps, id, run, { firstLastId, cursors, untilMs });
    // Commit what there is, whatever happened then: otherwise a slow site would be read from the same place each time.
    // Without a cursor the window starts again. Keep the pages read so far, because the site may not list those items a
    // second time; the ledger recognises what it does list again.
    if (ended === 'full' || content.items > 0) {
      const committed = await commitBatch(deps, id, run, previous, content);
      if (!committed) return;
      previous = committed;
      await deps.runs.saveChainHint(id, committed.number);
    } else if (previous) previous = { ...previous, nextLastId: null };
    const isLate = ended === 'late' || (deps.now() >= untilMs && content.items > 0);
    if (isLate && !previous?.last) return;
    if (ended === 'failed') throw error;
    if (ended !== 'expired') continue;
    cursors.clear();
    if (++restarts > maxRestarts)
      throw new Error(`TeleMessage forgot the cursor ${restarts} times in one window`);
  }
  await finishRun(deps, id, run, previous);
}

interface Survey {
  /** The run's newest batch after the given number. */
  newest?: Manifest;
  end: ChainEnd;
  /** The cursors at which the run's batches end, since the site last forgot one. */
  cursors: Set<string>;
}

/** Asks the chain how far the run is: its row is written later and may be behind. */
async function surveyChain(
  deps: Pick<Deps, 'batches'>,
  id: ConnectorId,
  runName: string,
  after: number,
): Promise<Survey> {
  const known = after === 0 ? undefined : await deps.batches.read(id, after);
  const survey: Survey = { end: { number: after, sha256: known?.sha256 ?? null }, cursors: new Set() };
  for (;;) {
    const next = await deps.batches.read(id, survey.end.number + 1);
    if (!next) return survey;
    survey.end = { number: survey.end.number + 1, sha256: next.sha256 };
    if (next.manifest.run.name !== runName) continue;
    survey.newest = next.manifest;
    if (next.manifest.nextLastId === null) survey.cursors.clear();
    else survey.cursors.add(next.manifest.nextLastId);
  }
}

type Content = Pick<Manifest, 'pages' | 'items' | 'bytes' | 'last' | 'nextLastId'>;

interface Collected {
  content: Content;
  /**
   * `full`: the batch is full, or the window ends. `late`: the time is over. `expired`: the site has forgotten the
   * cursor. `failed`: a page could not be fetched (`error`).
   */
  ended: 'full' | 'late' | 'expired' | 'failed';
  error?: unknown;
}

/** Streams pages into blobs that nothing refers to yet. */
async function collectBatch(
  deps: Stage,
  id: ConnectorId,
  run: RunState,
  {
    firstLastId,
    cursors,
    untilMs,
  }: { firstLastId?: string | undefined; cursors: Set<string>; untilMs: number },
): Promise<Collected> {
  const { batchMaxItems, batchMaxBytes } = deps.config.fetch;
  // Write-once storage keeps the pages of a crashed attempt, so each attempt needs names of its own.
  const folder = `pages/${id}/${run.name}/${deps.newId()}`;
  const batch: Content = { pages: [], items: 0, bytes: 0, last: false, nextLastId: firstLastId ?? null };
  let emptyPages = 0;
  for (let tries = 1; !batch.last && batch.items < batchMaxItems && batch.bytes < batchMaxBytes;) {
    if (batch.items > 0 && deps.now() >= untilMs) return { content: batch, ended: 'late' };
    let blob = '';
    try {
      const page = await deps.telemessage.fetchPage(
        {
          connector: connectors[id],
          credentials: deps.config.perConnector[id],
          from: run.listedFrom ?? run.from,
          to: run.to,
          lastId: batch.nextLastId ?? undefined,
          withinMs: untilMs - deps.now(),
        },
        (content) => {
          blob = `${folder}/${String(tries++).padStart(6, '0')}.ndjson`;
          return deps.batches.writePage(blob, content);
        },
      );
      if (page.kind === 'cursorExpired') return { content: { ...batch, nextLastId: null }, ended: 'expired' };
      emptyPages = page.items > 0 ? 0 : emptyPages + 1;
      if (!page.end) takeCursor(page.lastId, cursors, emptyPages);
      if (page.items > 0)
        batch.pages.push({ blob, sha256: page.sha256, bytes: page.bytes, items: page.items });
      batch.items += page.items;
      batch.bytes += page.bytes;
      batch.last = page.end;
      batch.nextLastId = page.lastId ?? null;
    } catch (error) {
      return { content: batch, ended: 'failed', error };
    }
  }
  return { content: batch, ended: 'full' };
}

/** @throws Error when the pages would never end */
function takeCursor(cursor: string | undefined, cursors: Set<string>, emptyPages: number): void {
  if (cursor !== undefined && cursors.has(cursor))
    throw new Error('TeleMessage broke its contract: a cursor came back, so that the pages would never end');
  if (emptyPages > maxEmptyPages)
    throw new Error(`TeleMessage broke its contract: ${emptyPages} pages in a row without a message`);
  if (cursor !== undefined) cursors.add(cursor);
}

/**
 * Writes the manifest as the next number of the chain. A worker that loses the race for a number links to the winner and
 * takes the next number. Returns undefined when the winner is a batch of the same run: then the work is already done.
 */
async function commitBatch(
  deps: Stage,
  id: ConnectorId,
  run: RunState,
  before: Manifest | undefined,
  content: Content,
): Promise<Manifest | undefined> {
  const sequence = (before?.sequence ?? 0) + 1;
  const { name, cause, from, to } = run;
  for (;;) {
    const { newest, end } = await surveyChain(deps, id, name, before?.number ?? run.after);
    if (newest) return undefined;
    const value = nextManifest(end, {
      connector: id,
      run: { name, cause, from, to },
      sequence,
      ...content,
      committedAt: new Date(deps.now()).toISOString(),
    });
    if (await deps.batches.commit(value)) return value;
  }
}

async function finishRun(deps: Stage, id: ConnectorId, run: RunState, last: Manifest): Promise<void> {
  if (run.cause === 'daily') await deps.runs.moveWatermark(id, run.to);
  const empty = last.sequence === 1 && last.items === 0;
  deps.emit(empty ? 'windowEmpty' : 'windowFetched', {
    connector: id,
    run: run.name,
    from: run.from,
    to: run.to,
    batches: last.sequence,
  });
  // Only now: after a crash before this line the run is reported once more, which is better than never.
  await deps.runs.save(id, { ...run, state: 'fetched' });
}
