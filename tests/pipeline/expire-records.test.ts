import type { AppDeps } from '../../shared/deps';
import type { Finding } from '../../shared/evidence/finding';
import { report } from '../../shared/evidence/report';
import { coveredPeople } from '../../shared/evidence/coverage';
import { quarantinedItems } from '../../shared/evidence/quarantine';
import { verify } from '../../shared/evidence/verify';
import { containers } from '../../shared/names';
import { expireRecords } from '../../shared/pipeline/expire-records';
import { reconcile } from '../../shared/pipeline/reconcile';
import { manifestBlob } from '../../shared/storage/manifest';
import { batchPartition, batchRow } from '../../shared/storage/outcomes';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld } from '../support/world';

const anna = user('anna');
const bo = user('bo');
const DAY = 86_400_000;
const openWorld = useWorld({
  users: [anna, bo],
  lines: { whatsapp: [chatLine('one'), chatLine('two'), Buffer.from('{"messageId":"broken"}')] },
  settings: { CONNECTORS: 'whatsapp', BATCH_MAX_ITEMS: '2', PAGE_ITEMS: '1' },
});

test('rows go when their retention is over, and never because of a clock that ran ahead; the ledger stays', async () => {
  const world = await openWorld();
  const { deps } = world;
  const late: AppDeps = { ...deps, now: () => Date.now() + 2191 * DAY };
  await world.archive(deps, 'whatsapp', 'old');
  await reconcile(deps);
  const count = async (batch: number) => {
    let many = 0;
    for await (const _row of deps.outcomes.list(batchPartition('whatsapp', batch))) many++;
    return many;
  };
  expect([await count(1), await count(2)]).toEqual([2, 1]);

  // The clock alone says so, and nothing else in the archive is that young.
  await expireRecords(late, 'whatsapp');
  expect(await count(1)).toBe(2);

  await world.archive(late, 'whatsapp', 'new');
  await reconcile(late);
  await expireRecords(deps, 'whatsapp');
  expect(await count(1)).toBe(2);
  await expireRecords(late, 'whatsapp');
  expect([await count(1), await count(2), await count(3)]).toEqual([0, 0, 2]);
  expect((await deps.batchStates.get('whatsapp', batchRow(1)))?.value.counters?.items.available).toBe(2);
  expect(
    (await quarantinedItems(deps, 'whatsapp')).map(({ places }) => places.map(({ batch }) => batch)),
  ).toEqual([[4]]);
  expect((await coveredPeople(deps, 'whatsapp', '')).get(anna.id)?.items).toBe(2);
  // What is served again is still recognised.
  expect(await world.messages(anna)).toHaveLength(2);
  const findings: Finding[] = [];
  const [verified] = await verify(deps, ['whatsapp'], { deep: true }, (finding) => findings.push(finding));
  expect(findings).toEqual([]);
  expect(verified).toMatchObject({ manifests: 2, batches: 2 });

  // Later the storage service removes the manifests too: what reads the chain begins behind them.
  for (const number of [1, 2])
    await world.account.container(containers.batches).deleteBlob(manifestBlob('whatsapp', number));
  const { windows, heads } = await report(deps, ['whatsapp'], {});
  expect(windows.map(({ run, batches }) => [run, batches])).toEqual([['backfill-20261120T000000Z-new', 2]]);
  expect(heads['whatsapp']).toBe(verified!.head);
  await verify(deps, ['whatsapp'], {}, (finding) => findings.push(finding));
  expect(findings).toEqual([]);
});
