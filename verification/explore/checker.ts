import { createHash } from 'node:crypto';
import { verify } from '../../shared/evidence/verify';
import { add, balances, count, noCounters } from '../../shared/storage/counters';
import type { ConnectorId } from '../../shared/connectors';
import type { Reason } from '../../shared/errors';
import type { Run } from '../../shared/storage/manifest';
import type { LedgerRow } from '../../shared/storage/ledger';
import {
  batchPartition,
  batchRow,
  entryPartition,
  type BatchState,
  type Counters,
  type Outcome,
  type Quarantined,
} from '../../shared/storage/outcomes';
import { entryRow } from '../../shared/delivery/quarantine-entry';
import { fatal, unfenced, type Fault } from './call-faults';
import { createDepsModel, createMemory, type Environment } from './environment';
import type { MessageModel } from './exchange-model';
import type { Scenario } from './scenarios';
import type { Io } from './scheduler';
import { chainOf, rowsOf } from './storage-model';

/** A broken promise, found in an environment in which nothing is left to do. */
export interface Finding {
  kind: 'lost' | 'duplicated' | 'counters';
  text: string;
}

export interface Finished {
  environment: Environment;
  scenario: Scenario;
  /** The faults that were injected. */
  faults: readonly Fault[];
  /** The run did not finish within its limits of time and steps. */
  stuck: boolean;
}

const lost = (text: string): Finding => ({ kind: 'lost', text });
const duplicated = (text: string): Finding => ({ kind: 'duplicated', text });
const counters = (text: string): Finding => ({ kind: 'counters', text });

/** Looks for items that are lost, duplicated or miscounted. */
export function check(finished: Finished): Finding[] {
  const { environment, stuck } = finished;
  return [
    ...(environment.watermarkAhead ? [lost('the watermark was ahead of its window')] : []),
    ...(stuck ? [lost('the run never finishes')] : []),
    ...environment.connectors.flatMap((id) => [...checkChain(environment, id)]),
    ...checkCopies(finished),
    ...checkBooks(finished),
    ...environment.connectors.flatMap((id) => [...checkTold(environment, id)]),
  ];
}

/** What an auditor's `verify --deep` finds. It must be clean after every fault. */
export async function checkEvidence(environment: Environment, now: () => number): Promise<Finding[]> {
  const auditor = { name: 'auditor', alive: true, aheadMs: 0, frozenUntilMs: 0 };
  const io: Io = async (_operation, effect) => effect();
  const deps = createDepsModel(
    environment,
    { io: () => io, now },
    auditor,
    '',
    createMemory(environment.config),
  );
  const folders = {
    async *list() {
      for (const [row, { folderId }] of environment.tenant.mailboxes)
        if (folderId !== undefined) yield await Promise.resolve({ row, value: { folderId } });
    },
  };
  const found: Finding[] = [];
  await verify(
    { ...deps, folders },
    environment.connectors,
    { deep: true },
    ({ kind, batch, position, detail }) => {
      // The app may not enter the mailbox of a person who left the scope, nor may its check.
      if (kind !== 'mailboxUnreadable')
        found.push(counters(`verify: ${kind} in batch ${batch}, position ${position}: ${detail}`));
    },
  );
  return found;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** The chain of manifests has no gap, every page is as its manifest says, and the watermark is at the window's end. */
function* checkChain({ blobs, tables, span }: Environment, connector: ConnectorId): Generator<Finding> {
  let previous: string | null = null;
  const runs = new Map<string, { sequence: number; last: boolean; run: Run }>();
  for (const { value, sha256: own } of chainOf(blobs, connector)) {
    if (value.previousSha256 !== previous)
      yield counters(`manifest ${value.number} does not link to the one before`);
    previous = own;
    const before = runs.get(value.run.name);
    if (value.sequence !== (before?.sequence ?? 0) + 1 || before?.last)
      yield counters(`manifest ${value.number} breaks the sequence of ${value.run.name}`);
    runs.set(value.run.name, { sequence: value.sequence, last: value.last, run: value.run });
    for (const page of value.pages) {
      const bytes = blobs.blobs.get(page.blob);
      if (!bytes || sha256(bytes) !== page.sha256)
        yield lost(`page ${page.blob} is not what its manifest says`);
    }
  }
  for (const [name, { last }] of runs) if (!last) yield lost(`the last batch of ${name} is missing`);
  const watermark = rowsOf<{ to?: string }>(tables.runs, connector).find(({ row }) => row === '~watermark');
  if (watermark?.value.to !== span.to) yield counters(`the watermark is ${watermark?.value.to ?? 'missing'}`);
  const days = [...runs.values()].map(({ run }) => run).filter(({ cause }) => cause === 'daily');
  let fetchedTo = span.from;
  for (const { from, to } of days.toSorted((a, b) => (a.from < b.from ? -1 : 1)))
    if (from === fetchedTo) fetchedTo = to;
  if (fetchedTo !== span.to) yield lost(`no daily window begins at ${fetchedTo}`);
}

/** Each item is in each of its mailboxes, once and whole, or in quarantine. */
function* checkCopies({ environment, scenario, faults }: Finished): Generator<Finding> {
  const expected = new Map<string, Scenario['expected'][number]>();
  const later = faults.includes('mappingChanged') ? (scenario.expectedLater ?? []) : [];
  for (const one of [...scenario.expected, ...later])
    for (const userId of one.userIds) expected.set(`${userId} ${one.sourceId}`, one);
  const copies = new Map<string, MessageModel[]>();
  for (const [userId, { messages }] of environment.tenant.mailboxes)
    for (const message of messages) {
      const key = `${userId} ${message.sourceId}`;
      copies.set(key, [...(copies.get(key) ?? []), message]);
    }
  for (const { sourceId, userIds } of scenario.expected) {
    if (isQuarantined(environment, sourceId)) continue;
    const missing = (ids: string[]) => ids.filter((userId) => !copies.has(`${userId} ${sourceId}`));
    const others = later.filter((one) => one.sourceId === sourceId);
    if (others.some((one) => missing(one.userIds).length === 0)) continue;
    for (const userId of missing(userIds)) yield lost(`${sourceId} is not in the mailbox of ${userId}`);
  }
  for (const [key, messages] of copies) {
    const wanted = expected.get(key);
    if (!wanted) yield duplicated(`${key} is in a mailbox where it does not belong`);
    else if (messages.length > 1) yield duplicated(`${key} is there ${messages.length} times`);
    // What is incomplete in a mailbox that the app may not enter stays there, and the item is in quarantine for it.
    if (environment.tenant.denied.has(key.split(' ')[0]!)) continue;
    for (const { complete, attachments, body } of messages) {
      if (!complete || attachments.join() !== wanted?.attachments.join()) yield lost(`${key} is not whole`);
      for (const name of wanted?.missing ?? [])
        if (!body.includes(name)) yield lost(`${key} does not name ${name}`);
    }
  }
  // Unless a request was left under way, two copies must not exist even for a moment.
  if (environment.tenant.mostCopies > 1 && !faults.some((fault) => unfenced.includes(fault)))
    yield duplicated('a mailbox held two copies at the same time');
}

const isQuarantined = ({ tables }: Environment, sourceId: string) =>
  [...tables.quarantine.partitions.keys()].some((partition) =>
    rowsOf<Quarantined>(tables.quarantine, partition).some(({ value }) => value.sourceId === sourceId),
  );

/** Outcomes, quarantine, ledger and counters agree with each other and with what the mailboxes hold. */
function* checkBooks({ environment, scenario, faults }: Finished): Generator<Finding> {
  const { connectors, blobs, tables } = environment;
  let total = noCounters();
  const imported: string[] = [];
  const chains = connectors.flatMap((id) => chainOf(blobs, id));
  for (const { value: manifest } of chains) {
    const { connector } = manifest;
    const partition = batchPartition(connector, manifest.number);
    const outcomes = rowsOf<Outcome>(tables.outcomes, partition);
    const positions = outcomes.map(({ row }) => Number(row));
    if (positions.join() !== Array.from({ length: manifest.items }, (_, n) => n).join())
      yield counters(`batch ${manifest.number} has outcomes for ${positions.join() || 'nothing'}`);
    const quarantined = new Set(rowsOf(tables.quarantine, partition).map(({ row }) => row));
    const counted = noCounters();
    for (const { row, value } of outcomes) {
      count(counted, value);
      if (value.redrivenAt !== undefined) yield lost(`${partition} ${row} was redriven and never ended`);
      const text = `outcome and quarantine disagree on ${partition} ${row}`;
      if ((value.reason !== undefined) !== quarantined.has(row))
        yield value.reason ? lost(text) : counters(text);
      if (value.reason !== undefined) {
        const item = entryRow(value, { batch: manifest.number, position: Number(row) });
        if (rowsOf(tables.quarantine, entryPartition(connector)).every((entry) => entry.row !== item))
          yield lost(`${partition} ${row} has no entry in quarantine`);
      }
      yield* checkDeliveries(environment, { batch: manifest.number, position: Number(row) }, value);
      for (const { userId, end } of value.deliveries)
        if (end === 'imported' || end === 'partial') imported.push(`${userId} ${value.itemKey}`);
    }
    counted.items.available = manifest.items - (counted.items.repeated ?? 0);
    const state = rowsOf<BatchState>(tables.batches, connector).find(
      ({ row }) => row === batchRow(manifest.number),
    )?.value;
    if (!state?.closedAt || !balances(counted))
      yield counters(`batch ${manifest.number} is not closed, or its counters do not balance`);
    else if (JSON.stringify(state.counters) !== JSON.stringify(counted))
      yield counters(`the counters of batch ${manifest.number} are not those of its outcomes`);
    total = add(total, counted);
  }
  for (const key of new Set(imported)) {
    const times = imported.filter((one) => one === key).length;
    if (times > 1) yield counters(`${key} counts as imported ${times} times`);
  }
  for (const [userId, { messages }] of environment.tenant.mailboxes)
    for (const { itemKey } of messages)
      if (!environment.tenant.denied.has(userId) && !imported.includes(`${userId} ${itemKey}`))
        yield counters(`a copy of ${userId} ${itemKey} counts nowhere`);
  if (scenario.repairs || !faults.some((fault) => fatal.includes(fault)))
    yield* checkSums(total, scenario, faults);
}

/** Every run, every closed batch and every reason in quarantine was reported. */
function* checkTold({ tables, told, blobs }: Environment, connector: ConnectorId): Generator<Finding> {
  const isTold = (names: string[], wanted: object) =>
    told.some(
      ({ name, fields }) =>
        names.includes(name) &&
        Object.entries({ connector, ...wanted }).every(
          ([key, value]) => fields[key as keyof typeof fields] === value,
        ),
    );
  for (const { row, value } of rowsOf<{ state?: string }>(tables.runs, connector))
    if (value.state === 'fetched' && !isTold(['windowFetched', 'windowEmpty'], { run: row }))
      yield counters(`nobody heard that ${row} was fetched`);
  for (const { value: manifest } of chainOf(blobs, connector)) {
    const batch = manifest.number;
    const state = rowsOf<BatchState>(tables.batches, connector).find(
      ({ row }) => row === batchRow(batch),
    )?.value;
    if (state?.closedAt === undefined) continue;
    if (!isTold(['batchClosed'], { batch })) yield counters(`nobody heard that batch ${batch} was closed`);
    for (const reason of Object.keys(state.counters?.reasons ?? {}))
      // An item that was in quarantine from another batch before is no news.
      if (!isTold(['quarantineGrew'], state.fresh?.[reason as Reason] ? { batch, reason } : { reason }))
        yield counters(`nobody heard of ${reason} in batch ${batch}`);
  }
}

/** Each delivery ended as its outcome says, and the ledger names the message. */
function* checkDeliveries(
  environment: Environment,
  place: { batch: number; position: number },
  { itemKey, deliveries }: Outcome,
): Generator<Finding> {
  for (const { userId, end } of deliveries) {
    if (environment.tenant.denied.has(userId)) continue;
    const key = `${userId} ${itemKey}`;
    const row = rowsOf<LedgerRow>(environment.tables.ledger, itemKey ?? '').find(
      (one) => one.row === userId,
    )?.value;
    const copy = environment.tenant.mailboxes.get(userId)?.messages.find((one) => one.itemKey === itemKey);
    // A copy that an earlier serving of the item made is that one's.
    const isOwn = !row || (row.batch === place.batch && row.position === place.position);
    if ((end === 'failed') === (copy !== undefined) && (end !== 'failed' || isOwn))
      yield counters(`${key} counts as ${end}, but the mailbox says otherwise`);
    const isProven = copy?.batch === place.batch && copy.position === place.position;
    if ((end === 'imported' || end === 'partial') && !isProven)
      yield counters(`the copy of ${key} names another place of origin`);
    if (end !== 'failed' && (row?.state !== 'done' || row.messageId !== copy?.id))
      yield counters(`the ledger does not name the copy of ${key}`);
  }
}

/** The counters equal those of a run without faults, except that a window that was restarted serves items again. */
function* checkSums(total: Counters, scenario: Scenario, faults: readonly Fault[]): Generator<Finding> {
  const servings = scenario.backfill ? 2 : 1;
  const readable = scenario.lines.filter(({ line }) => typeof line !== 'string');
  const mailboxes = new Map(scenario.expected.map(({ sourceId, userIds }) => [sourceId, userIds.length]));
  const perServing = readable.reduce(
    (sum, { line }) => sum + (mailboxes.get((line as { messageId: string }).messageId) ?? 0),
    0,
  );
  const imported = [...mailboxes.values()].reduce((sum, many) => sum + many, 0);
  const partial = scenario.expected.reduce(
    (sum, { userIds, missing }) => sum + (missing ? userIds.length : 0),
    0,
  );
  const failing = scenario.failing ?? 0;
  const unreadable = (scenario.lines.length - readable.length + failing) * servings;
  const { items, deliveries, quarantined } = total;
  // What two windows list is repeated in the second one, unless that one is delivered first.
  const { listedTwice = 0 } = scenario;
  const again = listedTwice > 0 ? items.available - scenario.lines.length : 0;
  if (again < 0 || (again > listedTwice && !faults.includes('cursorExpired')))
    yield counters(`${again} of ${listedTwice} items that came twice count twice`);
  const sums: [what: string, actual: number, wanted: number][] = [
    ['imported', deliveries.imported, imported - partial],
    ['partial', deliveries.partial, partial],
    ['failed deliveries', deliveries.failed, 0],
  ];
  if (!faults.includes('cursorExpired'))
    sums.push(
      ['available', items.available, scenario.lines.length * servings + again],
      ['delivered', items.delivered, (readable.length - failing) * servings + again],
      ['failed', items.failed, unreadable],
      ['quarantined', quarantined, unreadable],
    );
  if (!faults.includes('cursorExpired') && again === 0)
    sums.push(['skipped', deliveries.skipped, perServing * servings - imported]);
  for (const [what, actual, wanted] of sums)
    if (actual !== wanted) yield counters(`${what}: ${actual} instead of ${wanted}`);
}
