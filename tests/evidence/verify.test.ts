import { connectors } from '../../shared/connectors';
import type { Finding } from '../../shared/evidence/finding';
import { verify, type VerifyOptions } from '../../shared/evidence/verify';
import { containers, tables } from '../../shared/names';
import { fetchRun, openRun } from '../../shared/pipeline/fetch-batch';
import { reconcile } from '../../shared/pipeline/reconcile';
import { splitBatch } from '../../shared/pipeline/split-batch';
import { windowRun } from '../../shared/pipeline/windows';
import { entryBlob } from '../../shared/storage/audit';
import { manifestBlob, manifestBytes, sha256, type Manifest } from '../../shared/storage/manifest';
import { batchPartition, batchRow, positionRow } from '../../shared/storage/outcomes';
import { user } from '../support/graph-tenant';
import { chatLine, openWorld, readMessages, type World } from '../support/world';

const anna = user('anna');
const bo = user('bo');
const day = (date: number) => `2026-11-${date}T00:00:00.000Z`;
let world: World;

/** Three days: an empty one, one of three batches, and one with a single item. */
beforeAll(async () => {
  const later = { gatewayReceivedDate: '2026-11-21T08:00:05Z' };
  const withoutMailbox = { usersEmailAddress: [{ emailAddress: 'nobody@contoso.example' }] };
  world = await openWorld({
    users: [anna, bo],
    lines: {
      whatsapp: [
        ...['one', 'two', 'three', 'four'].map((id) => chatLine(id)),
        chatLine('five', withoutMailbox),
        chatLine('six', later),
      ],
    },
    settings: { PAGE_ITEMS: '1', BATCH_MAX_ITEMS: '2', CONNECTORS: 'whatsapp', FETCH_OVERLAP_MINUTES: '0' },
  });
  const { deps } = world;
  for (const [from, to] of [
    [19, 20],
    [20, 21],
    [21, 22],
  ] as const)
    await fetchRun(deps, 'whatsapp', await openRun(deps, 'whatsapp', windowRun('daily', day(from), day(to))));
  for (let number = 1; ; number++) {
    const found = await deps.batches.read('whatsapp', number);
    if (!found) break;
    await splitBatch(deps, found.manifest);
  }
  await world.drain(deps);
  await reconcile(deps);
});
afterAll(() => world.close());

async function findings(options: VerifyOptions = {}): Promise<Finding[]> {
  const found: Finding[] = [];
  await verify(world.deps, ['whatsapp'], options, (finding) => found.push(finding));
  return found;
}
const kinds = async (options?: VerifyOptions) =>
  (await findings(options)).map(({ kind, batch, position }) =>
    [kind, batch, position].filter((one) => one !== undefined).join(' '),
  );

const container = () => world.account.container(containers.batches);
const blobOf = (name: string) => container().getBlockBlobClient(name);
const read = (name: string) => blobOf(name).downloadToBuffer();
const write = (name: string, bytes: Buffer) => blobOf(name).upload(bytes, bytes.length);

/** Changes blobs for the time of a check; undefined removes one. */
async function withBlobs(
  changes: Record<string, (bytes: Buffer) => Buffer | undefined>,
  check: () => Promise<void>,
) {
  const before = new Map<string, Buffer | undefined>();
  for (const [name, change] of Object.entries(changes)) {
    const exists = await blobOf(name).exists();
    const bytes = exists ? await read(name) : undefined;
    before.set(name, bytes);
    const after = change(Buffer.from(bytes ?? []));
    if (after) await write(name, after);
    else await blobOf(name).delete();
  }
  try {
    await check();
  } finally {
    for (const [name, bytes] of before)
      if (bytes) await write(name, bytes);
      else await blobOf(name).deleteIfExists();
  }
}

/** Changes a row for the time of a check; undefined removes it. */
async function withRow(
  table: keyof typeof tables,
  partition: string,
  row: string,
  change: (entity: Record<string, unknown>) => Record<string, unknown> | undefined,
  check: () => Promise<void>,
) {
  const client = world.account.table(tables[table]);
  const found = (await client.getEntity(partition, row).catch(() => undefined)) as
    Record<string, unknown> | undefined;
  const keys = { partitionKey: partition, rowKey: row };
  const after = change({ ...found, ...keys });
  if (after) await client.upsertEntity({ ...after, ...keys }, 'Replace');
  else await client.deleteEntity(partition, row);
  try {
    await check();
  } finally {
    if (found) await client.upsertEntity({ ...found, ...keys }, 'Replace');
    else await client.deleteEntity(partition, row);
  }
}

const edited = (change: (manifest: Manifest) => Manifest) => (bytes: Buffer) =>
  manifestBytes(change(JSON.parse(bytes.toString()) as Manifest));
const manifestOf = async (number: number) => (await world.deps.batches.read('whatsapp', number))!.manifest;
const pageOf = async (number: number, page = 0) => (await manifestOf(number)).pages[page]!.blob;
const chain = (number: number) => manifestBlob('whatsapp', number);
const keyOf = async (batch: number, position: number) =>
  (await world.deps.outcomes.get(batchPartition('whatsapp', batch), positionRow(position)))!.value.itemKey!;

test('finds nothing in an archive that is as it was written, and says what it read', async () => {
  const found: Finding[] = [];
  const [verified] = await verify(world.deps, ['whatsapp'], { deep: true }, (finding) => found.push(finding));
  expect(found).toEqual([]);
  const pages = await Promise.all([2, 3, 4, 5].map(manifestOf));
  expect(verified).toMatchObject({
    connector: 'whatsapp',
    manifests: 5,
    batches: 5,
    open: 0,
    pages: 6,
    bytes: pages.reduce((sum, { bytes }) => sum + bytes, 0),
    items: 6,
    deliveries: 10,
    head: (await world.deps.batches.read('whatsapp', 5))!.sha256,
  });
});

test('places a byte that was changed in a page', async () => {
  const page = await pageOf(2, 1);
  await withBlobs({ [page]: (bytes) => (bytes.writeUInt8(bytes[40]! ^ 1, 40), bytes) }, async () => {
    expect(await findings()).toMatchObject([{ kind: 'pageAltered', batch: 2, blob: page }]);
  });
});

test('places a page that was removed', async () => {
  const page = await pageOf(3);
  await withBlobs({ [page]: () => undefined }, async () => {
    expect(await findings()).toMatchObject([{ kind: 'pageMissing', batch: 3, blob: page }]);
  });
});

test('places a manifest that was altered, wherever in the chain it is', async () => {
  for (const number of [1, 2, 5]) {
    const alter = edited((manifest) => ({ ...manifest, committedAt: day(28) }));
    await withBlobs({ [chain(number)]: alter }, async () => {
      expect(await findings()).toMatchObject([{ kind: 'manifestAltered', batch: number }]);
    });
  }
});

test('places a manifest that was altered together with the hash that its batch keeps', async () => {
  const alter = edited((manifest) => ({ ...manifest, committedAt: day(28) }));
  const altered = alter(await read(chain(2)));
  await withRow(
    'batches',
    'whatsapp',
    batchRow(2),
    (row) => ({ ...row, manifestSha256: sha256(altered) }),
    () =>
      withBlobs({ [chain(2)]: () => altered }, async () => {
        expect(await kinds()).toEqual(['linkBroken 3']);
      }),
  );
});

test('places a manifest that is no manifest any more, and goes on', async () => {
  const page = await pageOf(4);
  await withBlobs({ [chain(2)]: () => Buffer.from('{}'), [page]: () => undefined }, async () => {
    expect(await kinds()).toEqual(['manifestAltered 2', 'runBroken 3', 'pageMissing 4']);
  });
});

test('places a manifest that was removed, from within and from the end', async () => {
  await withBlobs({ [chain(3)]: () => undefined }, async () => {
    expect(await kinds()).toEqual(['manifestMissing 3', 'runBroken 4']);
  });
  const head = (await world.deps.batches.read('whatsapp', 5))!.sha256;
  await withBlobs({ [chain(5)]: () => undefined }, async () => {
    expect(await kinds({ head })).toEqual(['manifestMissing 5', 'anchorUnknown']);
  });
});

test('places a manifest that was added with a right hash of its own and the wrong parent', async () => {
  const added = { ...(await manifestOf(5)), number: 6, previousSha256: sha256(Buffer.from('other')) };
  await withBlobs({ [chain(6)]: () => manifestBytes(added) }, async () => {
    expect(await kinds()).toEqual(expect.arrayContaining(['linkBroken 6', 'runBroken 6']));
  });
  // Within the chain there is no number free: it stands in the place of another.
  const inserted = { ...(await manifestOf(3)), previousSha256: sha256(Buffer.from('other')) };
  await withBlobs({ [chain(3)]: () => manifestBytes(inserted) }, async () => {
    expect(await kinds()).toEqual(expect.arrayContaining(['manifestAltered 3', 'linkBroken 3']));
  });
  const beside = 'manifests/whatsapp/0000000003-copy.json';
  await withBlobs({ [beside]: () => manifestBytes(inserted) }, async () => {
    expect(await findings()).toMatchObject([{ kind: 'foreignBlob', blob: beside }]);
  });
});

test('names a chain that was rebuilt from scratch by the head that was kept elsewhere', async () => {
  const head = (await world.deps.batches.read('whatsapp', 4))!.sha256;
  expect(await kinds({ head })).toEqual([]);
  expect(await kinds({ head: sha256(Buffer.from('before')) })).toEqual(['anchorUnknown']);
});

test('places an outcome that was removed, doubled, or names no item', async () => {
  const partition = batchPartition('whatsapp', 2);
  await withRow(
    'outcomes',
    partition,
    positionRow(1),
    () => undefined,
    async () => {
      expect(await kinds()).toEqual(
        expect.arrayContaining(['outcomeMissing 2 1', 'countersAltered 2', 'ledgerForeign 2 1']),
      );
    },
  );
  const whole = (await world.account.table(tables.outcomes).getEntity(partition, positionRow(1))) as Record<
    string,
    unknown
  >;
  await withRow(
    'outcomes',
    partition,
    '1',
    () => whole,
    async () => {
      expect(await kinds()).toEqual(['outcomeTwice 2 1']);
    },
  );
  await withRow(
    'outcomes',
    partition,
    positionRow(7),
    () => whole,
    async () => {
      expect(await kinds()).toEqual(expect.arrayContaining(['outcomeForeign 2 7']));
    },
  );
});

test('places a delivery that the ledger lacks, and one that no outcome counts', async () => {
  const key = await keyOf(3, 0);
  await withRow(
    'ledger',
    key,
    anna.id,
    () => undefined,
    async () => {
      expect(await findings()).toMatchObject([
        { kind: 'ledgerMissing', batch: 3, position: 0, userId: anna.id },
      ]);
    },
  );
  const stored = {
    connector: 'whatsapp',
    batch: { type: 'Double', value: '3.0' },
    position: { type: 'Double', value: '0' },
    state: 'done',
  };
  await withRow(
    'ledger',
    key,
    'somebody',
    () => stored,
    async () => {
      expect(await findings()).toMatchObject([
        { kind: 'ledgerForeign', batch: 3, position: 0, userId: 'somebody' },
      ]);
    },
  );
});

test('places a counter that was changed, and the row of a closed batch that is gone', async () => {
  const change = (row: Record<string, unknown>) => ({
    ...row,
    counters__json0: String(row['counters__json0']).replace('"delivered":2', '"delivered":1'),
  });
  await withRow('batches', 'whatsapp', batchRow(2), change, async () => {
    expect(await findings()).toMatchObject([
      { kind: 'countersAltered', batch: 2, detail: 'items.delivered: expected 2, found 1' },
    ]);
  });
  await withRow(
    'batches',
    'whatsapp',
    batchRow(2),
    () => undefined,
    async () => {
      expect(await kinds()).toEqual(['countersAltered 2']);
    },
  );
});

test('places an item with a reason that is not in quarantine', async () => {
  await withRow(
    'quarantine',
    batchPartition('whatsapp', 4),
    positionRow(0),
    () => undefined,
    async () => {
      expect(await kinds()).toEqual(['quarantineMissing 4 0']);
    },
  );
});

test('looks each delivery up in its mailbox, and each message up in the ledger', async () => {
  const origin = world.exchange.origin;
  const key = await keyOf(5, 0);
  const [removed] = (await readMessages(origin, anna)).filter(({ itemKey }) => itemKey === key);
  await world.deps.mailboxes.remove(anna.id, removed!.id);
  expect(await kinds()).toEqual([]);
  expect(await findings({ deep: true })).toMatchObject([
    { kind: 'messageMissing', batch: 5, position: 0, userId: anna.id },
  ]);
  // Only what the interval names is looked up.
  expect(await kinds({ deep: true, interval: { from: day(19), to: day(21) } })).toEqual([]);

  const folderId = (await world.deps.mailboxes.folder(bo.id, connectors.whatsapp))!;
  const other = await keyOf(2, 0);
  await withRow(
    'ledger',
    other,
    bo.id,
    (row) => ({ ...row, messageId: 'another' }),
    async () => {
      const found = await findings({ deep: true, interval: { to: day(21) } });
      expect(found).toMatchObject([
        { kind: 'messageMissing', batch: 2, position: 0, userId: bo.id },
        { kind: 'messageForeign', batch: 2, position: 0, userId: bo.id },
      ]);
    },
  );
  expect(folderId).not.toBe('');
});

test('places an entry of the audit trail that was altered or removed', async () => {
  const who = { id: null, name: 'somebody' };
  for (let number = 0; number < 3; number++) await world.deps.audit.append(who, { act: 'fetch' }, day(27));
  const trail = world.account.container(containers.audit);
  const head = await world.deps.audit.head();
  expect(await kinds()).toEqual([]);
  for (const number of [1, head - 1]) {
    const blob = trail.getBlockBlobClient(entryBlob(number));
    const bytes = await blob.downloadToBuffer();
    const altered = Buffer.from(bytes.toString().replace(/"name":"[^"]*"/, '"name":"another"'));
    await blob.upload(altered, altered.length);
    expect(await findings()).toMatchObject([{ kind: 'auditBroken', blob: entryBlob(number + 1) }]);
    await blob.delete();
    expect(await findings()).toMatchObject([{ kind: 'auditBroken', blob: entryBlob(number) }]);
    await blob.upload(bytes, bytes.length);
  }
  expect(await kinds()).toEqual([]);
});
