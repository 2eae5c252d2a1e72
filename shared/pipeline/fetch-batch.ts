import { connectors, type ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import { DeploymentError } from '../errors';
import { nextManifest, type ChainEnd, type Manifest } from '../storage/manifest';
import type { RunState } from '../storage/runs';
import { dueWindows } from './windows';

type Stage = Pick<Deps, 'config' | 'telemessage' | 'batches' | 'runs' | 'emit' | 'now' | 'newId'>;

/** A site that forgets cursors faster than a window can be read must not keep the app busy without end. */
const maxRestarts = 5;

/**
 * Fetches every window that is due, of every enabled connector, oldest first: unfinished runs, then the daily windows
 * from the watermark on, then unfinished backfills. A connector or a backfill that fails does not stop the others.
 *
 * @throws Error that names each connector that failed; its watermark does not move
 */
export async function fetchBatch(deps: Stage): Promise<void> {
  const failures: string[] = [];
  for (const connector of deps.config.connectors) {
    const attempt = async (work: () => Promise<void>, run?: string): Promise<boolean> => {
      try {
        await work();
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        failures.push(`${connector}: ${message}`);
        const isRejected = error instanceof DeploymentError;
        deps.emit(isRejected ? 'credentialsRejected' : 'windowLate', {
          connector,
          message,
          ...(run ? { run } : {}),
        });
        // Repeated attempts with a wrong password can lock the account.
        return !isRejected;
      }
      return true;
    };

    let backfills: RunState[] = [];
    let goesOn = await attempt(async () => {
      const unfinished = (await deps.runs.list(connector)).filter(({ state }) => state === 'open');
      backfills = unfinished.filter(({ cause }) => cause === 'backfill');
      const days = unfinished.filter(({ cause }) => cause === 'daily');
      await fetchDays(deps, connector, days);
    });
    for (const run of backfills)
      goesOn = goesOn && (await attempt(() => fetchRun(deps, connector, run), run.name));
  }
  if (failures.length > 0) throw new Error(`Fetching failed. ${failures.join('; ')}`);
}

async function fetchDays(deps: Stage, id: ConnectorId, unfinished: RunState[]): Promise<void> {
  for (const run of unfinished) await fetchRun(deps, id, run);

  const { runs, missed } = dueWindows(await deps.runs.watermark(id), deps.now(), deps.config.fetch);
  if (missed)
    deps.emit('windowLate', {
      connector: id,
      ...missed,
      message: 'older than CATCH_UP_DAYS: backfill it by hand',
    });
  for (const run of runs) {
    const opened = await openRun(deps, id, run);
    if (opened.state === 'open') await fetchRun(deps, id, opened);
  }
}

/** Registers a run. From then on it is fetched to its end by whichever trigger comes first. */
export async function openRun(
  deps: Pick<Deps, 'runs' | 'now'>,
  id: ConnectorId,
  run: Manifest['run'],
): Promise<RunState> {
  return deps.runs.open(id, run, await deps.runs.chainHint(id), new Date(deps.now()).toISOString());
}

/**
 * Fetches a run from its last committed batch to its end, in batches of bounded size, each committed by its manifest.
 * Stops without an error when another worker is ahead with the same run.
 */
export async function fetchRun(deps: Stage, id: ConnectorId, run: RunState): Promise<void> {
  let { newest: previous } = await surveyChain(deps, id, run.name, run.after);
  let restarts = 0;
  while (!previous?.last) {
    const { content, expired } = await collectBatch(deps, id, run, previous?.nextLastId ?? undefined);
    // Without a cursor the window starts again. Keep the pages read so far, because the site may not list those items a
    // second time; the ledger recognises what it does list again.
    if (!expired || content.items > 0) {
      const committed = await commitBatch(deps, id, run, previous, content);
      if (!committed) return;
      previous = committed;
      await deps.runs.saveChainHint(id, committed.number);
    } else if (previous) previous = { ...previous, nextLastId: null };
    if (expired && ++restarts > maxRestarts)
      throw new Error(`TeleMessage forgot the cursor ${restarts} times in one window`);
  }
  await finishRun(deps, id, run, previous);
}

interface Survey {
  /** The run's newest batch after the given number. */
  newest?: Manifest;
  end: ChainEnd;
}

/** Asks the chain how far the run is: its row is written later and may be behind. */
async function surveyChain(
  deps: Pick<Deps, 'batches'>,
  id: ConnectorId,
  runName: string,
  after: number,
): Promise<Survey> {
  const known = after === 0 ? undefined : await deps.batches.read(id, after);
  const survey: Survey = { end: { number: after, sha256: known?.sha256 ?? null } };
  for (;;) {
    const next = await deps.batches.read(id, survey.end.number + 1);
    if (!next) return survey;
    survey.end = { number: survey.end.number + 1, sha256: next.sha256 };
    if (next.manifest.run.name === runName) survey.newest = next.manifest;
  }
}

type Content = Pick<Manifest, 'pages' | 'items' | 'bytes' | 'last' | 'nextLastId'>;

/**
 * Streams pages into blobs that nothing refers to yet, until the batch is full, the window ends, or the site has
 * forgotten the cursor (`expired`).
 */
async function collectBatch(
  deps: Stage,
  id: ConnectorId,
  run: RunState,
  firstLastId: string | undefined,
): Promise<{ content: Content; expired: boolean }> {
  const { batchMaxItems, batchMaxBytes } = deps.config.fetch;
  // Write-once storage keeps the pages of a crashed attempt, so each attempt needs names of its own.
  const folder = `pages/${id}/${run.name}/${deps.newId()}`;
  const batch: Content = { pages: [], items: 0, bytes: 0, last: false, nextLastId: firstLastId ?? null };
  for (let tries = 1; !batch.last && batch.items < batchMaxItems && batch.bytes < batchMaxBytes;) {
    let blob = '';
    const page = await deps.telemessage.fetchPage(
      {
        connector: connectors[id],
        credentials: deps.config.perConnector[id],
        from: run.from,
        to: run.to,
        lastId: batch.nextLastId ?? undefined,
      },
      (content) => {
        blob = `${folder}/${String(tries++).padStart(6, '0')}.ndjson`;
        return deps.batches.writePage(blob, content);
      },
    );
    if (page.kind === 'cursorExpired') return { content: { ...batch, nextLastId: null }, expired: true };
    if (page.items > 0) batch.pages.push({ blob, sha256: page.sha256, bytes: page.bytes, items: page.items });
    batch.items += page.items;
    batch.bytes += page.bytes;
    batch.last = page.end;
    batch.nextLastId = page.lastId ?? null;
  }
  return { content: batch, expired: false };
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
  await deps.runs.save(id, { ...run, state: 'fetched' });
  const empty = last.sequence === 1 && last.items === 0;
  deps.emit(empty ? 'windowEmpty' : 'windowFetched', {
    connector: id,
    run: run.name,
    from: run.from,
    to: run.to,
    batches: last.sequence,
  });
}
