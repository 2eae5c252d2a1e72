import { loadConfig } from '../../shared/config';
import type { Deps } from '../../shared/deps';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { reconcile } from '../../shared/pipeline/reconcile';
import { windowRun } from '../../shared/pipeline/windows';
import { noCounters } from '../../shared/storage/counters';
import { nextManifest, sha256, manifestBytes, type ChainEnd } from '../../shared/storage/manifest';
import { batchRow } from '../../shared/storage/outcomes';
import { createRuns } from '../../shared/storage/runs';
import type { Io } from '../explore/scheduler';
import {
  createAuditModel,
  createBatchesModel,
  createRowsModel,
  createRowStore,
  type BlobStore,
} from '../explore/storage-model';

const dayMs = 86_400_000;

/** How many storage operations one look of the two timers takes after so many days of empty windows. */
export async function operationsAfter(days: number): Promise<{ fetch: number; reconcile: number }> {
  let operations = 0;
  const io = ((_: unknown, act: (fault: undefined) => unknown) => {
    operations++;
    return Promise.resolve().then(() => act(undefined));
  }) as Io;
  const blobs: BlobStore = { blobs: new Map(), onManifest: () => undefined };
  const rows = (name: string) => createRowsModel(name, createRowStore(), io);
  const runs = createRuns(rows('runs') as never);
  const midnight = Date.parse('2026-11-21T00:00:00Z');
  const deps = {
    config: loadConfig({
      ...{
        ArchiveStorage: 'bench',
        TELEMESSAGE_BASE_URL: 'http://127.0.0.1',
        KEY_VAULT_URL: 'http://127.0.0.1',
      },
      ...{ CONNECTORS: 'whatsapp', FETCH_LAG_MINUTES: '0', RETENTION_DAYS: '36500' },
    }),
    now: () => midnight + dayMs / 2,
    random: () => 0,
    newId: () => 'bench',
    emit: () => undefined,
    runs,
    audit: createAuditModel([], io),
    batches: createBatchesModel(blobs, io),
    telemessage: {
      async fetchPage(_: unknown, store: (content: AsyncIterable<Buffer>) => Promise<void>) {
        await store((async function* () {})());
        return {
          kind: 'page',
          items: 0,
          bytes: 0,
          sha256: sha256(Buffer.alloc(0)),
          lastId: undefined,
          end: true,
        };
      },
    },
    ...Object.fromEntries(
      ['batchStates', 'outcomes', 'quarantine', 'quarantineEntries', 'coverage', 'ledger', 'tails'].map(
        (name) => [name, rows(name)],
      ),
    ),
  } as unknown as Deps;

  await addHistory(deps, days, midnight);
  operations = 0;
  await fetchBatch(deps);
  const fetch = operations;
  operations = 0;
  await reconcile(deps);
  return { fetch, reconcile: operations };
}

/** Adds empty days that were fetched and closed, up to the one before the midnight (ms). */
export async function addHistory(
  deps: Pick<Deps, 'runs' | 'batches' | 'batchStates'>,
  days: number,
  midnight: number,
): Promise<void> {
  let end: ChainEnd = { number: 0, sha256: null };
  for (let day = days; day >= 1; day--) {
    const [from, to] = [midnight - (day + 1) * dayMs, midnight - day * dayMs].map((ms) =>
      new Date(ms).toISOString(),
    ) as [string, string];
    const run = windowRun('daily', from, to);
    const opened = await deps.runs.open('whatsapp', run, end.number, to);
    const content = { sequence: 1, last: true, nextLastId: null, items: 0, bytes: 0, pages: [] };
    const manifest = nextManifest(end, { connector: 'whatsapp', run, ...content, committedAt: to });
    await deps.batches.commit(manifest);
    await deps.runs.save('whatsapp', { ...opened, state: 'fetched' });
    end = { number: manifest.number, sha256: sha256(manifestBytes(manifest)) };
    const state = {
      ...{ v: 1 as const, runName: run.name, counters: noCounters() },
      ...{ splitAt: to, closedAt: to, toldAt: to },
    };
    await deps.batchStates.put('whatsapp', batchRow(end.number), state);
  }
  await deps.runs.saveChainHint('whatsapp', end.number);
  await deps.runs.advanceClosedThrough('whatsapp', end.number, undefined);
  await deps.runs.moveWatermark('whatsapp', new Date(midnight - dayMs).toISOString());
}
