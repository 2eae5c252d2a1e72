import type { TenantUser } from '../../simulators/samples/organisation';
import type { Deps } from '../../shared/deps';
import { importItem } from '../../shared/pipeline/import-item';
import { reconcile } from '../../shared/pipeline/reconcile';
import { batchPartition, batchRow, positionRow, type BatchState } from '../../shared/storage/outcomes';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld } from '../support/world';

let anna: TenantUser;
let bo: TenantUser;
beforeEach(() => {
  anna = user('anna');
  bo = user('bo');
});
const openWorld = useWorld({ users: [], settings: { CONNECTORS: 'whatsapp', REQUEUE_AFTER_SECONDS: '60' } });

const header = 'Mobile number,Email address\n';
const first = { batch: 1, position: 0 };
const second = { batch: 1, position: 1 };
const stranger = {
  usersEmailAddress: [],
  from: '46701740699',
  to: ['12015550199'],
};

/** One closed batch of these lines, each imported once. */
async function open(lines: Buffer[], settings: Record<string, string> = {}) {
  const world = await openWorld({ users: [anna, bo], lines: { whatsapp: lines }, settings });
  const { deps } = world;
  // Another process uploads it: this one looks for the file when it needs it.
  if (settings['WHATSAPP_CUSTOM_MAPPING'])
    await world.instance().mappings.upload('whatsapp', Buffer.from(header));
  await world.archive(deps);
  await reconcile(deps);
  expect(await stateOf(deps)).toMatchObject({ closedAt: expect.any(String) as string });
  return world;
}

const stateOf = async (deps: Deps, batch = 1): Promise<BatchState | undefined> =>
  (await deps.batchStates.get('whatsapp', batchRow(batch)))?.value;
const countersOf = async (deps: Deps) => (await stateOf(deps))?.counters;
const later = (deps: Deps, seconds: number): Deps => ({ ...deps, now: () => deps.now() + seconds * 1000 });

const delivered = (imported: number, items = 1) => ({
  items: { available: items, delivered: items, failed: 0, events: 0 },
  deliveries: { expected: imported, imported, partial: 0, skipped: 0, failed: 0 },
  reasons: {},
  quarantined: 0,
});

describe('a redriven item', () => {
  it('that was mapped to nobody is delivered with a mapping file uploaded since, and leaves quarantine', async () => {
    const settings = { WHATSAPP_CUSTOM_MAPPING: 'true' };
    const lines = [chatLine('1_1'), chatLine('1_2', stranger)];
    const { deps, instance, redrive, drain, messages, quarantined, events } = await open(lines, settings);
    expect(await countersOf(deps)).toMatchObject({
      items: { available: 2, delivered: 1, failed: 1 },
      deliveries: { expected: 2, imported: 2 },
      reasons: { unmapped: 1 },
    });
    // By another process: this one still remembers the empty file.
    const file = `${header}+46701740699,anna@contoso.example\n`;
    expect(await instance().mappings.upload('whatsapp', Buffer.from(file))).toMatchObject({ ok: true });

    await redrive(deps, second);
    expect(await stateOf(deps)).not.toHaveProperty('closedAt');
    expect((await deps.runs.closedThrough('whatsapp')).number).toBe(0);
    expect(await quarantined(deps)).toMatchObject([{ position: 1, reason: 'unmapped' }]);
    await drain(deps);
    await reconcile(deps);

    expect(await messages(anna)).toHaveLength(2);
    expect(await quarantined(deps)).toEqual([]);
    expect(await countersOf(deps)).toEqual(delivered(3, 2));
    expect((await deps.runs.closedThrough('whatsapp')).number).toBe(1);
    expect(events.filter(({ name }) => name === 'batchClosed').map(({ fields }) => fields)).toMatchObject([
      { batch: 1, imported: 2, quarantined: 1 },
      { batch: 1, imported: 3, quarantined: 0 },
    ]);
  });

  it('finds a user whom the same process remembers as missing', async () => {
    const carla = { usersEmailAddress: [{ emailAddress: 'carla@contoso.example' }] };
    const { deps, redrive, drain, messages, quarantined } = await open([chatLine('1_1', carla)]);
    expect(await quarantined(deps)).toMatchObject([{ reason: 'unmapped' }]);
    bo.proxyAddresses.push('smtp:carla@contoso.example');

    await redrive(deps, first);
    await drain(deps);
    await reconcile(deps);
    expect(await messages(bo)).toHaveLength(1);
    expect(await countersOf(deps)).toEqual(delivered(1));
  });

  it('finds a mailbox that the same process remembers as missing', async () => {
    anna.mailbox = bo.mailbox = 'none';
    const { deps, redrive, drain, messages, quarantined } = await open([chatLine('1_1')]);
    expect(await quarantined(deps)).toMatchObject([{ reason: 'unmapped' }]);
    anna.mailbox = bo.mailbox = 'normal';

    await redrive(deps, first);
    await drain(deps);
    await reconcile(deps);
    for (const one of [anna, bo]) expect(await messages(one)).toHaveLength(1);
    expect(await countersOf(deps)).toEqual(delivered(2));
  });

  it('goes to the mailbox that was full, and not again to the one that has it', async () => {
    bo.quotaBytes = 1;
    const { deps, redrive, drain, messages, quarantined, outcomes } = await open([chatLine('1_1')]);
    const [before] = await outcomes(deps);
    expect(before).toMatchObject({ kind: 'delivered', reason: 'mailboxFull', expected: 2 });
    const ledgerRow = async () => deps.ledger.get(before!.itemKey!, anna.id);
    const written = await ledgerRow();
    delete bo.quotaBytes;

    await redrive(deps, first);
    await drain(deps);
    expect(await ledgerRow()).toEqual(written);
    for (const one of [anna, bo]) expect(await messages(one)).toHaveLength(1);
    await reconcile(deps);
    expect(await quarantined(deps)).toEqual([]);
    expect(await countersOf(deps)).toEqual(delivered(2));
  });

  it.each<[what: string, leave: () => void, reasons: string[]]>([
    ['lost its mailbox', () => (anna.mailbox = 'none'), []],
    [
      'is no user of the organisation any more, so that nobody can tell that the copy is theirs',
      () => Object.assign(anna, { userPrincipalName: 'x@old.example', mail: null, proxyAddresses: [] }),
      ['participantUnmapped'],
    ],
  ])('stays counted for a participant who had it and %s', async (_what, leave, reasons) => {
    bo.quotaBytes = 1;
    const { deps, instance, redrive, drain, messages, outcomes, quarantined } = await open([chatLine('1_1')]);
    delete bo.quotaBytes;
    leave();

    const restarted = instance();
    await redrive(restarted, first);
    await drain(restarted);
    await reconcile(restarted);
    const [outcome] = await outcomes(deps);
    expect(outcome!.deliveries).toEqual([
      { userId: bo.id, end: 'imported' },
      { userId: anna.id, end: 'imported' },
    ]);
    expect(await messages(bo)).toHaveLength(1);
    expect((await quarantined(deps)).map(({ reason }) => reason)).toEqual(reasons);
    expect(await countersOf(deps)).toMatchObject({ deliveries: { imported: 2, failed: reasons.length } });
  });

  it('that no longer has a participant with a mailbox stays in quarantine, and stays counted where it was delivered', async () => {
    bo.quotaBytes = 1;
    const { deps, instance, redrive, drain, quarantined } = await open([chatLine('1_1')]);
    anna.mailbox = bo.mailbox = 'none';

    const restarted = instance();
    await redrive(restarted, first);
    await drain(restarted);
    await reconcile(restarted);
    expect(await quarantined(deps)).toMatchObject([
      { reason: 'unmapped', deliveries: [{ userId: anna.id, end: 'imported' }] },
    ]);
    const { deliveries } = delivered(1);
    expect(await countersOf(deps)).toEqual({
      ...delivered(1),
      deliveries: { ...deliveries, expected: 2, failed: 1 },
      reasons: { unmapped: 1 },
      quarantined: 1,
    });
  });

  it('that fails again stays in quarantine with its new reason', async () => {
    bo.quotaBytes = 1;
    const { deps, redrive, drain, quarantined, outcomes } = await open([chatLine('1_1')]);
    const [before] = await quarantined(deps);
    delete bo.quotaBytes;
    bo.inScope = false;

    await redrive(deps, first);
    await drain(deps);
    await reconcile(deps);
    const [after] = await quarantined(deps);
    expect(after).toMatchObject({
      reason: 'accessDenied',
      deliveries: expect.arrayContaining([
        { userId: bo.id, end: 'failed', reason: 'accessDenied' },
      ]) as object,
    });
    expect(after!.detail).not.toBe(before!.detail);
    expect(Date.parse(after!.at)).toBeGreaterThan(Date.parse(before!.at));
    expect((await outcomes(deps))[0]).toMatchObject({
      reason: 'accessDenied',
      deliveries: after!.deliveries,
    });
    expect(await countersOf(deps)).toMatchObject({
      deliveries: { expected: 2, imported: 1, failed: 1 },
      reasons: { accessDenied: 1 },
    });
  });

  it('that fails five times more is given up, and keeps what was delivered', async () => {
    bo.quotaBytes = 1;
    const { deps, exchange, redrive, drain, quarantined } = await open([chatLine('1_1')]);
    delete bo.quotaBytes;
    exchange.setFaults({ script: [{ kind: 'serverError', method: 'POST', path: '/messages$', times: 999 }] });

    await redrive(deps, first);
    await drain(deps);
    expect(await quarantined(deps)).toMatchObject([{ position: 0, reason: 'gaveUp' }]);
    exchange.setFaults({});
    await reconcile(deps);
    expect(await countersOf(deps)).toMatchObject({
      deliveries: { expected: 2, imported: 1, failed: 1 },
      reasons: { gaveUp: 1 },
    });
    await redrive(deps, first);
    await drain(deps);
    await reconcile(deps);
    expect(await countersOf(deps)).toEqual(delivered(2));
  });

  it('that was too large is delivered after the limit is raised', async () => {
    const long = chatLine('1_1', { textContent: 'long '.repeat(300_000) });
    const { deps, instance, redrive, drain, messages, quarantined } = await open([long], {
      WHATSAPP_SIZE_LIMIT_MB: '1',
    });
    expect(await quarantined(deps)).toMatchObject([{ reason: 'tooLarge' }]);

    const raised = instance({ WHATSAPP_SIZE_LIMIT_MB: '2' });
    await redrive(raised, first);
    await drain(raised);
    await reconcile(raised);
    for (const one of [anna, bo]) expect(await messages(one)).toHaveLength(1);
    expect(await countersOf(deps)).toEqual(delivered(2));
  });

  it('counts as imported after the limit is raised, and as partial where it was delivered before', async () => {
    bo.quotaBytes = 1;
    const file = { name: 'plan.bin', contentType: 'application/octet-stream' };
    const content = Buffer.alloc(1.2 * 1024 * 1024).toString('base64');
    const line = chatLine('1_1', { attachment: [{ ...file, content }] });
    const { deps, instance, redrive, drain, outcomes } = await open([line], { WHATSAPP_SIZE_LIMIT_MB: '1' });
    delete bo.quotaBytes;

    const raised = instance({ WHATSAPP_SIZE_LIMIT_MB: '2' });
    await redrive(raised, first);
    await drain(raised);
    const [outcome] = await outcomes(deps);
    const ends = Object.fromEntries(outcome!.deliveries.map(({ userId, end }) => [userId, end]));
    expect(ends).toEqual({ [anna.id]: 'partial', [bo.id]: 'imported' });
  });

  it('keeps its batch open even where there are more outcomes than items', async () => {
    bo.quotaBytes = 1;
    const { deps, redrive, outcomes } = await open([chatLine('1_1')]);
    const [ended] = await outcomes(deps);
    await deps.outcomes.insert(batchPartition('whatsapp', 1), positionRow(99), ended!);
    await redrive(deps, first);
    await reconcile(deps);
    expect(await stateOf(deps)).not.toHaveProperty('closedAt');
  });

  it('is put back by the reconcile timer when its pointer is lost, once nothing has happened for a while', async () => {
    bo.quotaBytes = 1;
    const { deps, account, redrive, drain, queued, events } = await open([chatLine('1_1'), chatLine('1_2')]);
    delete bo.quotaBytes;

    await redrive(later(deps, 3600), second);
    await account.queue('import-item').clearMessages();
    await reconcile(later(deps, 3630));
    expect(await queued()).toBe(0);
    expect(await stateOf(deps)).not.toHaveProperty('closedAt');
    await reconcile(later(deps, 3690));
    expect(await queued()).toBe(1);
    expect(events.find(({ name }) => name === 'backlogOld')?.fields).toMatchObject({ batch: 1, count: 1 });
    await drain(deps);
    await reconcile(deps);
    expect(await countersOf(deps)).toMatchObject({
      deliveries: { expected: 4, imported: 3, failed: 1 },
      quarantined: 1,
    });
  });

  it('that is delivered is not quarantined by an older attempt that fails', async () => {
    bo.quotaBytes = 1;
    const { deps, redrive, drain, quarantined, outcomes } = await open([chatLine('1_1')]);
    delete bo.quotaBytes;
    await redrive(deps, first);
    const { blob, offset, length } = (await quarantined(deps))[0]!;
    let overtaken: Promise<void> | undefined;
    const slow: Deps = {
      ...deps,
      directory: {
        find: async () => void (await (overtaken ??= drain(deps).then(() => reconcile(deps)))),
      },
    };
    await importItem(slow, { v: 1, connector: 'whatsapp', ...first, blob, offset, length });
    expect(await quarantined(deps)).toEqual([]);
    expect(await outcomes(deps)).toMatchObject([{ kind: 'delivered', expected: 2 }]);
    expect(await countersOf(deps)).toEqual(delivered(2));
  });

  it('keeps its batch open although a timer that has already counted it closes the batch', async () => {
    bo.quotaBytes = 1;
    const { deps, redrive, drain, queued } = await open([chatLine('1_1')]);
    await redrive(deps, first);
    await drain(deps);
    delete bo.quotaBytes;
    // The reconciler reads this last before it writes the counters.
    const interrupted: Deps = {
      ...deps,
      quarantine: {
        ...deps.quarantine,
        async *list(partition) {
          await redrive(deps, first);
          yield* deps.quarantine.list(partition);
        },
      },
    };
    await reconcile(interrupted);
    expect(await queued()).toBe(1);
    expect(await stateOf(deps)).not.toHaveProperty('closedAt');
    expect((await deps.runs.closedThrough('whatsapp')).number).toBe(0);
    await drain(deps);
    await reconcile(deps);
    expect(await countersOf(deps)).toEqual(delivered(2));
  });

  it('opens its batch even if the timer skips the closed batch at that moment', async () => {
    bo.quotaBytes = 1;
    const { deps, redrive, drain } = await open([chatLine('1_1')]);
    delete bo.quotaBytes;
    let ticks = 1;
    const passedBy: Deps = {
      ...deps,
      runs: {
        ...deps.runs,
        async lowerClosedThrough(connector, batch) {
          await deps.runs.lowerClosedThrough(connector, batch);
          if (ticks-- > 0) await reconcile(deps);
        },
      },
    };
    await redrive(passedBy, first);
    await drain(deps);
    await reconcile(deps);
    expect(await countersOf(deps)).toEqual(delivered(2));
  });
});

describe('a request to redrive', () => {
  it('that comes twice delivers once', async () => {
    bo.quotaBytes = 1;
    const { deps, redrive, drain, messages, quarantined } = await open([chatLine('1_1')]);
    delete bo.quotaBytes;
    await redrive(deps, first, first);
    await drain(deps);
    await reconcile(deps);
    for (const one of [anna, bo]) expect(await messages(one)).toHaveLength(1);
    expect(await quarantined(deps)).toEqual([]);
    expect(await countersOf(deps)).toEqual(delivered(2));
  });

  it.each([
    ['that ended well', { batch: 1, position: 0 }],
    ['that the batch does not have', { batch: 1, position: 7 }],
  ])(
    'for an item %s puts nothing on the queue, and its batch is counted again with the same result',
    async (_what, item) => {
      const { deps, outcomes, redrive, queued } = await open([chatLine('1_1')]);
      const before = await outcomes(deps);
      await redrive(deps, item);
      expect(await queued()).toBe(0);
      expect(await outcomes(deps)).toEqual(before);
      await reconcile(deps);
      expect(await countersOf(deps)).toEqual(delivered(2));
      expect((await deps.runs.closedThrough('whatsapp')).number).toBe(1);
    },
  );

  it('removes a quarantine row that a dying worker left behind for a delivered item', async () => {
    bo.quotaBytes = 1;
    const { deps, quarantined, redrive, drain } = await open([chatLine('1_1')]);
    const [left] = await quarantined(deps);
    delete bo.quotaBytes;
    await redrive(deps, first);
    await drain(deps);
    await reconcile(deps);
    await deps.quarantine.put(batchPartition('whatsapp', 1), positionRow(0), left!);

    await redrive(deps, first);
    await reconcile(deps);
    expect(await quarantined(deps)).toEqual([]);
    expect(await countersOf(deps)).toEqual(delivered(2));
  });

  it('for a batch that does not exist fails and leaves nothing behind', async () => {
    const { deps, redrive, queued } = await open([chatLine('1_1')]);
    await expect(redrive(deps, { batch: 2, position: 0 })).rejects.toThrow('There is no such batch');
    expect(await queued()).toBe(0);
    expect(await stateOf(deps, 2)).toBeUndefined();
  });

  it('opens an old batch but not the ones after it, and all count as closed when it is closed again', async () => {
    bo.quotaBytes = 1;
    const { deps, archive, redrive, drain, events } = await open([chatLine('1_1')]);
    await archive(deps, 'whatsapp', 'again');
    await reconcile(deps);
    expect((await deps.runs.closedThrough('whatsapp')).number).toBe(2);
    const behind = await stateOf(deps, 2);
    delete bo.quotaBytes;

    await redrive(deps, first);
    await drain(deps);
    await reconcile(deps);
    expect((await deps.runs.closedThrough('whatsapp')).number).toBe(2);
    expect(await stateOf(deps, 2)).toEqual(behind);
    expect(await countersOf(deps)).toEqual(delivered(2));
    expect(events.filter(({ name }) => name === 'batchClosed').map(({ fields }) => fields.batch)).toEqual([
      1, 2, 1,
    ]);
  });

  it('may come while the batch is open, and does not wait for the rest of it', async () => {
    bo.quotaBytes = 1;
    const { deps, fetch, drain, redrive, account, lines, messages } = await open([chatLine('1_1')]);
    lines.whatsapp = [chatLine('2_1'), chatLine('2_2')];
    await fetch(deps, 'whatsapp', 'open');
    const { receivedMessageItems } = await account.queue('import-item').receiveMessages();
    expect(receivedMessageItems).toHaveLength(1);
    await drain(deps);
    const [ended] = await collect(deps.outcomes.list(batchPartition('whatsapp', 2)));
    delete bo.quotaBytes;
    await redrive(deps, { batch: 2, position: Number(ended!.row) });
    await drain(deps);
    expect(await messages(bo)).toHaveLength(1);
    expect(await stateOf(deps, 2)).not.toHaveProperty('closedAt');
  });
});

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}
