import { createHash } from 'node:crypto';
import type { Connector, ConnectorId } from '../connectors';
import { dayOf, nextDayStart, shifted, startOfDay } from '../days';
import { deliver } from '../delivery/deliver';
import type { Deps } from '../deps';
import type { Email } from '../email/email';
import { mailboxItem, type MailboxItem } from '../email/mailbox-item';
import { uncovered, type Interval } from '../evidence/continuity';
import { coveredPeople } from '../evidence/coverage';
import { createPeople } from '../evidence/people';
import { quarantinedItems, waitingByReason } from '../evidence/quarantine';
import { add, balances, noCounters } from '../storage/counters';
import { batchRow, type Counters } from '../storage/outcomes';
import { version } from '../version';

/** The daily report stands in the officer's mailbox, whatever became of the day, at the latest so long after its end. */
const latestMs = 26 * 60 * 60_000;
const DAY = 24 * 60 * 60_000;
/** Who has no item for so long, after having had some, is named as silent. */
const silentMs = 14 * DAY;
const lookBackMs = 60 * DAY;
const shownPeople = 50;
const deliveryMs = 4 * 60_000;

/** The report is filed like an archived item, in a folder of its own. */
const reports = {
  id: 'report',
  source: 'report',
  network: 'TeleMessage Archiver',
  folder: 'Archiver Reports',
  itemClass: 'IPM.Note',
  format: 'mail',
} as const satisfies Connector;

interface DayOfConnector {
  connector: ConnectorId;
  /** Whether the whole day is stored and every batch of it is closed. */
  complete: boolean;
  counters: Counters;
  openBatches: number;
  quarantine: Record<string, number>;
  silent: string[];
  trouble: string | undefined;
  head: { number: number; sha256: string } | undefined;
}

/**
 * Files the report of the last day in the mailbox of REPORT_MAILBOX, once: when every batch of the day is closed, or at
 * the latest 26 hours after its end. Its arrival in a mailbox keeps the heads of the chains outside the evidence.
 *
 * @throws Error when the mailbox does not exist, and what a delivery throws: the next run tries again
 */
export async function fileDailyReport(deps: Deps): Promise<void> {
  const { reportMailbox, connectors, fetch } = deps.config;
  if (reportMailbox === undefined) return;
  const yesterday = shifted(dayOf(deps.now(), fetch.dayStarts), -1);
  const reported = await deps.runs.lastReport();
  const day = reported === undefined ? yesterday : shifted(reported, 1);
  if (day > yesterday) return;
  const found: DayOfConnector[] = [];
  for (const connector of connectors) found.push(await dayOfConnector(deps, connector, day));
  const isOverdue = deps.now() > startOfDay(shifted(day, 1), fetch.dayStarts) + latestMs;
  if (!isOverdue && !found.every(({ complete }) => complete)) return;
  await file(deps, day, found, reportMailbox);
  await deps.runs.saveLastReport(day);
}

async function dayOfConnector(deps: Deps, connector: ConnectorId, name: string): Promise<DayOfConnector> {
  const { dayStarts } = deps.config.fetch;
  const beginMs = startOfDay(name, dayStarts);
  const endMs = nextDayStart(beginMs, dayStarts);
  let counters = noCounters();
  let openBatches = 0;
  const day = { from: iso(beginMs), to: iso(endMs) };
  const whole: Interval[] = [];
  for (const run of await deps.runs.dailyIn(connector, day))
    for (let number = run.after + 1; ; number++) {
      const stored = await deps.batches.read(connector, number);
      if (!stored) break;
      if (stored.manifest.run.name !== run.name) continue;
      const state = (await deps.batchStates.get(connector, batchRow(number)))?.value;
      if (state?.closedAt === undefined || !state.counters) openBatches++;
      else counters = add(counters, state.counters);
      if (!stored.manifest.last) continue;
      whole.push(run);
      break;
    }
  const trouble = await deps.runs.trouble(connector, 'fetch');
  return {
    connector,
    complete: openBatches === 0 && uncovered(day, whole).length === 0,
    counters,
    openBatches,
    quarantine: waitingByReason(await quarantinedItems(deps, connector)),
    silent: await silentPeople(deps, connector, endMs),
    trouble: trouble && `${trouble.message}, since ${trouble.since}`,
    head: await headOf(deps, connector),
  };
}

async function silentPeople(deps: Deps, connector: ConnectorId, endMs: number): Promise<string[]> {
  const covered = await coveredPeople(deps, connector, iso(endMs - lookBackMs));
  const people = createPeople(deps);
  const silent = [...covered.values()].filter(({ lastAt }) => Date.parse(lastAt) < endMs - silentMs);
  const shown = silent
    .slice(0, shownPeople)
    .map(async ({ userId, lastAt }) => `${await people.name(userId)}, last ${lastAt.slice(0, 10)}`);
  return Promise.all(shown);
}

async function headOf({ batches, runs }: Deps, connector: ConnectorId): Promise<DayOfConnector['head']> {
  const number = await batches.head(connector, await runs.chainHint(connector));
  const stored = number === 0 ? undefined : await batches.read(connector, number);
  return stored && { number, sha256: stored.sha256 };
}

async function file(
  deps: Deps,
  day: string,
  found: readonly DayOfConnector[],
  mailbox: string,
): Promise<void> {
  const user = await deps.directory.find(mailbox);
  if (!user) throw new Error('REPORT_MAILBOX names no user of the directory');
  const { userId } = user;
  const folderId = await deps.mailboxes.folder(userId, reports);
  if (folderId === undefined) throw new Error('The user of REPORT_MAILBOX has no usable mailbox');
  const item = reportItem(deps, day, found);
  const result = await deliver(deps, {
    connector: reports,
    // The place of a report is its day; ledger rows of reports belong to no archived connector.
    pointer: { connector: reports.id, batch: Number(day.replaceAll('-', '')), position: 0 },
    item,
    without: () => item,
    userId,
    folderId,
    untilMs: deps.now() + deliveryMs,
  });
  if (result.end === 'failed')
    throw new Error(`The daily report could not be filed: ${result.reason ?? 'unknown'}`);
}

const iso = (ms: number) => new Date(ms).toISOString();
const sumOf = (counts: Record<string, number>) => Object.values(counts).reduce((sum, many) => sum + many, 0);

function reportItem(deps: Pick<Deps, 'now'>, day: string, found: readonly DayOfConnector[]): MailboxItem {
  const isWell = found.every(({ complete, counters }) => complete && balances(counters));
  const open = found.reduce((sum, { quarantine }) => sum + sumOf(quarantine), 0);
  const verdict = isWell ? 'balanced' : 'NOT balanced';
  const sourceId = `daily-report-${day}`;
  const itemKey = createHash('sha256').update(sourceId).digest('hex');
  const at = iso(deps.now());
  const email: Email = {
    subject: `Archive of ${day}: ${verdict}${open > 0 ? `, ${open} items need a person` : ''}`,
    from: { name: 'TeleMessage Archiver' },
    to: [],
    cc: [],
    bcc: [],
    sentAt: at,
    sentAsWritten: at,
    body: { type: 'text', content: bodyOf(day, found, verdict) },
    facts: { network: reports.network, source: 'DAILY_REPORT' },
    attachments: [],
    conversation: { key: 'daily-report', topic: 'Archive report' },
    references: [],
  };
  const provenance = {
    connector: reports.id,
    batch: Number(day.replaceAll('-', '')),
    position: 0,
    sourceId,
    sha256: createHash('sha256').update(email.body.content).digest('hex'),
    receivedAt: at,
  };
  return mailboxItem(email, [], provenance, reports, { itemClass: reports.itemClass, itemKey, users: [] });
}

function bodyOf(day: string, found: readonly DayOfConnector[], verdict: string): string {
  const lines = [`Daily report of the archive for ${day}: ${verdict}.`, ''];
  for (const one of found) {
    const { items, deliveries } = one.counters;
    lines.push(
      one.connector,
      `  ${one.complete ? 'complete' : 'NOT complete: the day is not stored whole, or batches are open'}`,
      `  available from source ${items.available} = delivered ${items.delivered} + failed ${items.failed} + device events ${items.events}`,
      `  available for import after fan-out ${deliveries.expected} = imported ${deliveries.imported} + partially imported ${deliveries.partial} + skipped ${deliveries.skipped} + failed ${deliveries.failed}`,
    );
    if (one.openBatches > 0) lines.push(`  open batches: ${one.openBatches}`);
    if (one.trouble) lines.push(`  cannot fetch: ${one.trouble}`);
    const waiting = Object.entries(one.quarantine).map(([reason, many]) => `${reason} ${many}`);
    lines.push(`  in quarantine, all days: ${waiting.join(', ') || 'nothing'}`);
    if (one.silent.length > 0) lines.push('  fell silent:', ...one.silent.map((person) => `    ${person}`));
    lines.push(
      `  head of the chain: ${one.head ? `${one.head.sha256} (manifest ${one.head.number})` : 'no manifest yet'}`,
      '',
    );
  }
  lines.push(
    'Keep this message. The heads anchor the chains of custody outside the archive:',
    'npm run ops -- verify --head HASH finds a chain that was rebuilt since.',
    `Release ${version}.`,
  );
  return lines.join('\n');
}
