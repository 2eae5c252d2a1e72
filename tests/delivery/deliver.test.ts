import { connectors } from '../../shared/connectors';
import type { Deps } from '../../shared/deps';
import { importItem } from '../../shared/pipeline/import-item';
import { reconcile } from '../../shared/pipeline/reconcile';
import { batchPartition, batchRow, positionRow } from '../../shared/storage/outcomes';
import { sha256, user } from '../support/graph-tenant';
import { until } from '../support/until';
import { chatLine, useWorld, type WorldOptions } from '../support/world';

const anna = user('anna');
const bo = user('bo');

const open = useWorld({ users: [anna, bo] });

const ends = (outcome: { deliveries: { end: string }[] } | undefined) =>
  outcome?.deliveries.map(({ end }) => end).toSorted();
const subjects = (messages: { body: { content: string } }[]) =>
  messages.map(({ body }) => body.content.split(/\r?\n/)[0]).toSorted();

/** The pointer to the item of a batch that holds one. */
describe('a delivery', () => {
  it('files an item once in the folder of every participant, received when TeleMessage received it', async () => {
    const { deps, archive, messages, outcomes } = await open({
      lines: { whatsapp: [chatLine('1_1')] },
    });
    await archive(deps);
    for (const one of [anna, bo]) {
      const [message, ...others] = await messages(one);
      expect(others).toEqual([]);
      expect(message).toMatchObject({
        isDraft: false,
        sentDateTime: '2026-11-20T08:00:00Z',
        receivedDateTime: '2026-11-20T08:00:05Z',
      });
      expect(message!.body.content).toMatch(/^text of 1_1\r?\n/);
    }
    expect((await outcomes(deps)).map(ends)).toEqual([['imported', 'imported']]);
  });

  it('counts an item handled twice as imported once', async () => {
    const { deps, fetch, drain, messages, outcomes } = await open({
      lines: { whatsapp: [chatLine('1_1')] },
    });
    const [pointer] = await fetch(deps);
    await deps.importQueue.send(pointer!);
    await drain(deps);
    expect(await messages(anna)).toHaveLength(1);
    expect((await outcomes(deps)).map(ends)).toEqual([['imported', 'imported']]);
  });

  it('counts an item that died between delivery and outcome as imported, not as skipped', async () => {
    const { deps, fetch, drain, instance, messages, outcomes } = await open({
      lines: { whatsapp: [chatLine('1_1')] },
    });
    const [pointer] = await fetch(deps);
    // This worker dies as it writes the outcome.
    const dying = {
      ...deps,
      outcomes: { ...deps.outcomes, insert: () => Promise.reject(new Error('killed')) },
    };
    await expect(importItem(dying, pointer!)).rejects.toThrow('killed');
    await drain(instance());
    expect(await messages(anna)).toHaveLength(1);
    expect((await outcomes(deps)).map(ends)).toEqual([['imported', 'imported']]);
  });

  it('skips an item that TeleMessage serves again, and imports the same id with other content', async () => {
    const twice = [chatLine('1_1'), chatLine('1_1'), chatLine('EDIT-1_1', { textContent: 'first edit' })];
    const lines = [...twice, chatLine('EDIT-1_1', { textContent: 'second edit' })];
    const { deps, archive, messages, outcomes } = await open({ lines: { whatsapp: lines } });
    await archive(deps);
    expect(subjects(await messages(anna))).toEqual(['first edit', 'second edit', 'text of 1_1']);
    const counted = (await outcomes(deps)).flatMap(ends);
    expect(counted.filter((end) => end === 'skipped')).toHaveLength(2);
    expect(counted.filter((end) => end === 'imported')).toHaveLength(6);
  });

  it('waits for the worker that holds the lease, takes over when it runs out, and looks before it creates', async () => {
    const { deps, fetch, drain, instance, messages, outcomes, events } = await open({
      lines: {
        whatsapp: [chatLine('1_1', { usersEmailAddress: [{ emailAddress: 'anna@contoso.example' }] })],
      },
    });
    const [pointer] = await fetch(deps);
    // This worker dies after Exchange has stored the message and before the ledger says so.
    const dying = {
      ...deps,
      ledger: { ...deps.ledger, replace: () => Promise.reject(new Error('killed')) },
    };
    await expect(importItem(dying, pointer!)).rejects.toThrow('killed');
    expect(await messages(anna)).toHaveLength(1);
    await drain(instance());
    expect(events.some(({ name }) => name === 'throttled')).toBe(true);
    expect(await messages(anna)).toHaveLength(1);
    expect((await outcomes(deps)).map(ends)).toEqual([['imported']]);
  });

  it('does not adopt a message whose removal may still be under way', async () => {
    const { deps, archive, messages, outcomes } = await open({
      lines: { whatsapp: [chatLine('1_1')] },
    });
    const [pointer] = await archive(deps);
    const [outcome] = await outcomes(deps);
    const [condemned] = await messages(anna);
    const row = (await deps.ledger.get(outcome!.itemKey!, anna.id))!;
    const { messageId, ...value } = row.value;
    const left = {
      state: 'pending' as const,
      discarded: [messageId!],
      leaseUntil: '2026-11-20T00:00:00.000Z',
    };
    await deps.ledger.replace(outcome!.itemKey!, anna.id, { ...value, ...left }, row.etag);
    await deps.outcomes.remove(batchPartition('whatsapp', 1), positionRow(0));

    await importItem(deps, pointer!);
    const [copy, ...others] = await messages(anna);
    expect(others).toEqual([]);
    expect(copy!.id).not.toBe(condemned!.id);
    const { value: done } = (await deps.ledger.get(outcome!.itemKey!, anna.id))!;
    expect(done).toMatchObject({ state: 'done', discarded: [messageId] });
    expect(done.messageId).not.toBe(messageId);
    expect(await messages(bo)).toHaveLength(1);
  });

  it.each([
    ['commitThenTimeout', 'answered 504 after the message was stored'],
    ['resetAfter', 'cut off after the message was stored'],
    ['resetBefore', 'cut off before anything was stored'],
    ['gatewayTimeout', 'answered 504 with nothing stored'],
  ] as const)('files one copy when the create request is %s (%s)', async (kind, _what) => {
    const { deps, archive, messages, outcomes } = await open({
      lines: { whatsapp: [chatLine('1_1')] },
      exchangeFaults: { script: [{ kind, method: 'POST', path: '/messages$', times: 2 }] },
    });
    await archive(deps);
    expect(await messages(anna)).toHaveLength(1);
    expect(await messages(bo)).toHaveLength(1);
    expect((await outcomes(deps)).map(ends)).toEqual([['imported', 'imported']]);
  });

  it('removes and records the second copy when a late request lands after the look-up found nothing', async () => {
    const { deps, archive, skip, messages, events } = await open({
      lines: {
        whatsapp: [chatLine('1_1', { usersEmailAddress: [{ emailAddress: 'anna@contoso.example' }] })],
      },
      settings: { SETTLING_SECONDS: '60' },
      exchangeFaults: { script: [{ kind: 'lateCommit', method: 'POST', path: '/messages$', lateMs: 800 }] },
    });
    await archive(deps);
    await until('the late copy', async () => (await messages(anna)).length === 2);
    skip(deps.config.reconcile.settlingMs);
    await reconcile(deps);
    expect(await messages(anna)).toHaveLength(1);
    expect(events.find(({ name }) => name === 'copyRemoved')?.fields).toMatchObject({
      count: 1,
      position: 0,
    });
    const state = await deps.batchStates.get('whatsapp', batchRow(1));
    expect(state?.value.counters?.deliveries).toMatchObject({ expected: 1, imported: 1 });
  });

  it('files into a new folder when the user removes the folder in the middle', async () => {
    const { deps, archive, messages, outcomes } = await open({
      lines: { whatsapp: [chatLine('1_1'), chatLine('1_2'), chatLine('1_3')] },
      exchangeFaults: {
        folderRemovals: [{ displayName: connectors.whatsapp.folder, beforeCreate: 1, how: 'purged' }],
      },
    });
    await archive(deps);
    expect(await messages(anna)).toHaveLength(3);
    expect((await outcomes(deps)).flatMap(ends)).toEqual(Array(6).fill('imported'));
  });

  it('completes an item whose upload sessions are lost half-way', async () => {
    const content = Buffer.alloc(5 * 1024 * 1024, 'voice').toString('base64');
    const attachment = [{ name: '语音.amr', contentType: 'audio/amr', content }];
    const { deps, archive, messages } = await open({
      lines: { whatsapp: [chatLine('1_1', { attachment })] },
      exchangeFaults: { script: [{ kind: 'sessionGone', times: 2 }] },
    });
    await archive(deps);
    for (const one of [anna, bo]) {
      const [message, ...others] = await messages(one);
      expect(others).toEqual([]);
      expect(message!.attachments.map(({ name, contentBytes }) => [name, contentBytes === content])).toEqual([
        ['语音.amr', true],
      ]);
    }
  });

  it('drops a file above the limit and names it in the body', async () => {
    const content = Buffer.alloc(24 * 1024 * 1024, 'film').toString('base64');
    const attachment = [{ name: 'film.mp4', contentType: 'video/mp4', content }];
    const onlyAnna = [{ emailAddress: 'anna@contoso.example' }];
    const { archive, instance, messages, outcomes } = await open({
      lines: { whatsapp: [chatLine('1_1', { attachment, usersEmailAddress: onlyAnna })] },
    });
    const usual = instance();
    await archive(usual, 'whatsapp', 'first');
    expect((await outcomes(usual)).map(ends)).toEqual([['partial']]);
    const [without] = await messages(anna);
    expect(without!.attachments).toEqual([]);
    expect(without!.body.content).toContain('film.mp4');
    expect(without!.body.content).toContain(String(24 * 1024 * 1024));
  });

  it.each([
    ['for a moment', 1, 'imported'],
    ['for good', 1000, 'failed'],
  ])('never skips a mailbox whose folders cannot be found %s', async (_when, times, end) => {
    const script = [{ kind: 'answered' as const, path: `${anna.id}/mailFolders$`, times }];
    const { deps, archive, messages, outcomes, quarantined } = await open({
      lines: { whatsapp: [chatLine('1_1')] },
      exchangeFaults: { script },
    });
    await archive(deps);
    expect(await messages(bo)).toHaveLength(1);
    expect(await messages(anna)).toHaveLength(end === 'imported' ? 1 : 0);
    expect((await outcomes(deps)).map(ends)).toEqual([[end, 'imported'].toSorted()]);
    expect((await quarantined(deps)).map(({ reason }) => reason)).toEqual(
      end === 'imported' ? [] : ['mailboxUnavailable'],
    );
  });

  it('names a text that is too long for a body when it cannot be attached either', async () => {
    const usersEmailAddress = [{ emailAddress: 'anna@contoso.example' }];
    const content = Buffer.alloc(5 * 1024 * 1024).toString('base64');
    const attachment = [{ name: 'large.bin', contentType: 'audio/amr', content }];
    const textContent = 'long '.repeat(800_000);
    const { deps, archive, messages, outcomes } = await open({
      lines: { whatsapp: [chatLine('1_1', { attachment, usersEmailAddress, textContent })] },
      exchangeFaults: { noUploadSessions: true },
    });
    await archive(deps);
    const [copy, ...others] = await messages(anna);
    expect(others).toEqual([]);
    expect(copy!.attachments).toEqual([]);
    expect(copy!.body.content).toMatch(/^long long/);
    expect(copy!.body.content).toMatch(/file message\.txt, 4\d{6} bytes/);
    expect(copy!.body.content).toContain('file large.bin');
    expect((await outcomes(deps)).map(ends)).toEqual([['partial']]);
  });

  describe('in a cloud without upload sessions', () => {
    const MB = 1024 * 1024;
    const large = Buffer.alloc(5 * MB, 'large');
    const attachment = [
      { name: 'large.bin', contentType: 'audio/amr', content: large.toString('base64') },
      { name: 'small.txt', contentType: 'text/plain', content: Buffer.from('small').toString('base64') },
      { name: 'larger.bin', contentType: 'audio/amr', content: Buffer.alloc(6 * MB).toString('base64') },
    ];
    const usersEmailAddress = [{ emailAddress: 'anna@contoso.example' }];
    const openNarrow = async (script: NonNullable<WorldOptions['exchangeFaults']>['script'] = []) => {
      const narrow = await open({
        lines: { whatsapp: [chatLine('1_1', { attachment, usersEmailAddress })] },
        settings: { WHATSAPP_SIZE_LIMIT_MB: '25' },
        exchangeFaults: { noUploadSessions: true, script },
      });
      const [pointer] = await narrow.fetch(narrow.deps);
      return { ...narrow, pointer: pointer! };
    };
    const expectOnePartial = async ({ messages, outcomes, deps }: Awaited<ReturnType<typeof openNarrow>>) => {
      const [copy, ...others] = await messages(anna);
      expect(others).toEqual([]);
      expect(copy!.attachments.map(({ name }) => name)).toEqual(['small.txt']);
      expect(copy!.body.content).toContain(`large.bin, ${5 * MB} bytes, SHA-256 ${sha256(large)}`);
      expect(copy!.body.content).toContain(`larger.bin, ${6 * MB} bytes`);
      const [outcome] = await outcomes(deps);
      expect(ends(outcome)).toEqual(['partial']);
      const { value: row } = (await deps.ledger.get(outcome!.itemKey!, anna.id))!;
      expect(row).toMatchObject({ state: 'done', partial: true });
      // The ledger keeps the id of the unfinished message.
      expect(row.discarded?.length).toBeGreaterThan(0);
      expect(row.discarded).not.toContain(row.messageId);
    };

    it('files one copy whose body names the files that it lacks', async () => {
      const narrow = await openNarrow();
      await narrow.drain(narrow.deps);
      await expectOnePartial(narrow);
    });

    it.each(['resetAfter', 'resetBefore'] as const)(
      'files one copy when the create without those files is unanswered (%s)',
      async (kind) => {
        const narrow = await openNarrow([{ kind, method: 'POST', path: '/messages$', skip: 1 }]);
        await narrow.drain(narrow.deps);
        await expectOnePartial(narrow);
      },
    );

    it.each([
      ['after the refusal', 1],
      ['after the create without those files', 2],
    ])('files one copy when the worker dies %s', async (_when, creates) => {
      const narrow = await openNarrow();
      const { deps, pointer } = narrow;
      let left = creates;
      const dead = () => (left === 0 ? Promise.reject(new Error('killed')) : undefined);
      const dying: Deps = {
        ...deps,
        ledger: { ...deps.ledger, replace: async (...row) => (await dead()) ?? deps.ledger.replace(...row) },
        mailboxes: {
          ...deps.mailboxes,
          find: async (...copies) => (await dead()) ?? deps.mailboxes.find(...copies),
          create: async (...request) => {
            const created = await deps.mailboxes.create(...request);
            left--;
            return created;
          },
        },
      };
      await expect(importItem(dying, pointer)).rejects.toThrow('killed');
      expect(await narrow.messages(anna)).toHaveLength(1);
      await narrow.drain(narrow.instance());
      await expectOnePartial(narrow);
    });
  });

  it('keeps every byte of a file that takes many upload requests', async () => {
    const bytes = Buffer.alloc(24 * 1024 * 1024);
    for (let at = 0; at < bytes.length; at += 1024) bytes.writeUInt32LE(at, at);
    const attachment = [{ name: 'film.mp4', contentType: 'video/mp4', content: bytes.toString('base64') }];
    const { deps, archive, messages } = await open({
      lines: { whatsapp: [chatLine('1_1', { attachment })] },
      settings: { WHATSAPP_SIZE_LIMIT_MB: '25' },
    });
    await archive(deps);
    for (const one of [anna, bo]) {
      const [file] = (await messages(one))[0]!.attachments;
      expect(Buffer.from(file!.contentBytes!, 'base64').equals(bytes)).toBe(true);
    }
  });
});
