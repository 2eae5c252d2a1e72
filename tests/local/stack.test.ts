import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectations } from '../../simulators/samples/expectations';
import { fingerprint } from '../../verification/soak/mailboxes';
import { startStack } from '../../local/stack';
import { connectorIds } from '../../shared/connectors';
import type { Finding } from '../../shared/evidence/finding';
import { verify } from '../../shared/evidence/verify';
import { reasons } from '../../shared/errors';
import {
  asMessages,
  asOptions,
  countersOf,
  dataFolder,
  evening,
  expectedCounters,
  expectedMessages,
  filedItems,
  impatient,
  night,
  resultOf,
  start,
  useStacks,
  type Result,
  type Running,
} from '../support/stack-process';

/** The whole job through the real processes: windows of the sample days, one after the other over one folder. */

useStacks();

const both = { from: evening.from, to: night.to };

const quiet = dataFolder();
const faulty = dataFolder();
const quarantineFile = join(quiet, 'quarantine.ndjson');
const runs = {} as Record<'evening' | 'night' | 'again' | 'faultyEvening' | 'faultyNight', Running>;
const results = {} as Record<keyof typeof runs, Result>;
let filed: Record<'first' | 'quiet' | 'faulty', Awaited<ReturnType<typeof filedItems>>>;

async function run(name: keyof typeof runs, args: string[], settings: Record<string, string> = {}) {
  runs[name] = start([...args, '--json'], settings);
  results[name] = await resultOf(runs[name]);
}

beforeAll(async () => {
  const quietly = async () => {
    const data = ['--data', quiet];
    await run('evening', ['demo', ...asOptions(evening), ...data]);
    const first = await filedItems(quiet);
    await run('night', ['--once', ...asOptions(night), ...data, '--quarantine', quarantineFile]);
    await run('again', ['--once', ...asOptions(night), ...data]);
    return { first, quiet: await filedItems(quiet) };
  };
  const withFaults = async () => {
    const options = ['--data', faulty, '--faults', 'worst'];
    await run('faultyEvening', ['--once', ...asOptions(evening), ...options], impatient);
    await run('faultyNight', ['--once', ...asOptions(night), ...options], impatient);
    return { faulty: await filedItems(faulty) };
  };
  const [first, second] = await Promise.all([quietly(), withFaults()]);
  filed = { ...first, ...second };
});

test('one window ends with the counters that the sample days promise', () => {
  expect(countersOf(results.evening)).toEqual(expectedCounters(evening));
});

test('the last line of standard output is one JSON object with these fields and no others', () => {
  expect(Object.keys(results.night)).toEqual(['balanced', 'connectors']);
  expect(results.night.balanced).toBe(true);
  expect(results.night.connectors.map(({ connector }) => connector)).toEqual(connectorIds);
  for (const one of results.night.connectors) {
    expect(Object.keys(one).toSorted()).toEqual(
      ['connector', 'from', 'to', 'batches', 'items', 'deliveries', 'reasons', 'quarantined'].toSorted(),
    );
    expect(one).toMatchObject(night);
    expect(Object.keys(one.items)).toEqual(['available', 'delivered', 'failed', 'events']);
    expect(Object.keys(one.deliveries)).toEqual(['expected', 'imported', 'partial', 'skipped', 'failed']);
  }
});

test('the mailboxes hold exactly the items of their owners, read back over HTTP', () => {
  expect(asMessages(filed.first)).toEqual(expectedMessages(evening));
  expect(asMessages(filed.quiet)).toEqual(expectedMessages(both));
});

test('the next window skips what TeleMessage served again, and nothing else', () => {
  const expected = expectedCounters(night, {}, evening);
  expect(expected.every(({ deliveries }) => deliveries.skipped > 0)).toBe(true);
  expect(countersOf(results.night)).toEqual(expected);
});

test('the same window again imports nothing and counts every delivery as skipped', () => {
  for (const { deliveries } of countersOf(results.again))
    expect(deliveries).toMatchObject({
      imported: 0,
      partial: 0,
      skipped: deliveries.expected - deliveries.failed,
    });
  expect(countersOf(results.again).map(({ items }) => items)).toEqual(
    countersOf(results.night).map(({ items }) => items),
  );
});

test('each quarantined item is one line of the file, with its reason', () => {
  const lines = readFileSync(quarantineFile, 'utf8').trimEnd().split('\n');
  const found = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(found).toHaveLength(results.night.connectors.reduce((sum, one) => sum + one.quarantined, 0));
  expect(found.length).toBeGreaterThan(0);
  for (const one of found) {
    expect(Object.keys(one)).toEqual(['connector', 'sourceId', 'batch', 'position', 'reason', 'detail']);
    expect(Object.keys(reasons)).toContain(one['reason']);
  }
  for (const connector of connectorIds) {
    const counted: Record<string, number> = {};
    for (const one of found.filter((each) => each['connector'] === connector))
      counted[String(one['reason'])] = (counted[String(one['reason'])] ?? 0) + 1;
    expect(counted).toEqual(expectations(connector, night).reasons);
    expect(counted).toEqual(results.night.connectors.find((each) => each.connector === connector)!.reasons);
  }
});

test('the worst faults of both servers change no counter', () => {
  expect(countersOf(results.faultyEvening)).toEqual(countersOf(results.evening));
  expect(countersOf(results.faultyNight)).toEqual(countersOf(results.night));
});

test('the worst faults of both servers change no mailbox', () => {
  expect(fingerprint(filed.faulty)).toEqual(fingerprint(filed.quiet));
});

test('an audit of both archives finds nothing', async () => {
  for (const dataDir of [quiet, faulty]) {
    const stack = await startStack({ dataDir, settings: {}, withoutHost: true });
    const findings: Finding[] = [];
    try {
      await verify(stack.deps, connectorIds, { deep: true }, (finding) => findings.push(finding));
    } finally {
      await stack.close();
    }
    // Some mailboxes of the sample tenant never let the app in.
    expect(findings.filter(({ kind }) => kind !== 'mailboxUnreadable')).toEqual([]);
  }
});

test('the demo shows progress, counters and the folders as their owners see them', () => {
  const shown = runs.evening.stdout();
  expect(shown).toMatch(/^wechat +[█░]{20} \d+\/\d+ items, (fetching|importing|closing|closed)/m);
  expect(shown).toMatch(/^ +wechat +whatsapp$/m);
  const [wechat, whatsapp] = results.evening.connectors;
  expect(shown).toMatch(
    new RegExp(`items available from source +${wechat!.items.available} +${whatsapp!.items.available}$`, 'm'),
  );
  expect(shown).toMatch(/^\S+@\S+ › WeChat Archiver \(\d+ items\)$/m);
  expect(shown).toMatch(/^\S+@\S+ › WhatsApp Archiver \(\d+ items\)\n {2}2026-11-19 2[23]:\d\d {2}\S/m);
  expect(shown).toContain('Both sums balance.');
});

test('each quarantined item is shown with its reason in a sentence', () => {
  const shown = runs.night.stdout();
  expect(shown).toMatch(/^Quarantined:$/m);
  expect(shown).toContain(reasons.unreadable);
});
