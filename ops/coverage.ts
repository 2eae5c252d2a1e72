import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import * as z from 'zod';
import type { ConnectorId } from '../shared/connectors';
import type { AppDeps } from '../shared/deps';
import { coveredPeople } from '../shared/evidence/coverage';
import { createPeople } from '../shared/evidence/people';
import { quarantinedItems } from '../shared/evidence/quarantine';
import { createNumbers } from '../shared/participants/phone';
import { withApp } from './app';
import { connectorInput, UsageError, verb, wholeInput } from './verb';

const DAY = 24 * 60 * 60_000;
const weeks = 8;

interface CoveredPerson {
  connector: ConnectorId;
  /** Name and address, or what the mapping file or the console calls the person. */
  person: string;
  state: 'archived' | 'silent' | 'neverSeen' | 'noMailbox' | 'notHere';
  lastAt: string | null;
  perWeek: number;
}

const states: Record<CoveredPerson['state'], string> = {
  archived: 'is archived',
  silent: 'fell silent',
  neverSeen: 'is mapped and never appeared',
  noMailbox: 'has no usable mailbox',
  notHere: 'is registered at TeleMessage and not here',
};

/** Who is archived, and who is not. */
export const coverageVerb = verb({
  name: 'coverage',
  summary: 'shows who is archived, who fell silent, who has no mailbox, and who is mapped and never appeared',
  options: [
    ['--silent-days <n>', 'who has no item for so many days counts as silent (default: 14)'],
    [
      '--people <file>',
      'the user export of the TeleMessage console (CSV): who is registered there and not here',
    ],
    ['--connector <id>', 'only this connector'],
  ],
  needs:
    'to read tables of the evidence account and the container mappings; names of users need the directory',
  example: '--silent-days 7 --people users.csv',
  input: {
    silentDays: wholeInput.default(14),
    people: z.string().optional(),
    connector: connectorInput.optional(),
  },
  run: (shell, { json, asApp, silentDays, people: file, connector }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const registered = file === undefined ? [] : await readRegistered(file, deps);
      const found: CoveredPerson[] = [];
      for (const id of connector ? [connector] : deps.config.connectors)
        found.push(...(await coverageOf(deps, id, { silentDays, registered })));
      out.table(
        [
          { title: 'connector', value: ({ connector: id }) => id, whole: true },
          { title: 'person', value: ({ person }) => person },
          {
            title: 'last item',
            value: ({ lastAt }) => lastAt?.slice(0, 16).replace('T', ' ') ?? '',
            whole: true,
          },
          { title: 'items a week', value: ({ perWeek }) => perWeek, right: true },
          { title: 'state', value: ({ state }) => states[state] },
        ],
        found,
      );
      const missing = found.filter(({ state }) => state !== 'archived');
      for (const state of Object.keys(states) as CoveredPerson['state'][]) {
        const many = found.filter((one) => one.state === state).length;
        if (many > 0) out.print(`${String(many).padStart(6)}  ${states[state]}`);
      }
      if (json) out.print(JSON.stringify(found));
      return missing.length === 0 ? 0 : 1;
    }),
});

interface Registered {
  label: string;
  numbers: string[];
  addresses: string[];
}

async function coverageOf(
  deps: AppDeps,
  connector: ConnectorId,
  { silentDays, registered }: { silentDays: number; registered: readonly Registered[] },
): Promise<CoveredPerson[]> {
  const now = deps.now();
  const people = createPeople(deps);
  const since = new Date(now - Math.max(weeks * 7, silentDays * 2, 365) * DAY).toISOString();
  const recent = await coveredPeople(deps, connector, new Date(now - weeks * 7 * DAY).toISOString());
  const covered = await coveredPeople(deps, connector, since);
  const found: CoveredPerson[] = [];
  for (const { userId, lastAt } of covered.values())
    found.push({
      connector,
      person: await people.name(userId),
      state: now - Date.parse(lastAt) > silentDays * DAY ? 'silent' : 'archived',
      lastAt,
      perWeek: Math.round(((recent.get(userId)?.items ?? 0) / weeks) * 10) / 10,
    });
  found.sort((a, b) => (a.lastAt! < b.lastAt! ? -1 : 1));

  const nobody = { connector, lastAt: null, perWeek: 0 };
  const isCovered = async (address: string) => {
    const user = await deps.directory.find(address);
    return user !== undefined && covered.has(user.userId);
  };
  const mapping = deps.config.perConnector[connector].customMapping
    ? await deps.mappings.current(connector)
    : undefined;
  for (const address of mapping?.addresses ?? [])
    if (!(await isCovered(address))) found.push({ ...nobody, person: address, state: 'neverSeen' });

  const withoutMailbox = new Set<string>();
  for (const { participants } of await quarantinedItems(deps, connector))
    for (const { asWritten, kind } of participants) if (kind === 'noMailbox') withoutMailbox.add(asWritten);
  for (const person of withoutMailbox) found.push({ ...nobody, person, state: 'noMailbox' });

  for (const { label, numbers, addresses } of registered) {
    const mapped = numbers.flatMap((number) => mapping?.find(number, new Date(now).toISOString()) ?? []);
    const all = [...mapped, ...addresses];
    const seen = await Promise.all(all.map(isCovered));
    if (!seen.includes(true)) found.push({ ...nobody, person: label, state: 'notHere' });
  }
  return found;
}

/** Columns of the console's export, by what their headers say in any order. */
async function readRegistered(file: string, deps: AppDeps): Promise<Registered[]> {
  const bytes = await readFile(file).catch(() => {
    throw new UsageError(`--people: expected a file that can be read: ${file}`);
  });
  let rows: Record<string, string>[];
  try {
    rows = parse(bytes, {
      bom: true,
      columns: true,
      trim: true,
      relax_column_count: true,
      skip_empty_lines: true,
    });
  } catch (error) {
    throw new UsageError(
      `--people: expected a CSV file with a header: ${error instanceof Error ? error.message : ''}`,
    );
  }
  const headers = Object.keys(rows[0] ?? {});
  const isNumber = (header: string) => /mobile|phone|number|msisdn/i.test(header);
  const isAddress = (header: string) => /mail/i.test(header);
  if (!headers.some((header) => isNumber(header) || isAddress(header)))
    throw new UsageError(
      `--people: expected a column with mobile numbers or e-mail addresses, found ${headers.join(', ') || 'no header'}`,
    );
  const numbers = createNumbers(deps.config.import.country);
  return rows.map((row) => {
    const valuesOf = (wanted: (header: string) => boolean) =>
      headers.filter(wanted).flatMap((header) => row[header] || []);
    const [own, addresses] = [valuesOf(isNumber), valuesOf(isAddress)];
    const names = valuesOf((header) => /name/i.test(header) && !isAddress(header));
    return {
      label: [...names, ...own, ...addresses].join(' ').trim() || 'a row without a name',
      numbers: own.flatMap((text) => numbers(text) ?? []),
      addresses,
    };
  });
}
