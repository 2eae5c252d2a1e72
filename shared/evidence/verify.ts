import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import { balances, count, noCounters } from '../storage/counters';
import type { Manifest } from '../storage/manifest';
import {
  batchPartition,
  batchRow,
  hasOutcome,
  positionRow,
  type BatchState,
  type Outcome,
} from '../storage/outcomes';
import { PageDamagedError, scanPage } from '../storage/scan-page';
import { walkChain } from './chain';
import { verifyAudit } from './verify-audit';
import { createContinuity, type Interval } from './continuity';
import { createDeliveries } from './deliveries';
import type { Report } from './finding';
import { isWithin } from './manifests';
import { verifyMailboxes, type MailboxSide } from './verify-mailboxes';

export type VerifyStage = Pick<
  Deps,
  'batches' | 'batchStates' | 'runs' | 'outcomes' | 'quarantine' | 'ledger' | 'audit'
> &
  MailboxSide;

export interface VerifyOptions {
  /** Checks the content of batches whose window has a part in this interval; the chain is always walked whole. */
  interval?: Partial<Interval> | undefined;
  /** Looks each delivery up in its mailbox as well. */
  deep?: boolean | undefined;
  /** SHA-256 of a manifest that was kept elsewhere. */
  head?: string | undefined;
}

/** What was checked of one connector. */
export interface Verified {
  connector: ConnectorId;
  /** Manifests in the chain. */
  manifests: number;
  /** Batches whose content was checked, and of them those that are not closed yet. */
  batches: number;
  open: number;
  pages: number;
  bytes: number;
  items: number;
  deliveries: number;
  /** Messages that were looked up in mailboxes. */
  messages: number;
  /** Hash of the newest manifest; null before the first. */
  head: string | null;
}

/**
 * Checks that the stored evidence is complete and unchanged, and that every item is accounted for: every page, every
 * link of the chain, every window, outcome, delivery and counter. Only reads. Each page is held in memory chunk by
 * chunk, each batch's outcomes one batch at a time.
 *
 * @param report takes each finding when it is found
 * @param progress is told the state after every batch
 * @throws RestError when the store does not answer
 */
export async function verify(
  deps: VerifyStage,
  connectors: readonly ConnectorId[],
  options: VerifyOptions,
  report: Report,
  progress: (verified: Verified) => void = () => undefined,
): Promise<Verified[]> {
  const all: Verified[] = [];
  let isAnchored = false;
  for (const connector of connectors) {
    const verified: Verified = {
      connector,
      manifests: 0,
      batches: 0,
      open: 0,
      pages: 0,
      bytes: 0,
      items: 0,
      deliveries: 0,
      messages: 0,
      head: null,
    };
    all.push(verified);
    const isExpired = (await deps.runs.expiredThrough(connector)) > 0;
    const continuity = createContinuity(connector, report, isExpired);
    const deliveries = createDeliveries(deps, connector, report);
    const checked = new Set<number>();
    for await (const { manifest, sha256 } of walkChain(deps, connector, report)) {
      verified.manifests++;
      verified.head = sha256;
      isAnchored ||= sha256 === options.head;
      continuity.add(manifest);
      if (!isWithin(manifest.run, options.interval)) continue;
      if (await verifyBatch(deps, manifest, { verified, report, deliveries })) checked.add(manifest.number);
      progress(verified);
    }
    continuity.finish(await deps.runs.accepted(connector));
    verified.deliveries = await deliveries.finish();
    if (options.deep) verified.messages = await verifyMailboxes(deps, connector, checked, report);
    progress(verified);
  }
  await verifyAudit(deps, report);
  if (options.head !== undefined && !isAnchored)
    report({
      kind: 'anchorUnknown',
      detail: `no manifest has the hash ${options.head}: the chain was rebuilt, or cut`,
    });
  return all;
}

interface Books {
  verified: Verified;
  report: Report;
  deliveries: ReturnType<typeof createDeliveries>;
}

/** Whether the batch is closed: of an open one, only the pages can be checked. */
async function verifyBatch(deps: VerifyStage, manifest: Manifest, books: Books): Promise<boolean> {
  const { verified } = books;
  verified.batches++;
  verified.items += manifest.items;
  const [isClosed] = await Promise.all([
    verifyOutcomes(deps, manifest, books),
    verifyPages(deps, manifest, books),
  ]);
  if (!isClosed) verified.open++;
  return isClosed;
}

async function verifyPages(
  { batches }: VerifyStage,
  { connector, number, pages }: Manifest,
  { verified, report }: Books,
) {
  for (const page of pages) {
    const at = { connector, batch: number, blob: page.blob };
    try {
      for await (const _items of scanPage(await batches.streamPage(page.blob), page));
    } catch (error) {
      if (isNotFound(error)) report({ kind: 'pageMissing', ...at, detail: `expected ${page.bytes} bytes` });
      else if (error instanceof PageDamagedError)
        report({
          kind: 'pageAltered',
          ...at,
          detail: `expected ${page.bytes} bytes, ${page.items} items, SHA-256 ${page.sha256}`,
        });
      else throw error;
    }
    verified.pages++;
    verified.bytes += page.bytes;
  }
}

const isNotFound = (error: unknown) => (error as { statusCode?: number }).statusCode === 404;

/** False if the batch is open, or was opened meanwhile. */
async function verifyOutcomes(deps: VerifyStage, manifest: Manifest, books: Books): Promise<boolean> {
  const { connector, number } = manifest;
  const { report } = books;
  const partition = batchPartition(connector, number);
  const at = { connector, batch: number };
  const read = () => deps.batchStates.get(connector, batchRow(number));
  const state = await read();
  if (state?.value.closedAt === undefined) {
    const { number: closedThrough } = await deps.runs.closedThrough(connector);
    // The batch may have been closed, or closed and opened again, since its row was read.
    const isSame = (await read())?.etag === state?.etag;
    if (isSame && number <= closedThrough)
      report({
        kind: 'countersAltered',
        ...at,
        detail: `every batch up to ${closedThrough} is closed; expected a row with the counters of this one`,
      });
    return false;
  }
  const outcomes = new Map<number, Outcome>();
  const again: { position: number; row: string }[] = [];
  for await (const outcome of deps.outcomes.list(partition)) {
    const position = Number(outcome.row);
    if (!hasOutcome(outcome)) continue;
    if (outcomes.has(position)) again.push({ position, row: outcome.row });
    outcomes.set(position, outcome.value);
  }
  const quarantined = new Set<number>();
  for await (const { row } of deps.quarantine.list(partition)) quarantined.add(Number(row));
  // Redriven meanwhile: what was read is neither the former state nor the next one.
  if ((await read())?.value.closedAt !== state.value.closedAt) {
    return false;
  }

  for (const { position, row } of again)
    report({ kind: 'outcomeTwice', ...at, position, detail: `row ${row} names the position once more` });
  for (const position of outcomes.keys())
    if (!(position >= 0 && position < manifest.items))
      report({
        kind: 'outcomeForeign',
        ...at,
        position,
        detail: `expected positions below ${manifest.items}`,
      });
  for (let position = 0; position < manifest.items; position++)
    if (!outcomes.has(position))
      report({
        kind: 'outcomeMissing',
        ...at,
        position,
        detail: `expected the row ${positionRow(position)} of ${partition}`,
      });
  for (const [position, { reason }] of outcomes)
    if (reason !== undefined && !quarantined.has(position))
      report({ kind: 'quarantineMissing', ...at, position, detail: `the outcome says ${reason}` });
  recount(manifest, state.value, outcomes, report);
  await books.deliveries.add(number, outcomes);
  return true;
}

function recount(
  { connector, number, items }: Manifest,
  { counters }: BatchState,
  outcomes: ReadonlyMap<number, Outcome>,
  report: Report,
) {
  const counted = noCounters();
  for (const outcome of outcomes.values()) count(counted, outcome);
  counted.items.available = items - (counted.items.repeated ?? 0);
  const at = { connector, batch: number };
  const differing = differences(counted, counters ?? noCounters());
  if (differing.length > 0) report({ kind: 'countersAltered', ...at, detail: differing.join(', ') });
  if (!balances(counted))
    report({
      kind: 'unbalanced',
      ...at,
      detail: JSON.stringify({ items: counted.items, deliveries: counted.deliveries }),
    });
}

/** The counters that differ, as `name: expected 3, found 4`. */
function differences(expected: object, found: object, prefix = ''): string[] {
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])].toSorted().flatMap((name) => {
    const [a, b] = [expected, found].map((counters) => (counters as Record<string, unknown>)[name] ?? 0);
    if (typeof a === 'object' || typeof b === 'object')
      return differences(a === 0 ? {} : (a as object), b === 0 ? {} : (b as object), `${prefix}${name}.`);
    return a === b ? [] : [`${prefix}${name}: expected ${String(a)}, found ${String(b)}`];
  });
}
