import { DeploymentError } from '../../shared/errors';
import { backfillWindow, type BackfillRequest } from '../../shared/pipeline/backfill-window';
import { fetchBatch, fetchRun, openRun } from '../../shared/pipeline/fetch-batch';
import { windowRun } from '../../shared/pipeline/windows';
import type { Deps } from '../../shared/deps';
import { user } from '../support/graph-tenant';
import { chatLine, from, useWorld, to } from '../support/world';

const open = useWorld({ users: [user('anna')], settings: { CONNECTORS: 'whatsapp' } });

const lines = Array.from({ length: 7 }, (_, n) =>
  chatLine(`1_${n}`, { gatewayReceivedDate: `2026-11-20T0${n}:00:00Z` }),
);
const chain = async (deps: Deps) => {
  const found = [];
  for (let number = 1; ; number++) {
    const next = await deps.batches.read('whatsapp', number);
    if (!next) return found;
    found.push(next);
  }
};
const stored = async (deps: Deps) => {
  const texts: string[] = [];
  for (const { manifest } of await chain(deps))
    for (const { blob, bytes } of manifest.pages)
      texts.push((await deps.batches.readRange(blob, 0, bytes)).toString());
  return texts.join('');
};
const all = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])).toString();
const whole = { noon: '2026-11-21T00:00:00.000Z' };

describe('fetching', () => {
  it('stores the window byte for byte in bounded batches, each linked to the one before', async () => {
    const { deps } = await open({
      lines: { whatsapp: lines },
      settings: { PAGE_ITEMS: '2', BATCH_MAX_ITEMS: '4' },
    });
    const run = await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a'));
    await fetchRun(deps, 'whatsapp', run);
    const found = await chain(deps);
    expect(
      found.map(({ manifest: { number, sequence, items, last } }) => [number, sequence, items, last]),
    ).toEqual([
      [1, 1, 4, false],
      [2, 2, 3, true],
    ]);
    expect(found[0]!.manifest.previousSha256).toBeNull();
    expect(found[1]!.manifest.previousSha256).toBe(found[0]!.sha256);
    expect(await stored(deps)).toBe(all);
    expect((await deps.runs.get('whatsapp', run.name))?.state).toBe('fetched');
    // Otherwise each later run would read the chain from its beginning.
    expect(await deps.runs.chainHint('whatsapp')).toBe(2);
  });

  it('commits an empty window too: it proves that nothing came', async () => {
    const { deps, events } = await open();
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    expect((await chain(deps)).map(({ manifest: { items, last, pages } }) => [items, last, pages])).toEqual([
      [0, true, []],
    ]);
    expect(events.map(({ name }) => name)).toEqual(['windowEmpty']);
  });

  it('does not call a window empty because its last page is', async () => {
    const { deps, events } = await open({
      lines: { whatsapp: lines },
      settings: { BATCH_MAX_ITEMS: '7' },
    });
    const unsure: Deps = {
      ...deps,
      telemessage: {
        async fetchPage(request, store) {
          const page = await deps.telemessage.fetchPage(request, store);
          return page.kind === 'page' ? { ...page, end: page.items === 0 } : page;
        },
      },
    };
    await fetchRun(unsure, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    expect((await chain(deps)).map(({ manifest: { items, last } }) => [items, last])).toEqual([
      [7, false],
      [0, true],
    ]);
    expect(events.map(({ name }) => name)).toEqual(['windowFetched']);
  });

  it('moves the watermark only when the last batch of the daily window is committed', async () => {
    const { deps, instance } = await open({
      lines: { whatsapp: lines },
      settings: { PAGE_ITEMS: '2', BATCH_MAX_ITEMS: '2', FETCH_LAG_MINUTES: '0' },
    });
    const now = () => Date.parse(to);
    let commits = 0;
    const dying: Deps = {
      ...deps,
      now,
      batches: {
        ...deps.batches,
        commit: (value) =>
          ++commits === 3 ? Promise.reject(new Error('killed')) : deps.batches.commit(value),
      },
    };
    await expect(fetchBatch(dying)).rejects.toThrow('whatsapp: killed');
    expect(await deps.runs.watermark('whatsapp')).toBeUndefined();
    expect(await chain(deps)).toHaveLength(2);

    // Hours later the same window goes on after its last batch.
    const later = instance();
    await fetchBatch({ ...later, now: () => now() + 3 * 3_600_000 });
    expect(await deps.runs.watermark('whatsapp')).toBe(to);
    expect((await chain(deps)).map(({ manifest: { sequence } }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(await stored(deps)).toBe(all);
  });

  it('fetches missed days, oldest first, and nothing when no window is due', async () => {
    const { deps } = await open({ settings: { FETCH_LAG_MINUTES: '0' } });
    const at = (instant: string): Deps => ({ ...deps, now: () => Date.parse(instant) });
    await fetchBatch(at('2026-11-18T02:00:00Z'));
    await fetchBatch(at('2026-11-18T20:00:00Z'));
    await fetchBatch(at('2026-11-21T03:00:00Z'));
    expect((await chain(deps)).map(({ manifest: { run } }) => `${run.from} ${run.to}`)).toEqual([
      '2026-11-17T02:00:00.000Z 2026-11-18T02:00:00.000Z',
      '2026-11-18T02:00:00.000Z 2026-11-19T00:00:00.000Z',
      '2026-11-19T00:00:00.000Z 2026-11-20T00:00:00.000Z',
      '2026-11-20T00:00:00.000Z 2026-11-21T00:00:00.000Z',
    ]);
  });

  it('reports the days that the catch-up no longer reaches', async () => {
    const { deps, events } = await open({
      settings: { FETCH_LAG_MINUTES: '0', CATCH_UP_DAYS: '2' },
    });
    await fetchBatch({ ...deps, now: () => Date.parse('2026-11-10T00:00:00Z') });
    await fetchBatch({ ...deps, now: () => Date.parse('2026-11-20T00:00:00Z') });
    expect(events.find(({ name }) => name === 'windowLate')?.fields).toMatchObject({
      from: '2026-11-10T00:00:00.000Z',
      to: '2026-11-18T00:00:00.000Z',
    });
  });

  it('starts the window again when the site forgets the cursor in the middle', async () => {
    const { deps } = await open({
      lines: { whatsapp: lines },
      settings: { PAGE_ITEMS: '2', BATCH_MAX_ITEMS: '2' },
      siteFaults: { script: [{ kind: 'cursorExpired', onRequest: 3 }] },
    });
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    const found = (await chain(deps)).map(({ manifest }) => manifest);
    // Two batches came before the cursor was lost; the whole window comes again after them.
    expect(found.map(({ items }) => items)).toEqual([2, 2, 2, 2, 2, 1]);
    expect(found.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('keeps and counts what it has read of a batch when the site forgets the cursor', async () => {
    const { deps } = await open({
      lines: { whatsapp: lines },
      settings: { PAGE_ITEMS: '2' },
      siteFaults: { script: [{ kind: 'cursorExpired', onRequest: 3 }] },
    });
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    const found = (await chain(deps)).map(({ manifest }) => manifest);
    expect(found.map(({ items, last }) => [items, last])).toEqual([
      [4, false],
      [7, true],
    ]);
  });

  it('ends the attempt when the site forgets the cursor again and again, and goes on another time', async () => {
    const { deps } = await open({
      lines: { whatsapp: lines },
      settings: { PAGE_ITEMS: '2', BATCH_MAX_ITEMS: '2' },
      siteFaults: { script: [{ kind: 'cursorExpired', times: 6 + 5 }] },
    });
    const run = await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a'));
    await expect(fetchRun(deps, 'whatsapp', run)).rejects.toThrow('forgot the cursor 6 times');
    expect((await deps.runs.get('whatsapp', run.name))?.state).toBe('open');

    await fetchRun(deps, 'whatsapp', run);
    expect((await chain(deps)).at(-1)?.manifest.last).toBe(true);
  });

  it('bounds a batch by its bytes too', async () => {
    const long = Array.from({ length: 3 }, (_, n) =>
      chatLine(`1_${n}`, { textContent: 'long '.repeat(150_000) }),
    );
    const { deps } = await open({
      lines: { whatsapp: long },
      settings: { PAGE_ITEMS: '1', BATCH_MAX_MB: '1' },
    });
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    expect((await chain(deps)).map(({ manifest: { items } }) => items)).toEqual([2, 1]);
  });

  it('reports a window once when another timer read the watermark before it moved', async () => {
    const { deps, events } = await open({
      lines: { whatsapp: lines },
      settings: { FETCH_LAG_MINUTES: '0' },
    });
    const now = () => Date.parse(to);
    await fetchBatch({ ...deps, now });
    await fetchBatch({ ...deps, now });
    await fetchBatch({ ...deps, now, runs: { ...deps.runs, watermark: () => Promise.resolve(undefined) } });
    expect(events.map(({ name }) => name)).toEqual(['windowFetched']);
    expect(await chain(deps)).toHaveLength(1);
  });

  it('fetches and reports a window once when it is requested twice', async () => {
    const { deps, events } = await open({ lines: { whatsapp: lines } });
    const request: BackfillRequest = {
      v: 1,
      connector: 'whatsapp',
      run: windowRun('backfill', from, to, 'a'),
    };
    await backfillWindow(deps, request);
    await backfillWindow(deps, request);
    expect(events.map(({ name }) => name)).toEqual(['windowFetched']);
    expect(await chain(deps)).toHaveLength(1);
  });

  it('writes no batch twice when two workers fetch one run', async () => {
    const { deps, instance } = await open({
      lines: { whatsapp: lines },
      settings: { PAGE_ITEMS: '2', BATCH_MAX_ITEMS: '2' },
    });
    const run = await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a'));
    const other = instance();
    await Promise.all([fetchRun(deps, 'whatsapp', run), fetchRun(other, 'whatsapp', run)]);
    // The worker that lost a race may have stopped; the next tick finishes the run.
    await fetchRun(deps, 'whatsapp', (await deps.runs.get('whatsapp', run.name))!);
    expect(await stored(deps)).toBe(all);
    expect((await chain(deps)).map(({ manifest: { sequence } }) => sequence)).toEqual([1, 2, 3, 4]);
  });

  it('chains two runs that race for the same number', async () => {
    const { deps } = await open({ lines: { whatsapp: lines } });
    const runs = await Promise.all(
      ['a', 'b'].map((id) => openRun(deps, 'whatsapp', windowRun('backfill', from, to, id))),
    );
    await Promise.all(runs.map((run) => fetchRun(deps, 'whatsapp', run)));
    const found = await chain(deps);
    expect(
      found.map(({ manifest: { run, sequence } }) => `${run.name.slice(-1)}${sequence}`).toSorted(),
    ).toEqual(['a1', 'b1']);
    expect(found[1]!.manifest.previousSha256).toBe(found[0]!.sha256);
  });

  it('stops and alarms when the account is refused, and goes on with the next connector', async () => {
    const { deps, events } = await open({
      settings: { CONNECTORS: 'wechat,whatsapp', FETCH_LAG_MINUTES: '0' },
      lines: { whatsapp: lines },
    });
    const refusing: Deps = {
      ...deps,
      telemessage: {
        fetchPage: (request, store) =>
          request.connector.id === 'wechat'
            ? Promise.reject(new DeploymentError('TeleMessage refused the user name or password (401)'))
            : deps.telemessage.fetchPage(request, store),
      },
      now: () => Date.parse(whole.noon),
    };
    await expect(fetchBatch(refusing)).rejects.toThrow('wechat: TeleMessage refused');
    expect(events.map(({ name }) => name)).toEqual(['credentialsRejected', 'windowFetched']);
    expect(await deps.runs.watermark('wechat')).toBeUndefined();
    expect(await deps.runs.watermark('whatsapp')).toBe(whole.noon);
  });
});
