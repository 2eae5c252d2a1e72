import { containers } from '../../shared/names';
import { fetchRun, openRun } from '../../shared/pipeline/fetch-batch';
import { reconcile } from '../../shared/pipeline/reconcile';
import { readItemPointer } from '../../shared/pipeline/messages';
import { putPointers, splitBatch } from '../../shared/pipeline/split-batch';
import { windowRun } from '../../shared/pipeline/windows';
import { batchPartition, batchRow, positionRow } from '../../shared/storage/outcomes';
import { user } from '../support/graph-tenant';
import { chatLine, from, to, useWorld } from '../support/world';

const anna = user('anna');
const bo = user('bo');
const lines = [chatLine('1_0'), chatLine('1_1'), chatLine('1_2', { messageContext: 'event' })];

const open = useWorld({
  users: [anna, bo],
  lines: { whatsapp: lines },
  settings: { CONNECTORS: 'whatsapp', REQUEUE_AFTER_SECONDS: '60' },
});

/** The same app some time later. */
const later = <T extends { now: () => number }>(deps: T, seconds: number): T => ({
  ...deps,
  now: () => deps.now() + seconds * 1000,
});

describe('reconciling', () => {
  it('closes a batch whose sums balance, with its counters, and reports it once', async () => {
    const { deps, fetch, drain, events } = await open();
    await fetch(deps);
    await reconcile(deps);
    expect((await deps.batchStates.get('whatsapp', batchRow(1)))?.value.closedAt).toBeUndefined();
    await drain(deps);
    await reconcile(deps);
    await reconcile(deps);
    expect((await deps.batchStates.get('whatsapp', batchRow(1)))?.value.counters).toEqual({
      items: { available: 3, delivered: 2, failed: 0, events: 1 },
      deliveries: { expected: 4, imported: 4, partial: 0, skipped: 0, failed: 0 },
      reasons: {},
      quarantined: 0,
    });
    expect(events.filter(({ name }) => name === 'batchClosed')).toHaveLength(1);
    expect((await deps.runs.closedThrough('whatsapp')).number).toBe(1);
  });

  it('splits a batch whose event never came', async () => {
    const { deps, queued, drain, messages } = await open();
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    await reconcile(deps);
    expect(await queued()).toBe(0);
    await reconcile(later(deps, 61));
    expect(await queued()).toBe(3);
    await drain(deps);
    expect(await messages(anna)).toHaveLength(2);
  });

  it('puts only the positions without an outcome back on the queue, and waits before it does so again', async () => {
    const { deps, fetch, account, drain, queued, events } = await open();
    await fetch(deps);
    const queue = account.queue('import-item');
    const { receivedMessageItems } = await queue.receiveMessages({ numberOfMessages: 32 });
    await queue.clearMessages();
    expect(receivedMessageItems).toHaveLength(3);
    await deps.outcomes.insert(batchPartition('whatsapp', 1), positionRow(2), {
      v: 1,
      kind: 'event',
      settledAt: new Date().toISOString(),
      expected: 0,
      deliveries: [],
    });
    await reconcile(later(deps, 61));
    expect(await queued()).toBe(2);
    await reconcile(later(deps, 62));
    expect(await queued()).toBe(2);
    expect(events.find(({ name }) => name === 'backlogOld')?.fields).toMatchObject({ batch: 1, count: 2 });
    await drain(deps);
    await reconcile(deps);
    expect((await deps.batchStates.get('whatsapp', batchRow(1)))?.value.counters?.items.delivered).toBe(2);
  });

  it('does not put back what the queue still holds, says so, and puts it back when that lasts too long', async () => {
    const { deps, fetch, queued, events } = await open();
    await fetch(deps);
    const told = () => events.filter(({ name }) => name === 'backlogOld').map(({ fields }) => fields.message);
    for (const seconds of [61, 122, 24 * 60]) await reconcile(later(deps, seconds));
    expect(await queued()).toBe(3);
    expect(told()).toEqual(Array(3).fill('the queue still holds them'));
    await reconcile(later(deps, 25 * 61));
    expect(await queued()).toBe(6);
    expect(told().at(-1)).toBe('put back on the queue');
    // From then on the same.
    await reconcile(later(deps, 27 * 61));
    expect(await queued()).toBe(6);
  });

  it('does not close a batch that has more outcomes than its manifest has items', async () => {
    const { deps, archive, events } = await open();
    await archive(deps);
    const surplus = {
      v: 1,
      kind: 'event',
      settledAt: new Date().toISOString(),
      expected: 0,
      deliveries: [],
    } as const;
    await deps.outcomes.insert(batchPartition('whatsapp', 1), positionRow(99), {
      ...surplus,
      deliveries: [],
    });
    await reconcile(deps);
    expect(events.map(({ name }) => name)).toContain('unbalanced');
    expect((await deps.batchStates.get('whatsapp', batchRow(1)))?.value.closedAt).toBeUndefined();
  });

  it('closes a batch when every position has an outcome, not when the numbers agree', async () => {
    const { deps, fetch, account, queued } = await open();
    await fetch(deps);
    await account.queue('import-item').clearMessages();
    const ended = {
      v: 1,
      kind: 'event',
      settledAt: new Date().toISOString(),
      expected: 0,
      deliveries: [],
    } as const;
    for (const position of [0, 1, 7])
      await deps.outcomes.insert(batchPartition('whatsapp', 1), positionRow(position), {
        ...ended,
        deliveries: [],
      });
    await reconcile(later(deps, 61));
    expect((await deps.batchStates.get('whatsapp', batchRow(1)))?.value.closedAt).toBeUndefined();
    // Position 2 has no outcome, so it comes back.
    expect(await queued()).toBe(1);
  });

  it('goes on with the other batches when a page is damaged, and says which batch is blocked', async () => {
    const { deps, fetch, account, queued, events } = await open();
    await fetch(deps, 'whatsapp', 'a');
    await fetch(deps, 'whatsapp', 'b');
    await account.queue('import-item').clearMessages();
    const [page] = (await deps.batches.read('whatsapp', 1))!.manifest.pages;
    const blob = account.container(containers.batches).getBlockBlobClient(page!.blob);
    await blob.uploadData(Buffer.alloc(page!.bytes, 'x'));
    await expect(reconcile(later(deps, 61))).rejects.toThrow(/whatsapp batch 1: .*damaged/);
    expect(await queued()).toBe(3);
    expect(events.filter(({ name }) => name === 'batchBlocked').map(({ fields }) => fields.batch)).toEqual([
      1,
    ]);
  });

  it('goes on with the other batches while a mailbox gives no answer, and says so until it answers', async () => {
    const { deps, exchange, archive, events } = await open({
      lines: { whatsapp: [chatLine('1_0')] },
      exchangeFaults: {
        script: [{ kind: 'commitThenTimeout', method: 'POST', path: `${anna.id}/.*/messages$` }],
      },
    });
    await archive(deps, 'whatsapp', 'a');
    await archive(deps, 'whatsapp', 'b');
    const closed = async (batch: number) =>
      (await deps.batchStates.get('whatsapp', batchRow(batch)))?.value.closedAt !== undefined;
    exchange.setFaults({
      script: [
        {
          kind: 'answered',
          method: 'GET',
          path: `${anna.id}/.*/messages$`,
          times: 1000,
          status: 503,
          code: 'ErrorMailboxMoveInProgress',
        },
      ],
    });
    await reconcile(later(deps, 61));
    expect([await closed(1), await closed(2)]).toEqual([false, true]);
    expect(events.filter(({ name }) => name === 'doubtRemains').map(({ fields }) => fields)).toMatchObject([
      { batch: 1, count: 1 },
    ]);
    exchange.setFaults({});
    await reconcile(later(deps, 62));
    expect(await closed(1)).toBe(true);
    expect((await deps.runs.closedThrough('whatsapp')).number).toBe(2);
  });

  it('reports a batch whose worker died right after it was closed', async () => {
    const { deps, archive, events } = await open({
      lines: { whatsapp: [chatLine('1_0'), Buffer.from('{"messageId":"1_1"')] },
    });
    await archive(deps);
    const before = events.length;
    const dying: typeof deps.batchStates = {
      ...deps.batchStates,
      async replace(partition, row, value, etag) {
        const written = await deps.batchStates.replace(partition, row, value, etag);
        if (value.closedAt) throw new Error('The worker died');
        return written;
      },
    };
    await expect(reconcile({ ...deps, batchStates: dying })).rejects.toThrow('The worker died');
    const told = () =>
      events
        .slice(before)
        .filter(({ name }) => name === 'batchClosed' || name === 'quarantineGrew')
        .map(({ name, fields }) => [name, fields.batch]);
    expect(told()).toEqual([]);
    await reconcile(deps);
    await reconcile(deps);
    expect(told()).toEqual([
      ['batchClosed', 1],
      ['quarantineGrew', 1],
    ]);
    expect((await deps.runs.closedThrough('whatsapp')).number).toBe(1);
  });

  it('says that a daily window is late', async () => {
    const { deps, events } = await open();
    await deps.runs.moveWatermark('whatsapp', new Date(Date.now() - 48 * 3_600_000).toISOString());
    await reconcile(deps);
    expect(events.map(({ name }) => name)).toContain('windowLate');
  });
});

describe('splitting', () => {
  it('puts one pointer per item on the queue, and none when the event comes twice', async () => {
    const { deps, fetch, queued } = await open();
    await fetch(deps);
    expect(await queued()).toBe(3);
    await splitBatch(deps, (await deps.batches.read('whatsapp', 1))!.manifest);
    expect(await queued()).toBe(3);
  });

  it('refuses a page that is not what its manifest says, and puts nothing of it on the queue', async () => {
    const { deps, queued } = await open();
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    const { manifest } = (await deps.batches.read('whatsapp', 1))!;
    const damaged = { ...manifest, pages: [{ ...manifest.pages[0]!, sha256: '0'.repeat(64) }] };
    await expect(splitBatch(deps, damaged)).rejects.toThrow('damaged');
    expect(await queued()).toBe(0);
  });

  it('finds every item of every page, however many there are, and puts only the requested ones on the queue', async () => {
    const served = Array.from({ length: 40 }, (_, n) => chatLine(`1_${String(n).padStart(2, '0')}`));
    const { deps, account } = await open({ lines: { whatsapp: served }, settings: { PAGE_ITEMS: '20' } });
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    const { manifest } = (await deps.batches.read('whatsapp', 1))!;
    expect(manifest.pages).toHaveLength(2);
    const queue = account.queue('import-item');
    const pointers = async () => {
      const found = [];
      for (;;) {
        const { receivedMessageItems } = await queue.receiveMessages({
          numberOfMessages: 32,
          visibilityTimeout: 3600,
        });
        if (receivedMessageItems.length === 0) return found.sort((a, b) => a.position - b.position);
        for (const { messageText } of receivedMessageItems)
          found.push(readItemPointer(JSON.parse(Buffer.from(messageText, 'base64').toString())));
      }
    };
    const lineOf = async ({ position, blob, offset, length }: Awaited<ReturnType<typeof pointers>>[number]) =>
      `${position} ${(await deps.batches.readRange(blob, offset, length)).toString()}`;
    const expected = served.map((line, position) => `${position} ${line.toString()}`);

    await splitBatch(deps, manifest);
    expect(await Promise.all((await pointers()).map(lineOf))).toEqual(expected);
    await putPointers(deps, manifest, (position) => position === 7 || position === 33);
    expect(await Promise.all((await pointers()).map(lineOf))).toEqual([expected[7], expected[33]]);
  });

  it('is not done until every pointer is on the queue: the next event splits the batch', async () => {
    const { deps, queued } = await open();
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    const { manifest } = (await deps.batches.read('whatsapp', 1))!;
    const send = () => Promise.reject(new Error('the queue did not answer'));
    await expect(
      splitBatch({ ...deps, importQueue: { ...deps.importQueue, send } }, manifest),
    ).rejects.toThrow('did not answer');
    await splitBatch(deps, manifest);
    expect(await queued()).toBe(3);
  });

  it('records that it is done without losing what another worker recorded meanwhile', async () => {
    const { deps } = await open();
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('backfill', from, to, 'a')));
    const { manifest } = (await deps.batches.read('whatsapp', 1))!;
    const requeuedAt = '2026-11-20T12:00:00.000Z';
    let reads = 0;
    const batchStates: typeof deps.batchStates = {
      ...deps.batchStates,
      async get(partition, row) {
        const found = await deps.batchStates.get(partition, row);
        // The first read asks whether the batch is split already.
        if (++reads === 2)
          await deps.batchStates.put(partition, row, { v: 1, runName: manifest.run.name, requeuedAt });
        return found;
      },
    };
    await splitBatch({ ...deps, batchStates }, manifest);
    expect((await deps.batchStates.get('whatsapp', batchRow(1)))?.value).toEqual({
      v: 1,
      runName: manifest.run.name,
      requeuedAt,
      splitAt: expect.any(String) as string,
    });
  });

  it("puts nothing of an item's content into queue messages", async () => {
    const { deps, fetch, account } = await open();
    await fetch(deps);
    const { receivedMessageItems } = await account
      .queue('import-item')
      .receiveMessages({ numberOfMessages: 3 });
    for (const { messageText } of receivedMessageItems) {
      const text = Buffer.from(messageText, 'base64').toString();
      expect(text).not.toMatch(/anna|46701740605|text of/);
      expect(Object.keys(JSON.parse(text) as object)).toEqual([
        'v',
        'connector',
        'batch',
        'position',
        'blob',
        'offset',
        'length',
      ]);
    }
  });
});
