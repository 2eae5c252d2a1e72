import { meaning } from './columns';
import { readRows, readText } from './csv';
import { headerExpected, readHeader, type Columns } from './header';
import { createNumbers } from '../participants/phone';
import { shown, type MappingProblem } from './problem';
import { rowReader, type Row } from './row';
import { collisions } from './validity';

export type { MappingProblem } from './problem';

/** The mapping file in force: which mobile number belongs to which Microsoft 365 user, and when. */
export interface Mapping {
  /** Rows of the file, without header and blank lines. */
  rows: number;
  /** Headers of the columns that are not used; a misspelt `Valid from` shows here. */
  ignored: string[];
  /**
   * @param number E.164
   * @param at ISO-8601 instant of the communication
   * @returns the address, user principal name or object id that the file gives, if any
   */
  find(number: string, at: string): string | undefined;
}

export interface MappingOptions {
  /** ISO 3166 alpha-2 code of the country whose national numbers are read, if any. */
  country?: string | undefined;
  maxRows: number;
}

/** Whoever has more of them has one cause for all; and the answer to an upload stays small. */
const maxProblems = 100;

/**
 * Reads a mapping file (docs/mapping.md describes it). It is taken whole or not at all: a file that is right
 * only in parts would leave people unmapped without a word.
 *
 * @returns the mapping, or every problem in order of lines (the first 100 of them)
 * @throws RangeError when the country is none
 */
export function parseMapping(
  bytes: Uint8Array,
  { country, maxRows }: MappingOptions,
): { ok: true; mapping: Mapping } | { ok: false; errors: MappingProblem[] } {
  const errors: MappingProblem[] = [];
  const byNumber = new Map<string, Row[]>();
  const readRow = rowReader(createNumbers(country), country !== undefined, (problem) => errors.push(problem));
  let columns: Columns | undefined;
  let header: string[] | undefined;
  let rows = 0;

  const read = readText(bytes);
  if ('fault' in read) return { ok: false, errors: [read.fault] };
  const fault = readRows(
    read.text,
    (cell) => meaning(cell) !== undefined,
    maxRows + 2,
    (cells, line) => {
      if (!header) {
        header = cells;
        columns = readHeader(cells, line, (problem) => errors.push(problem));
        return;
      }
      rows += 1;
      if (rows > maxRows) {
        errors.push({ code: 'rows', line, expected: `at most ${maxRows} rows`, found: 'more rows' });
        return;
      }
      if (!columns || errors.length >= maxProblems) return;
      const row = readRow(cells, header, columns, line);
      if (!row) return;
      const sameNumber = byNumber.get(row.number);
      if (sameNumber) sameNumber.push(row);
      else byNumber.set(row.number, [row]);
    },
  );
  if (fault) {
    errors.push(fault);
  } else if (!header) {
    errors.push({ code: 'header', line: 1, expected: headerExpected, found: 'an empty file' });
  }
  if (columns) errors.push(...overlaps(byNumber, columns).slice(0, maxProblems));

  if (errors.length > 0) {
    return { ok: false, errors: errors.toSorted((a, b) => a.line - b.line).slice(0, maxProblems) };
  }
  const used = new Set(Object.values(columns ?? {}).map(({ index }) => index));
  const ignored = (header ?? []).filter((name, index) => name !== '' && !used.has(index));
  return { ok: true, mapping: { rows, ignored, find: (number, at) => find(byNumber.get(number), at) } };
}

function find(rows: readonly Row[] | undefined, at: string): string | undefined {
  const [only] = rows ?? [];
  if (!rows || !only) return undefined;
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
        expected: "one user for a number at a time; end one row's validity before the other begins",
        found: `the number of line ${earlier.line}, there for ${shown(earlier.address)}, here for ${shown(later.address)}`,
      };
    }),
  );
}
