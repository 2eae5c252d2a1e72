import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requestWindows, waitUntilClosed } from '../../local/run-windows';
import { startStack, type Stack } from '../../local/stack';
import { auditVerb } from '../../ops/audit';
import { mappingCheckVerb, mappingHistoryVerb, mappingPutVerb } from '../../ops/mapping';
import {
  quarantineListVerb,
  quarantineNoteVerb,
  quarantineShowVerb,
  redriveVerb,
} from '../../ops/quarantine';
import { statusVerb } from '../../ops/status';
import { verifyVerb } from '../../ops/verify';
import { acceptVerb, backfillVerb, fetchVerb } from '../../ops/windows';
import { UsageError, type Verb } from '../../ops/verb';
import type { QuarantinedItem } from '../../shared/evidence/quarantine';
import type { Status } from '../../shared/evidence/status';
import type { Act } from '../../shared/storage/audit';
import { useTemporaryFolder } from '../support/temporary-folder';
import { until } from '../support/until';
import { runVerb } from '../support/verbs';

/** Each verb against the whole system: the app runs in its own process, under the simulated host. */

const folder = useTemporaryFolder('verbs');
/** Some hours of the sample day, so that little is imported again and again. */
const [from, to] = ['2026-11-20T09:00:00.000Z', '2026-11-20T11:00:00.000Z'];
let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    settings: {
      CONNECTORS: 'whatsapp',
      WHATSAPP_CUSTOM_MAPPING: 'true',
      SETTLING_SECONDS: '1',
      RECONCILE_SCHEDULE: '* * * * * *',
    },
  });
  await stack.deps.mappings.upload('whatsapp', Buffer.from('Mobile number,Email address\n'));
  const runs = await requestWindows(stack.deps, from, to);
  await waitUntilClosed(stack.deps, runs, () => undefined);
}, 120_000);
afterAll(() => stack.close());

const ops = (verb: Verb, ...args: string[]) => runVerb(verb, args, stack.settings);
const status = async () => (await ops(statusVerb, '--json')).json as Status;
const whatsapp = async () => (await status()).connectors[0]!;
const quarantined = async (...args: string[]) =>
  ((await ops(quarantineListVerb, '--json', ...args)).json as { items: QuarantinedItem[] }).items;
const acts = async () =>
  ((await ops(auditVerb, '--json')).json as { what: Act; who: { name: string } }[]).map(
    ({ what }) => what.act,
  );
const settled = () =>
  until('every batch to close', async () => {
    const { openBatches, openRuns } = await whatsapp();
    const queues = Object.values((await status()).queues);
    return openBatches.length === 0 && openRuns.length === 0 && queues.every((depth) => depth === 0);
  });

test('status names what needs attention with the command that mends it, and ends with 1', async () => {
  const { code, text } = await ops(statusVerb);
  expect(code).toBe(1);
  expect(text).toMatch(/\d+ items of whatsapp need a person\./);
  expect(text).toContain('npm run ops -- quarantine list --connector whatsapp');
});

test('verify is clean, shows the head, and is on the audit trail', async () => {
  const { code, text, json } = await ops(verifyVerb, '--deep', '--json');
  expect(text).toContain('Complete and unchanged.');
  expect([code, (json as { findings: unknown[] }).findings]).toEqual([0, []]);
  expect(text).toMatch(/head of whatsapp: [0-9a-f]{64}/);
  expect(await acts()).toContain('verify');
});

test('quarantine lists each item once with its reason, and shows one with names beside ids', async () => {
  const items = await quarantined();
  expect(items.length).toBeGreaterThan(3);
  expect(new Set(items.map(({ item }) => item)).size).toBe(items.length);
  const failed = items.find(({ deliveries }) => deliveries.some(({ end }) => end !== 'failed'))!;
  const { text } = await ops(quarantineShowVerb, failed.item.slice(0, 12));
  expect(text).toContain(failed.reason);
  expect(text).toMatch(/delivery +.+ <.+@.+\.example>: imported/);
  await expect(ops(quarantineShowVerb, 'no-such-item')).rejects.toThrow(UsageError);
});

test('a window that is fetched again adds no second entry to the quarantine, and no verify finding', async () => {
  const before = await quarantined();
  const { code, text } = await ops(backfillVerb, '--connector', 'whatsapp', '--from', from, '--to', to);
  expect(code).toBe(0);
  expect(text).toContain('1 window of whatsapp');
  await until('the window', async () => (await stack.deps.runs.list('whatsapp')).length === 2);
  await settled();
  const after = await quarantined();
  expect(after.map(({ item }) => item).toSorted()).toEqual(before.map(({ item }) => item).toSorted());
  expect(after.every(({ places }) => places.length === 2)).toBe(true);
  expect((await ops(verifyVerb)).code).toBe(0);

  // The same command again goes on where it was, which is at the end.
  await ops(backfillVerb, '--connector', 'whatsapp', '--from', from, '--to', to);
  await settled();
  expect(await stack.deps.runs.list('whatsapp')).toHaveLength(2);
});

test('backfill refuses ranges that make no sense', async () => {
  const refused = (...args: string[]) => ops(backfillVerb, '--connector', 'whatsapp', ...args);
  await expect(refused('--from', '2026-11-20', '--to', '2026-11-19')).rejects.toThrow('not before --from');
  await expect(refused('--from', '2999-01-01', '--to', '2999-01-02')).rejects.toThrow('not in the future');
  await expect(refused('--from', '2001-01-01', '--to', '2001-01-02')).rejects.toThrow('since 2009');
  await expect(refused('--from', '2024-01-01', '--to', '2026-01-02')).rejects.toThrow('at most 366 days');
});

test('a mapping is checked, put in force and kept; a redrive then brings what it maps', async () => {
  // Of strangers alone: once one of them is mapped, nothing keeps the item in quarantine.
  const numberIn = ({ participants }: QuarantinedItem) =>
    participants.flatMap(({ asWritten }) => /\b\d{8,15}\b/.exec(asWritten)?.[0] ?? [])[0];
  const isOfStrangers = ({ participants }: QuarantinedItem) =>
    participants.every(({ kind }) => kind === 'external');
  const unmapped = (await quarantined('--reason', 'unmapped')).filter(isOfStrangers);
  const target = unmapped.find(numberIn)!;
  const number = numberIn(target)!;
  const file = join(folder, 'numbers.csv');
  writeFileSync(file, `Mobile number,Email address\n${number},nobody-of-that-name@contoso.example\n`);
  const wrong = await ops(mappingCheckVerb, file, '--connector', 'whatsapp');
  expect(wrong.code).toBe(1);
  expect(wrong.text).toContain('1 addresses name no user of the directory');
  writeFileSync(file, 'Mobile number,Email address\nabc\n');
  const faulty = await ops(mappingPutVerb, file, '--connector', 'whatsapp');
  expect([faulty.code, faulty.lines[0]]).toEqual([1, `${file} is refused as a whole:`]);

  const user = target.deliveries[0]?.userId ?? (await anyMailbox());
  writeFileSync(file, `Mobile number,Email address\n${number},${user}\n`);
  const put = await ops(mappingPutVerb, file, '--connector', 'whatsapp', '--json');
  expect(put.text).toContain('1 added, 0 removed, 0 changed');
  expect(put.code).toBe(0);

  const dry = await ops(redriveVerb, '--item', target.item, '--dry-run', '--json');
  expect(dry.json).toMatchObject({ items: 1, places: 2, dryRun: true, audit: null });
  // Twice, and the second time while the first may be under way.
  await ops(redriveVerb, '--item', target.item);
  await ops(redriveVerb, '--item', target.item);
  await until('the item to leave', async () =>
    (await quarantined()).every(({ item }) => item !== target.item),
  );
  await settled();
  const verified = await ops(verifyVerb, '--deep');
  expect(verified.text).toContain('Complete and unchanged.');
  const history = await ops(mappingHistoryVerb, '--connector', 'whatsapp', '--json');
  expect((history.json as { versions: { act: string }[] }).versions.map(({ act }) => act)).toContain(
    'in force',
  );
});

/** A user with a mailbox in which the app may work. */
async function anyMailbox(): Promise<string> {
  for await (const { row } of stack.deps.folders.list('whatsapp')) return row;
  throw new Error('nobody has a folder');
}

test('an item that nothing can mend is acknowledged with a note, and counts no more', async () => {
  const [target] = await quarantined();
  const text = 'Ticket 4711: no better copy';
  await ops(quarantineNoteVerb, target!.item, '--text', text, '--acknowledge');
  await until('the item to leave', async () =>
    (await quarantined()).every(({ item }) => item !== target!.item),
  );
  const all = await quarantined('--acknowledged');
  expect(all.find(({ item }) => item === target!.item)?.notes).toMatchObject([{ text }]);
  expect((await whatsapp()).acknowledged).toBe(1);
});

test('a redrive of everything leaves every item in one place, and verify is clean', async () => {
  const before = await quarantined();
  const { json } = await ops(redriveVerb, '--json');
  expect(json).toMatchObject({ items: before.length, dryRun: false });
  await settled();
  expect(await quarantined()).toHaveLength(before.length);
  expect((await ops(verifyVerb, '--deep')).text).toContain('Complete and unchanged.');
});

test('fetch fetches what is due now, and accept is noted for the auditor', async () => {
  const midnight = new Date().toISOString().slice(0, 11) + '00:00:00.000Z';
  const before = new Date(Date.parse(midnight) - 10 * 60_000).toISOString();
  // The next window is the rest of yesterday: ten minutes.
  await stack.deps.runs.moveWatermark('whatsapp', before);
  await ops(fetchVerb);
  await until('a daily window', async () => (await whatsapp()).watermark === midnight);
  await settled();
  await ops(
    acceptVerb,
    '--connector',
    'whatsapp',
    '--from',
    '2026-11-03',
    '--to',
    '2026-11-03',
    '--note',
    'lost at its source',
  );
  await until('the acceptance', async () => (await stack.deps.runs.accepted('whatsapp')).length === 1);
  expect(await stack.deps.runs.accepted('whatsapp')).toMatchObject([
    { from: '2026-11-03T00:00:00.000Z', to: '2026-11-04T00:00:00.000Z', note: 'lost at its source' },
  ]);
});

test('each act is on the audit trail once, in the name of who did it', async () => {
  const found = await acts();
  for (const act of [
    'settingsChanged',
    'mappingChanged',
    'mappingPut',
    'verify',
    'backfill',
    'redrive',
    'note',
    'fetch',
    'accept',
  ])
    expect(found).toContain(act);
  expect(found.filter((act) => act === 'fetch')).toHaveLength(1);
  expect(found.filter((act) => act === 'accept')).toHaveLength(1);
  expect(found.filter((act) => act === 'note')).toHaveLength(1);
  const { text } = await ops(auditVerb);
  expect(text).not.toContain('names nobody');
});

test('a queue message that nobody can carry out is kept with the reason, and status says so', async () => {
  await stack.deps.requests.redrive.send({ v: 1, connector: 'whatsapp', batch: 4711, position: 0 });
  await stack.deps.requests.operator.send({ v: 1, kind: 'dance' });
  await until('both messages', async () => (await status()).strayMessages === 2);
  const { text } = await ops(quarantineListVerb);
  expect(text).toMatch(/Queue message of .+ on redrive-item: There is no such batch/);
  expect(text).toMatch(/Queue message of .+ on operator-request: Expected a request of an operator/);
  expect((await ops(statusVerb)).text).toContain('2 queue messages could not be carried out');
  expect((await status()).queues).toMatchObject({ 'redrive-item-poison': 0, 'operator-request-poison': 0 });
});
