import { readFile, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import type { ConnectorId } from '../shared/connectors';
import type { AppDeps } from '../shared/deps';
import { mappingChanges, type MappingChange } from '../shared/evidence/mapping-changes';
import { parseMapping, type Mapping, type MappingProblem } from '../shared/mapping/reader';
import { sha256 } from '../shared/storage/manifest';
import { forAll, writeDown } from './acts';
import { withApp } from './app';
import { entriesOf } from './audit';
import { connectorInput, UsageError, verb, type Shell } from './verb';

/** Verbs for mapping files: what one would do, putting one in force, and those that were. */

const maxRows = 250_000;
const lookUpsInFlight = 8;
const shownChanges = 20;

async function readMappingFile(file: string): Promise<Buffer> {
  return readFile(file).catch(() => {
    throw new UsageError(`${file}: expected a file that can be read`);
  });
}

interface Checked {
  ok: boolean;
  errors: MappingProblem[];
  rows: number;
  ignored: string[];
  warnings: MappingProblem[];
  /** Addresses of the file that name no user of the directory. */
  unknown: string[];
  changes: MappingChange[];
}

async function check(deps: AppDeps, shell: Shell, bytes: Buffer, connector: ConnectorId): Promise<Checked> {
  const { out } = shell;
  const rules = { country: deps.config.import.country, maxRows };
  const parsed = parseMapping(bytes, rules);
  if (!parsed.ok)
    return { ok: false, errors: parsed.errors, rows: 0, ignored: [], warnings: [], unknown: [], changes: [] };
  const { mapping } = parsed;
  const addresses = [...mapping.addresses];
  const unknown: string[] = [];
  await forAll(
    addresses,
    lookUpsInFlight,
    async (address) => void ((await deps.directory.find(address)) ?? unknown.push(address)),
    (done) => out.progress(`${done} of ${addresses.length} users looked up`),
  );
  out.progress('');
  const stored = await deps.mappingFiles.read(connector);
  const former = stored && parseMapping(stored.bytes, rules);
  const before: Mapping | undefined = former?.ok ? former.mapping : undefined;
  const { rows, ignored, warnings } = mapping;
  return {
    ok: true,
    errors: [],
    rows,
    ignored,
    warnings,
    unknown: unknown.toSorted(),
    changes: mappingChanges(before, mapping),
  };
}

function show({ out }: Shell, file: string, checked: Checked): void {
  const { ok, errors, rows, ignored, warnings, unknown, changes } = checked;
  const remark = ({ line, column, expected, found }: MappingProblem) =>
    out.print(`  line ${line}${column ? `, column ${column}` : ''}: expected ${expected}, found ${found}`);
  if (!ok) {
    out.print(out.bad(`${file} is refused as a whole:`));
    errors.forEach(remark);
    return;
  }
  out.print(`${file}: ${rows} rows.`);
  if (ignored.length > 0) out.print(`Columns that are not used: ${ignored.join(', ')}`);
  if (warnings.length > 0) out.print('In force all the same, but check:');
  warnings.forEach(remark);
  if (unknown.length > 0) {
    out.print(
      out.bad(`${unknown.length} addresses name no user of the directory; their rows count for nothing:`),
    );
    for (const address of unknown.slice(0, shownChanges)) out.print(`  ${address}`);
    if (unknown.length > shownChanges) out.print(`  and ${unknown.length - shownChanges} more`);
  }
  const many = (kind: MappingChange['kind']) => changes.filter((change) => change.kind === kind).length;
  out.print(
    `Against the file in force: ${many('added')} added, ${many('removed')} removed, ${many('changed')} changed.`,
  );
  out.table(
    [
      { title: 'change', value: ({ kind }: MappingChange) => kind, whole: true },
      { title: 'number', value: ({ number }) => number, whole: true },
      { title: 'before', value: ({ before }) => before },
      { title: 'after', value: ({ after }) => after },
    ],
    changes.slice(0, shownChanges),
  );
  if (changes.length > shownChanges)
    out.print(`and ${changes.length - shownChanges} more (--json shows all)`);
}

const fileArgument = ['<file>', 'the mapping file, as docs/mapping.md describes it'] as const;
const connectorOption = ['--connector <id>', 'the connector'] as const;

export const mappingCheckVerb = verb({
  name: 'mapping check',
  summary:
    'shows what a mapping file would do, before it is in force: faults, doubts, unknown users, changes',
  arguments: [fileArgument],
  options: [connectorOption],
  needs: 'to read the container mappings, and users of the directory',
  example: 'numbers.csv --connector whatsapp',
  input: { file: z.string(), connector: connectorInput },
  run: (shell, { json, asApp, file, connector }) =>
    withApp(shell, asApp, async (deps) => {
      const checked = await check(deps, shell, await readMappingFile(file), connector);
      show(shell, file, checked);
      if (json) shell.out.print(JSON.stringify(checked));
      return checked.ok && checked.unknown.length === 0 ? 0 : 1;
    }),
});

export const mappingPutVerb = verb({
  name: 'mapping put',
  summary: 'puts a mapping file in force within half a minute; a faulty one is refused as a whole',
  arguments: [fileArgument],
  options: [connectorOption],
  needs: 'to add to the audit trail, to write to the container mappings, and to read users of the directory',
  example: 'numbers.csv --connector whatsapp',
  input: { file: z.string(), connector: connectorInput },
  run: (shell, { json, asApp, file, connector }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const bytes = await readMappingFile(file);
      const checked = await check(deps, shell, bytes, connector);
      show(shell, file, checked);
      let audit: number | null = null;
      if (checked.ok) {
        ({ audit } = await writeDown(shell, deps, asApp, {
          act: 'mappingPut',
          connector,
          sha256: sha256(bytes),
          rows: checked.rows,
        }));
        await deps.mappings.upload(connector, bytes);
        out.print(
          out.good(`In force for ${connector} within 30 seconds (entry ${audit} of the audit trail).`),
        );
        if (!deps.config.perConnector[connector].customMapping)
          out.print(
            out.bad(`${connector.toUpperCase()}_CUSTOM_MAPPING is not true: the app does not use the file.`),
          );
        out.print('Items that the former file left without a mailbox: redrive --reason unmapped');
      }
      if (json) out.print(JSON.stringify({ ...checked, audit }));
      return checked.ok ? 0 : 1;
    }),
});

export const mappingHistoryVerb = verb({
  name: 'mapping history',
  summary: 'lists the mapping files that were in force, and saves one of them',
  options: [
    connectorOption,
    ['--save <hash>', 'save the file with this hash (its first digits are enough)'],
    ['--out <file>', 'where to save it (default: HASH.csv)'],
  ],
  needs: 'to read the audit trail',
  example: '--connector whatsapp',
  input: { connector: connectorInput, save: z.string().optional(), out: z.string().optional() },
  run: (shell, { json, asApp, connector, save, out: file }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const versions: { at: string; sha256: string; rows: number; act: string; who: string }[] = [];
      for await (const { entry } of entriesOf(deps)) {
        const { what, at, who } = entry;
        if (what.act !== 'mappingChanged' && what.act !== 'mappingPut') continue;
        if (what.connector !== connector) continue;
        const sha256 = what.act === 'mappingPut' ? what.sha256 : what.after;
        const act = what.act === 'mappingPut' ? 'uploaded' : 'in force';
        versions.push({ at, sha256, rows: what.rows, act, who: who.name });
      }
      out.table(
        [
          { title: 'at', value: ({ at }) => at.slice(0, 19).replace('T', ' '), whole: true },
          { title: 'what', value: ({ act }) => act, whole: true },
          { title: 'rows', value: ({ rows }) => rows, right: true },
          { title: 'hash', value: ({ sha256 }) => sha256.slice(0, 12), whole: true },
          { title: 'by', value: ({ who }) => who },
        ],
        versions,
      );
      if (save !== undefined) {
        const found = versions.find(({ sha256 }) => sha256.startsWith(save.toLowerCase()));
        const bytes = found && (await deps.audit.readMapping(connector, found.sha256));
        if (!bytes) throw new UsageError(`--save: no file of ${connector} with the hash ${save} is kept`);
        const target = file ?? `${found.sha256.slice(0, 12)}.csv`;
        await writeFile(target, bytes);
        out.print(`Saved as ${target}.`);
      }
      if (json) out.print(JSON.stringify({ connector, versions }));
      return 0;
    }),
});
