import * as z from 'zod';
import { nextDayStart, type DayStarts } from '../shared/days';
import { writeDown } from './acts';
import { withApp } from './app';
import { dayInput, intervalOf, intervalOptions } from './days';
import { connectorInput, UsageError, verb } from './verb';

/** Verbs that fetch, and the one that accepts what cannot be fetched. */

const DAY = 24 * 60 * 60_000;
const mostDays = 366;
/** WhatsApp began in 2009, WeChat in 2011. */
const firstDay = Date.parse('2009-01-01T00:00:00Z');
const sendNeeds = 'to add to the audit trail, and to send messages to the queue';

const rangeInput = {
  connector: connectorInput,
  from: dayInput,
  to: dayInput,
};

/** A whole interval. @throws UsageError if it makes no sense */
function rangeOf(given: { from: string; to: string }, rule: DayStarts): { from: string; to: string } {
  const { from, to } = intervalOf(given, rule) as { from: string; to: string };
  if (Date.parse(from) > Date.now()) throw new UsageError('--from: expected a day that is not in the future');
  if (Date.parse(from) < firstDay) throw new UsageError('--from: expected a day since 2009');
  if (Date.parse(to) - Date.parse(from) > mostDays * DAY)
    throw new UsageError(`--to: expected at most ${mostDays} days after --from`);
  return { from, to };
}

/** The interval in windows of one day each, as the daily fetch would cut it. */
function windowsOf(
  { from, to }: { from: string; to: string },
  rule: DayStarts,
): { from: string; to: string }[] {
  const windows: { from: string; to: string }[] = [];
  const endMs = Date.parse(to);
  for (let at = Date.parse(from); at < endMs;) {
    const next = Math.min(nextDayStart(at, rule), endMs);
    windows.push({ from: new Date(at).toISOString(), to: new Date(next).toISOString() });
    at = next;
  }
  return windows;
}

const compact = (instant: string) => instant.replace(/[-:]|\.\d+/g, '');

export const backfillVerb = verb({
  name: 'backfill',
  summary:
    'fetches past days, for the first time or again; what is archived already is recognised and skipped',
  options: [
    ['--connector <id>', 'the connector'],
    ...intervalOptions,
    [
      '--id <name>',
      'part of the names of the windows; the same range with the same id goes on where it was (default: today)',
    ],
  ],
  needs: `${sendNeeds} backfill-window`,
  example: '--connector wechat --from 2026-11-01 --to 2026-11-07',
  input: {
    ...rangeInput,
    id: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,40}$/, 'expected letters, digits and hyphens')
      .default(() => new Date().toISOString().slice(0, 10).replaceAll('-', '')),
  },
  run: (shell, { json, asApp, connector, id, ...range }) =>
    withApp(shell, asApp, async (deps) => {
      const { dayStarts, lagMs } = deps.config.fetch;
      const interval = rangeOf(range, dayStarts);
      // What TeleMessage may still be listing belongs to the daily window.
      const latest = new Date(Date.now() - lagMs).toISOString();
      const to = interval.to < latest ? interval.to : latest;
      if (to <= interval.from) throw new UsageError('--from: expected an instant that is past');
      const windows = windowsOf({ from: interval.from, to }, dayStarts);
      if (!deps.config.connectors.includes(connector))
        throw new UsageError(`--connector: ${connector} is not enabled (CONNECTORS)`);
      const what = { act: 'backfill' as const, connector, from: interval.from, to, windows: windows.length };
      const { audit } = await writeDown(shell, deps, asApp, what);
      for (const { from, to: end } of windows) {
        const name = `backfill-${compact(from)}-${id}`;
        await deps.requests.backfill.send({
          v: 1,
          connector,
          run: { name, cause: 'backfill', from, to: end },
          audit,
        });
      }
      shell.out.print(
        `${windows.length} ${windows.length === 1 ? 'window' : 'windows'} of ${connector}, ${interval.from} to ${to}, will be fetched (entry ${audit} of the audit trail).`,
      );
      shell.out.print('"status" shows how far they are. The same command again goes on where it was.');
      if (json) shell.out.print(JSON.stringify({ connector, windows, id, audit }));
      return 0;
    }),
});

export const fetchVerb = verb({
  name: 'fetch',
  summary: 'fetches every day that is due now, instead of at the next full hour',
  needs: `${sendNeeds} operator-request`,
  example: '',
  input: {},
  run: (shell, { json, asApp }) =>
    withApp(shell, asApp, async (deps) => {
      const { audit } = await writeDown(shell, deps, asApp, { act: 'fetch' });
      await deps.requests.operator.send({ v: 1, kind: 'fetch', audit });
      shell.out.print(`The app fetches now (entry ${audit} of the audit trail). "status" shows the result.`);
      if (json) shell.out.print(JSON.stringify({ audit }));
      return 0;
    }),
});

export const acceptVerb = verb({
  name: 'accept',
  summary:
    'accepts days that are incomplete at their source, with a note: verify and report stop asking for them',
  options: [
    ['--connector <id>', 'the connector'],
    ...intervalOptions,
    ['--note <text>', 'why, for the auditor'],
  ],
  needs: `${sendNeeds} operator-request`,
  example: '--connector wechat --from 2026-11-03 --to 2026-11-03 --note "Ticket 4711: lost at TeleMessage"',
  input: {
    ...rangeInput,
    note: z
      .string({ error: 'expected a note' })
      .min(1, 'expected a note')
      .max(2000, 'expected at most 2000 characters'),
  },
  run: (shell, { json, asApp, connector, note, ...range }) =>
    withApp(shell, asApp, async (deps) => {
      const { from, to } = rangeOf(range, deps.config.fetch.dayStarts);
      const { audit } = await writeDown(shell, deps, asApp, { act: 'accept', connector, from, to, note });
      await deps.requests.operator.send({ v: 1, kind: 'accept', connector, from, to, note, audit });
      shell.out.print(
        `${connector} from ${from} to ${to} counts as accepted within a minute (entry ${audit} of the audit trail).`,
      );
      if (json) shell.out.print(JSON.stringify({ connector, from, to, audit }));
      return 0;
    }),
});
