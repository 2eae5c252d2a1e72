import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import * as z from 'zod';
import { report, type Report, type WindowReport } from '../shared/evidence/report';
import { withApp } from './app';
import { intervalInput, intervalOf, intervalOptions } from './days';
import { reportPage } from './report-html';
import { connectorInput, verb } from './verb';

/** The reconciliation that an auditor reads. */
export const reportVerb = verb({
  name: 'report',
  summary:
    'the reconciliation by window, connector and day: on the screen, and as CSV, JSON and one HTML page',
  options: [
    ...intervalOptions,
    ['--connector <id>', 'only this connector'],
    ['--out <folder>', 'write windows.csv, failures.csv, report.json and report.html there'],
  ],
  needs: 'to read blobs and tables of the evidence account; names of users need the directory',
  example: '--from 2026-11-01 --to 2026-11-30 --out november',
  input: { ...intervalInput, connector: connectorInput.optional(), out: z.string().optional() },
  run: (shell, { json, asApp, connector, out: folder, ...days }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const interval = intervalOf(days, deps.config.fetch.dayStarts);
      const ids = connector ? [connector] : deps.config.connectors;
      const made = await report(deps, ids, interval, (line) => out.progress(line));
      out.progress('');
      const column = (title: string, value: (one: WindowReport) => number) => ({ title, value, right: true });
      out.table(
        [
          { title: 'day', value: ({ day }) => day, whole: true },
          { title: 'connector', value: ({ connector: id }) => id },
          column('available', ({ items }) => items.available),
          column('delivered', ({ items }) => items.delivered),
          column('failed', ({ items }) => items.failed),
          column('events', ({ items }) => items.events),
          column('fan-out', ({ deliveries }) => deliveries.expected),
          column('imported', ({ deliveries }) => deliveries.imported),
          column('partial', ({ deliveries }) => deliveries.partial),
          column('skipped', ({ deliveries }) => deliveries.skipped),
          column('failed', ({ deliveries }) => deliveries.failed),
          {
            title: 'balanced',
            value: ({ open, balanced }) => (open > 0 ? `${open} open` : balanced ? 'yes' : 'NO'),
          },
        ],
        made.windows,
      );
      const isWell = made.totals.every(({ balanced }) => balanced);
      out.print(
        isWell
          ? out.good('Both sums of every window balance.')
          : out.bad('Not every window is closed and balanced.'),
      );
      if (made.failures.length > 0)
        out.print(`${made.failures.length} items are in quarantine: --out lists them.`);
      if (folder !== undefined) {
        await mkdir(folder, { recursive: true });
        for (const [name, content] of filesOf(made)) await writeFile(join(folder, name), content);
        out.print(`Written to ${folder}: windows.csv, failures.csv, report.json, report.html`);
      }
      if (json) out.print(JSON.stringify(made));
      return isWell ? 0 : 1;
    }),
});

/** Cells that a spreadsheet would take for a formula are defused: they can come from a chat. */
const csv = (rows: Record<string, string | number>[], columns: string[]) =>
  stringify(rows, { header: true, columns, bom: true, escape_formulas: true, record_delimiter: 'windows' });

function filesOf(made: Report): [name: string, content: string][] {
  const windows = made.windows.map((window) => ({
    Day: window.day,
    Connector: window.connector,
    From: window.from,
    To: window.to,
    Cause: window.cause,
    Batches: window.batches,
    'Open batches': window.open,
    'Available from source': window.items.available,
    Delivered: window.items.delivered,
    'Failed items': window.items.failed,
    'Device events': window.items.events,
    'Available for import after fan-out': window.deliveries.expected,
    Imported: window.deliveries.imported,
    'Partially imported': window.deliveries.partial,
    'Skipped (duplicates)': window.deliveries.skipped,
    'Failed deliveries': window.deliveries.failed,
    Quarantined: window.quarantined,
    Balanced: window.balanced ? 'yes' : 'no',
  }));
  const failures = made.failures.map((failure) => ({
    Day: failure.day,
    Connector: failure.connector,
    Batch: failure.batch,
    Position: failure.position,
    'Item id': failure.sourceId,
    'Source users': failure.sourceUsers.join('; '),
    'Microsoft 365 users': failure.users.join('; '),
    Reason: failure.reason,
    Detail: failure.detail,
    At: failure.at,
  }));
  const windowColumns = [
    ...[
      'Day',
      'Connector',
      'From',
      'To',
      'Cause',
      'Batches',
      'Open batches',
      'Available from source',
      'Delivered',
    ],
    ...[
      'Failed items',
      'Device events',
      'Available for import after fan-out',
      'Imported',
      'Partially imported',
    ],
    ...['Skipped (duplicates)', 'Failed deliveries', 'Quarantined', 'Balanced'],
  ];
  const failureColumns = [
    ...[
      'Day',
      'Connector',
      'Batch',
      'Position',
      'Item id',
      'Source users',
      'Microsoft 365 users',
      'Reason',
      'Detail',
      'At',
    ],
  ];
  return [
    ['windows.csv', csv(windows, windowColumns)],
    ['failures.csv', csv(failures, failureColumns)],
    ['report.json', `${JSON.stringify(made, undefined, 2)}\n`],
    ['report.html', reportPage(made)],
  ];
}
