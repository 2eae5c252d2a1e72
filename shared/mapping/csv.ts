import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import type { MappingProblem } from './problem';

/** The CSV layer of a mapping file: from bytes to text, from text to rows of cells. */

/** Keeps an unclosed quotation mark from reading the rest of a large file as one field. */
const maxRowBytes = 64 * 1024;

const delimiters = [',', ';', '\t'] as const;
type Delimiter = (typeof delimiters)[number];

const saveAsUtf8 = 'a text file in UTF-8 (in Excel: Save as, "CSV UTF-8 (Comma delimited)")';

/**
 * The text of a file in UTF-8, or in UTF-16 with a byte order mark (Excel's "Unicode text"). All line ends become
 * line feeds: inside quotation marks the CSV parser counts CR and LF separately, and line numbers would be wrong.
 */
export function readText(bytes: Uint8Array): { text: string } | { problem: MappingProblem } {
  const [first, second] = bytes;
  if (first === 0x50 && second === 0x4b) return unreadable(1, 'an Excel workbook or ZIP file');
  const utf16 =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff && 'utf-16be';
  const text = decode(bytes, utf16 || 'utf-8');
  if (text === undefined)
    return utf16
      ? unreadable(1, 'bytes that are not valid UTF-16')
      : unreadable(firstBadLine(bytes), 'bytes that are not valid UTF-8');
  if (text.includes('\0'))
    return unreadable(text.slice(0, text.indexOf('\0')).split('\n').length, 'a NUL character');
  return { text: text.replace(/\r\n?/g, '\n') };
}

function unreadable(line: number, found: string): { problem: MappingProblem } {
  return { problem: { code: 'encoding', line, expected: saveAsUtf8, found } };
}

function decode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function firstBadLine(bytes: Uint8Array): number {
  const lines = Buffer.from(bytes)
    .toString('latin1')
    .split(/\r\n?|\n/);
  return 1 + lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')));
}

/**
 * Passes every row that is not blank to `take`, with the line on which it begins (from 1); the first row is the
 * header. The delimiter (comma, semicolon or tab) is the one that splits the header into most known columns.
 *
 * @param isKnown whether a header cell names a column that is used
 * @param maxRows reading stops after this many rows
 * @returns the problem that stopped the reading, if any
 */
export function readRows(
  text: string,
  isKnown: (header: string) => boolean,
  maxRows: number,
  take: (cells: string[], line: number) => void,
): MappingProblem | undefined {
  // Excel's convention for files that use another separator: a first line such as `sep=;`, which is not data.
  const [hint = '', declared] = /^"?sep=([,;\t])"?(?=\n|$)/i.exec(text) ?? [];
  const delimiter = declared ?? detectDelimiter(text, isKnown);
  let endOfLastRow = 0;
  try {
    // Some programs write ="…" as it is, without the quotation marks around the whole field.
    parse(text.slice(hint.length).replace(/(^|[\n,;\t])=(?="[^"\n]*"(?:[\n,;\t]|$))/g, '$1'), {
      delimiter,
      record_delimiter: '\n',
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      trim: true,
      max_record_size: maxRowBytes,
      to: maxRows,
      on_record: (cells: string[], { lines }) => {
        endOfLastRow = lines;
        take(cells, lines - lineBreaks(cells));
        return null;
      },
    });
    return undefined;
  } catch (error) {
    return quotesProblem(error, firstFilledLine(text, endOfLastRow + 1));
  }
}

/** The parser gives the line on which a row ends, but people look for the line on which it begins. */
function lineBreaks(cells: string[]): number {
  let count = 0;
  for (const cell of cells) if (cell.includes('\n')) count += cell.split('\n').length - 1;
  return count;
}

function detectDelimiter(text: string, isKnown: (header: string) => boolean): Delimiter {
  const start = text.search(/[^\s,;]/);
  const header = /(?:"[^"]*"|[^"\n])*/.exec(text.slice(start, start + maxRowBytes))?.[0] ?? '';
  const score = (delimiter: Delimiter): number => {
    const cells = header.match(new RegExp(`(?:"[^"]*"|[^"${delimiter}])+`, 'g')) ?? [];
    return (
      cells.filter((cell) => isKnown(cell.replaceAll('"', '').trim())).length * maxRowBytes + cells.length
    );
  };
  return delimiters.toSorted((a, b) => score(b) - score(a))[0] ?? ',';
}

const quoteFaults: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark that is never closed',
  CSV_MAX_RECORD_SIZE: 'a row of more than 64 KiB, perhaps a quotation mark that is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'text after a closing quotation mark',
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: 'text after a closing quotation mark',
  INVALID_OPENING_QUOTE: 'a quotation mark in the middle of a field',
};

/** @param line where the row begins; the parser may report the error many lines below */
function quotesProblem(error: unknown, line: number): MappingProblem {
  const found = quoteFaults[(error as { code?: string }).code ?? ''];
  if (found === undefined) throw error;
  const expected = 'quotation marks around the whole field, and each quotation mark inside it doubled';
  return { code: 'quotes', line, expected, found };
}

function firstFilledLine(text: string, from: number): number {
  const offset = text
    .split('\n')
    .slice(from - 1)
    .findIndex((line) => line.trim() !== '');
  return from + Math.max(offset, 0);
}
