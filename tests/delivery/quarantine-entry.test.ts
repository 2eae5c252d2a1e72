import { enterQuarantine } from '../../shared/delivery/quarantine-entry';
import { takeOut } from '../../shared/delivery/record-outcome';
import { tables } from '../../shared/names';
import { batchPartition, entryPartition, positionRow, type Quarantined } from '../../shared/storage/outcomes';
import type { Quarantine, QuarantineEntries } from '../../shared/storage/outcomes';
import { createRows } from '../../shared/storage/rows.client';
import { useStore } from '../support/store';

const { account } = useStore();

test('an item that leaves the quarantine of one batch stays in it where another batch holds it', async () => {
  const quarantine = createRows(account.table(tables.quarantine)) as Quarantine;
  const quarantineEntries = createRows(account.table(tables.quarantine)) as unknown as QuarantineEntries;
  const deps = { quarantine, quarantineEntries };
  const item = 'f'.repeat(64);
  const at = '2026-11-20T08:00:00.000Z';
  const place = (batch: number): Quarantined & { item: string } => ({
    ...{ v: 1, item, connector: 'whatsapp', batch, position: 4, blob: 'b', offset: 0, length: 1 },
    ...{ reason: 'unmapped', detail: '', at, deliveries: [] },
  });
  for (const batch of [1, 2, 3]) {
    await quarantine.insert(batchPartition('whatsapp', batch), positionRow(4), place(batch));
    await enterQuarantine(deps, place(batch));
  }
  const held = async () => (await quarantineEntries.get(entryPartition('whatsapp'), item))?.value.batch;
  const seen: (number | undefined)[] = [await held()];
  for (const batch of [2, 3, 3, 1]) {
    await takeOut(deps, place(batch));
    seen.push(await held());
  }
  expect(seen).toEqual([3, 3, 1, 1, undefined]);
});
