import { openApp } from '../../ops/app';
import { statusVerb } from '../../ops/status';
import { version } from '../../package.json';
import type { Deps } from '../../shared/deps';
import { backfillWindow } from '../../shared/pipeline/backfill-window';
import type { Status } from '../../shared/evidence/status';
import { windowRun } from '../../shared/pipeline/windows';
import { batchPartition, batchRow, positionRow, type Quarantined } from '../../shared/storage/outcomes';
import { chatLine } from '../support/world';
import { useDeployment } from '../support/deployment';
import { runVerb } from '../support/verbs';

const deployment = useDeployment();
let deps: Deps;
beforeAll(() => {
  deps = { ...openApp(deployment.settings, false), emit: () => undefined };
});
afterAll(() => deps.itemReader.close());

async function status(): Promise<{ code: number; text: string; json: Status }> {
  const { code, text, json } = await runVerb(statusVerb, ['--json'], deployment.settings);
  return { code, text, json: json as Status };
}

const of = ({ connectors }: Status, id: string) => connectors.find(({ connector }) => connector === id)!;

test('shows a new deployment as empty, with nothing waiting', async () => {
  const { code, text, json } = await status();
  expect(code).toBe(0);
  for (const connector of json.connectors)
    expect(connector).toMatchObject({ openRuns: [], batches: 0, openBatches: [], quarantine: {} });
  expect(json.queues).toEqual({
    'import-item': 0,
    'import-item-poison': 0,
    'backfill-window': 0,
    'backfill-window-poison': 0,
    'redrive-item': 0,
    'redrive-item-poison': 0,
    'operator-request': 0,
    'operator-request-poison': 0,
  });
  expect(text).toContain('no daily window yet');
  expect(text).toMatch(new RegExp(`version +${version}$`, 'm'));
  expect(json.version).toBe(version);
});

test('shows what was fetched, what is open and for how long, and what is in quarantine', async () => {
  deployment.lines.push(chatLine('one'), chatLine('two'));
  const [from, to] = ['2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z'];
  const fetched = windowRun('backfill', from, to, 'a');
  await backfillWindow(deps, { v: 1, connector: 'whatsapp', run: fetched });
  await backfillWindow(deps, { v: 1, connector: 'whatsapp', run: windowRun('backfill', from, to, 'b') });
  await deps.batchStates.put('whatsapp', batchRow(1), {
    v: 1,
    runName: fetched.name,
    splitAt: to,
    closedAt: to,
  });
  await deps.runs.open('whatsapp', windowRun('backfill', from, to, 'c'), 2, '2999-01-01T00:00:00.000Z');
  await deps.runs.moveWatermark('whatsapp', to);
  const row: Quarantined = {
    ...{ v: 1, connector: 'whatsapp', batch: 2, position: 0, blob: 'page', offset: 0, length: 1 },
    ...{ reason: 'unmapped', detail: 'nobody', at: to, deliveries: [] },
  };
  const quarantine = async (connector: 'wechat' | 'whatsapp', batch: number, reason: Quarantined['reason']) =>
    deps.quarantine.put(batchPartition(connector, batch), positionRow(batch), { ...row, batch, reason });
  await quarantine('whatsapp', 1, 'unmapped');
  await quarantine('whatsapp', 2, 'unmapped');
  await quarantine('whatsapp', 2_000_000, 'mailboxFull');
  await quarantine('wechat', 1, 'unreadable');

  const before = Date.now();
  const { text, json } = await status();
  const after = Date.now();
  const whatsapp = of(json, 'whatsapp');
  expect(whatsapp).toMatchObject({
    watermark: to,
    lastRun: { name: 'backfill-20261120T000000Z-c', from, to, state: 'open' },
    batches: 2,
    openBatches: [{ number: 2, items: 2, run: 'backfill-20261120T000000Z-b', split: false }],
  });
  expect(whatsapp.openRuns.map(({ name }) => name)).toEqual(['backfill-20261120T000000Z-c']);
  const { ageMs } = whatsapp.openBatches[0]!;
  const committedMs = Date.parse((await deps.batches.read('whatsapp', 2))!.manifest.committedAt);
  expect(committedMs + ageMs).toBeGreaterThanOrEqual(before);
  expect(committedMs + ageMs).toBeLessThanOrEqual(after);
  expect(whatsapp.quarantine).toEqual({ mailboxFull: 1, unmapped: 1 + 1 });
  expect(of(json, 'wechat').quarantine).toEqual({ unreadable: 1 });
  expect(text).toMatch(/batches +2, 1 of them open/);
  const minutes = Math.round(ageMs / 60_000);
  expect(text).toMatch(
    new RegExp(`batch 2 +2 items, ${minutes} min old, not split, of backfill-20261120T000000Z-b`),
  );
  expect(text).toMatch(/unmapped +2/);
});
