import { createHash } from 'node:crypto';
import { balances, count, noCounters } from '../../shared/pipeline/counters';
import type { LedgerRow } from '../../shared/storage/ledger';
import {
  batchPartition,
  batchRow,
  type BatchState,
  type Counters,
  type Outcome,
  type Quarantined,
} from '../../shared/storage/outcomes';
import { fatal, unfenced, type Fault } from './call-faults';
import { windowEnd, type Scenario } from './scenarios';
import { chainOf, rowsOf } from './storage-model';
import type { TwinMessage } from './exchange-model';
import type { World } from './environment';

/** What is wrong with a world at rest. */
export interface Finding {
  kind: 'lost' | 'duplicated' | 'counters';
  text: string;
}

interface Facts {
  world: World;
  scenario: Scenario;
  faults: readonly Fault[];
  stuck: boolean;
}

export function judge(facts: Facts): Finding[] {
  const { world, stuck } = facts;
  const findings: Finding[] = [];
  const find = (kind: Finding['kind'], text: string) => void findings.push({ kind, text });
  if (world.watermarkAhead) find('lost', 'the watermark was ahead of its window');
  if (stuck) find('lost', 'never comes to rest');
  checkChain(world, find);
  checkCopies(facts, find);
  checkBooks(facts, find);
  return findings;
}

type Find = (kind: Finding['kind'], text: string) => void;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Numbers, hashes and sequences of the manifests; pages as they say; the watermark at the window's end. */
function checkChain({ connector, blobs, tables }: World, find: Find): void {
  let previous: string | null = null;
  const runs = new Map<string, { sequence: number; last: boolean; cause: string }>();
  for (const { value, sha256: own } of chainOf(blobs, connector)) {
    if (value.previousSha256 !== previous)
      find('counters', `manifest ${value.number} does not link to the one before`);
    previous = own;
    const before = runs.get(value.run.name);
    if (value.sequence !== (before?.sequence ?? 0) + 1 || before?.last)
      find('counters', `manifest ${value.number} breaks the sequence of ${value.run.name}`);
    runs.set(value.run.name, { sequence: value.sequence, last: value.last, cause: value.run.cause });
    for (const page of value.pages) {
      const bytes = blobs.blobs.get(page.blob);
      if (!bytes || sha256(bytes) !== page.sha256)
        find('lost', `page ${page.blob} is not what its manifest says`);
    }
  }
  for (const [name, { last }] of runs) if (!last) find('lost', `the last batch of ${name} is missing`);
  const watermark = rowsOf<{ to?: string }>(tables.runs, connector).find(({ row }) => row === '~watermark');
  if (watermark?.value.to !== windowEnd)
    find('counters', `the watermark is ${watermark?.value.to ?? 'missing'}`);
  if (![...runs.values()].some(({ cause }) => cause === 'daily'))
    find('lost', 'the daily window was not fetched');
}

/** Each item once, whole, in each of its mailboxes, or in quarantine. */
function checkCopies({ world, scenario, faults }: Facts, find: Find): void {
  const expected = new Map<string, Scenario['expected'][number]>();
  for (const one of scenario.expected)
    for (const userId of one.userIds) expected.set(`${userId} ${one.sourceId}`, one);
  const copies = new Map<string, TwinMessage[]>();
  for (const [userId, { messages }] of world.tenant.mailboxes)
    for (const message of messages) {
      const key = `${userId} ${message.sourceId}`;
      copies.set(key, [...(copies.get(key) ?? []), message]);
    }
  for (const { sourceId, userIds } of scenario.expected)
    for (const userId of userIds)
      if (!copies.has(`${userId} ${sourceId}`) && !isQuarantined(world, sourceId))
        find('lost', `${sourceId} is not in the mailbox of ${userId}`);
  for (const [key, messages] of copies) {
    const wanted = expected.get(key);
    if (!wanted) find('duplicated', `${key} is in a mailbox where it does not belong`);
    else if (messages.length > 1) find('duplicated', `${key} is there ${messages.length} times`);
    for (const { complete, attachments, body } of messages) {
      if (!complete || attachments.join() !== wanted?.attachments.join()) find('lost', `${key} is not whole`);
      for (const name of wanted?.missing ?? [])
        if (!body.includes(name)) find('lost', `${key} does not name ${name}`);
    }
  }
  // Where no request was left under way, a second copy must not stand there even for a moment.
  if (world.tenant.mostCopies > 1 && !faults.some((fault) => unfenced.includes(fault)))
    find('duplicated', 'two copies stood in a mailbox at one time');
}

const isQuarantined = ({ tables }: World, sourceId: string) =>
  [...tables.quarantine.partitions.keys()].some((partition) =>
    rowsOf<Quarantined>(tables.quarantine, partition).some(({ value }) => value.sourceId === sourceId),
  );

/** Outcomes, quarantine, ledger and counters say what the mailboxes hold. */
function checkBooks({ world, scenario, faults }: Facts, find: Find): void {
  const { connector, tables } = world;
  const total = noCounters();
  const imported = new Map<string, number>();
  for (const { value: manifest } of chainOf(world.blobs, connector)) {
    const partition = batchPartition(connector, manifest.number);
    const outcomes = rowsOf<Outcome>(tables.outcomes, partition);
    const positions = outcomes.map(({ row }) => Number(row));
    if (positions.join() !== Array.from({ length: manifest.items }, (_, n) => n).join())
      find('counters', `batch ${manifest.number} has outcomes for ${positions.join() || 'nothing'}`);
    const quarantined = new Set(rowsOf(tables.quarantine, partition).map(({ row }) => row));
    const counters = noCounters();
    counters.items.available = manifest.items;
    for (const { row, value } of outcomes) {
      count(counters, value);
      if (value.redrivenAt !== undefined) find('lost', `${partition} ${row} was redriven and never ended`);
      if ((value.reason !== undefined) !== quarantined.has(row))
        find(value.reason ? 'lost' : 'counters', `outcome and quarantine disagree on ${partition} ${row}`);
      checkDeliveries(world, value, imported, find);
    }
    const state = rowsOf<BatchState>(tables.batches, connector).find(
      ({ row }) => row === batchRow(manifest.number),
    )?.value;
    if (!state?.closedAt || !balances(counters))
      find('counters', `batch ${manifest.number} is not closed and balanced`);
    else if (JSON.stringify(state.counters) !== JSON.stringify(counters))
      find('counters', `the counters of batch ${manifest.number} are not those of its outcomes`);
    addTo(total, counters);
  }
  for (const [key, times] of imported)
    if (times > 1) find('counters', `${key} counts as imported ${times} times`);
  for (const [userId, { messages }] of world.tenant.mailboxes)
    for (const { itemKey } of messages)
      if (!imported.has(`${userId} ${itemKey}`))
        find('counters', `a copy of ${userId} ${itemKey} counts nowhere`);
  if (scenario.mend || !faults.some((fault) => fatal.includes(fault))) compare(total, scenario, faults, find);
}

function checkDeliveries(world: World, outcome: Outcome, imported: Map<string, number>, find: Find): void {
  const { itemKey } = outcome;
  for (const { userId, end } of outcome.deliveries) {
    const key = `${userId} ${itemKey}`;
    const row = rowsOf<LedgerRow>(world.tables.ledger, itemKey ?? '').find(
      (one) => one.row === userId,
    )?.value;
    const copy = world.tenant.mailboxes.get(userId)?.messages.find((one) => one.itemKey === itemKey);
    if (end === 'imported' || end === 'partial') imported.set(key, (imported.get(key) ?? 0) + 1);
    if ((end === 'failed') === (copy !== undefined))
      find('counters', `${key} counts as ${end}, which it is not`);
    if (end !== 'failed' && (row?.state !== 'done' || row.messageId !== copy?.id))
      find('counters', `the ledger does not name the copy of ${key}`);
  }
}

function addTo(total: Counters, part: Counters): void {
  for (const group of ['items', 'deliveries'] as const)
    for (const name of Object.keys(part[group]))
      (total[group] as Record<string, number>)[name]! += (part[group] as Record<string, number>)[name]!;
  total.quarantined += part.quarantined;
}

/** The sums of a quiet run. A window that began again serves items again; nothing else may differ. */
function compare(total: Counters, scenario: Scenario, faults: readonly Fault[], find: Find): void {
  const servings = scenario.backfill ? 2 : 1;
  const readable = scenario.lines.filter(({ line }) => typeof line !== 'string');
  const boxes = new Map(scenario.expected.map(({ sourceId, userIds }) => [sourceId, userIds.length]));
  const perServing = readable.reduce(
    (sum, { line }) => sum + (boxes.get((line as { messageId: string }).messageId) ?? 0),
    0,
  );
  const imported = [...boxes.values()].reduce((sum, many) => sum + many, 0);
  const partial = scenario.expected.reduce(
    (sum, { userIds, missing }) => sum + (missing ? userIds.length : 0),
    0,
  );
  const unreadable = (scenario.lines.length - readable.length) * servings;
  const same = (what: string, actual: number, wanted: number) => {
    if (actual !== wanted) find('counters', `${what}: ${actual} instead of ${wanted}`);
  };
  same('imported', total.deliveries.imported, imported - partial);
  same('partial', total.deliveries.partial, partial);
  same('failed deliveries', total.deliveries.failed, 0);
  if (faults.includes('cursorExpired')) return;
  same('available', total.items.available, scenario.lines.length * servings);
  same('delivered', total.items.delivered, readable.length * servings);
  same('failed', total.items.failed, unreadable);
  same('quarantined', total.quarantined, unreadable);
  same('skipped', total.deliveries.skipped, perServing * servings - imported);
}
