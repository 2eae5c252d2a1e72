import { createPhoneReader } from '../participants/phone';
import { headerExpected, meaningOf, readHeader, type Columns } from './columns';
import { readRows, readText } from './csv';
import { shown, type MappingProblem } from './problem';
import { createRowReader, type Row } from './rows';
import { collisions } from './validity';

export type { MappingProblem } from './problem';

/** The content of a mapping file: which mobile number belongs to which Microsoft 365 user, and when. */
export interface Mapping {
  /** How many rows the file has, without header and blank lines. */
  rows: number;
  /** Headers of the columns that are not used; a misspelt `Valid from` shows here. */
  ignored: string[];
  /** Rows that are used although their number is in no known numbering plan (the first 100). */
  warnings: MappingProblem[];
  /**
   * @param number E.164
   * @param at ISO-8601 instant of the communication
   * @returns the address, user principal name or object id that the file gives, if any
   */
  find(number: string, at: string): string | undefined;
  /** Every row, for comparisons. Times are ms since 1970, and infinite where the file gives none. */
  all(): Iterable<{ number: string; address: string; from: number; until: number }>;
  /** Every address in the file, in lower case. */
  addresses: ReadonlySet<string>;
}

export interface MappingOptions {
  /** ISO 3166 alpha-2 code of the country whose national numbers are read, if any. */
  country?: string | undefined;
  maxRows: number;
}

/** Keeps the answer to an upload small: more problems than this usually have one cause. */
const maxProblems = 100;

/**
 * Reads a mapping file (docs/mapping.md describes it). It is accepted or refused as a whole: with only its correct
 * rows in force, people would stay unmapped without anyone noticing.
 *
 * @returns the mapping, or its problems in the order of lines (the first 100)
 * @throws RangeError if the country has no numbering plan
 */
export function parseMapping(
  bytes: Uint8Array,
  { country, maxRows }: MappingOptions,
): { ok: true; mapping: Mapping } | { ok: false; errors: MappingProblem[] } {
  const readRow = createRowReader(createPhoneReader(country), country !== undefined);
  const errors: MappingProblem[] = [];
  const warnings: MappingProblem[] = [];
  const byNumber = new Map<string, Row[]>();
  let header: string[] | undefined;
  let columns: Columns | undefined;
  let rows = 0;

  const read = readText(bytes);
  if ('problem' in read) return { ok: false, errors: [read.problem] };
  const unreadable = readRows(
    read.text,
    (cell) => meaningOf(cell) !== undefined,
    maxRows + 2,
    (cells, line) => {
      if (!header) {
        header = cells;
        const found = readHeader(cells, line);
        if ('columns' in found) columns = found.columns;
        else errors.push(...found.problems);
        return;
      }
      rows += 1;
      if (rows > maxRows)
        errors.push({ code: 'rows', line, expected: `at most ${maxRows} rows`, found: 'more rows' });
      if (rows > maxRows || !columns || errors.length >= maxProblems) return;
      const found = readRow(cells, line, columns, header.length);
      if ('problems' in found) {
        errors.push(...found.problems);
        return;
      }
      const { row, doubt } = found;
      if (doubt && warnings.length < maxProblems) warnings.push(doubt);
      const sameNumber = byNumber.get(row.number);
      if (sameNumber) sameNumber.push(row);
      else byNumber.set(row.number, [row]);
    },
  );
  if (unreadable) errors.push(unreadable);
  else if (!header)
    errors.push({ code: 'header', line: 1, expected: headerExpected, found: 'an empty file' });
  if (columns) errors.push(...overlaps(byNumber, columns).slice(0, maxProblems));

  if (errors.length > 0)
    return { ok: false, errors: errors.toSorted((a, b) => a.line - b.line).slice(0, maxProblems) };
  const used = new Set(Object.values(columns ?? {}).map(({ index }) => index));
  const ignored = (header ?? []).filter((name, index) => name !== '' && !used.has(index));
  const addresses = new Set<string>();
  for (const sameNumber of byNumber.values())
    for (const { address } of sameNumber) addresses.add(address.toLowerCase());
  return {
    ok: true,
    mapping: {
      ...{ rows, ignored, warnings, addresses },
      find: (number, at) => find(byNumber.get(number), at),
      all: () => [...byNumber.values()].flat(),
    },
  };
}

function find(rows: readonly Row[] | undefined, at: string): string | undefined {
  const [only] = rows ?? [];
  if (!rows || !only) return undefined;
  // Most rows have no dates: skip parsing the instant.
  if (rows.length === 1 && only.from === -Infinity && only.until === Infinity) return only.address;
  const instant = Date.parse(at);
  return rows.find(({ from, until }) => from <= instant && instant < until)?.address;
}

function overlaps(byNumber: ReadonlyMap<string, Row[]>, columns: Columns): MappingProblem[] {
  const { index = 0, header = '' } = columns.number ?? {};
  return [...byNumber.values()].flatMap((rows) =>
    (rows.length > 1 ? collisions(rows) : []).map((pair) => {
      const [earlier, later] = pair.toSorted((a, b) => a.line - b.line) as [Row, Row];
      return {
        code: 'overlap' as const,
        line: later.line,
        column: index + 1,
        header: shown(header),
        expected: "one user per number at a time (end one row's validity before the other's begins)",
        found: `the number of line ${earlier.line}: ${shown(earlier.address)} there, ${shown(later.address)} here`,
      };
    }),
  );
}
