import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';

/** A fault of the file as such; nothing behind it can be read. */
export interface Fault {
  code: 'encoding' | 'quotes';
  /** From 1. */
  line: number;
  expected: string;
  found: string;
}

/** An unclosed quote must not take the rest of a large file for one field. */
const maxRowBytes = 64 * 1024;

const delimiters = [',', ';', '\t'] as const;
type Delimiter = (typeof delimiters)[number];

const saveAsUtf8 = 'a text file in UTF-8 (in Excel: Save as, "CSV UTF-8 (Comma delimited)")';

/**
 * The text of a file in UTF-8, or in UTF-16 with a byte order mark (Excel's "Unicode text"). Line ends of every
 * kind become line feeds: the CSV parser counts CR and LF apart inside quotes, and error lines would drift.
 */
export function readText(bytes: Uint8Array): { text: string } | { fault: Fault } {
  const [first, second] = bytes;
  if (first === 0x50 && second === 0x4b) return unreadable(1, 'an Excel workbook or ZIP file');
  const utf16 =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff && 'utf-16be';
  const text = decode(bytes, utf16 || 'utf-8');
  if (text === undefined) return unreadable(utf16 ? 1 : firstBadLine(bytes), 'bytes that are no such text');
  if (text.includes('\0'))
    return unreadable(text.slice(0, text.indexOf('\0')).split('\n').length, 'a NUL character');
  return { text: text.replace(/\r\n?/g, '\n') };
}

function unreadable(line: number, found: string): { fault: Fault } {
  return { fault: { code: 'encoding', line, expected: saveAsUtf8, found } };
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
 * Hands over the rows that are not blank, each with the line on which it begins (from 1); the first is the
 * header. The delimiter (comma, semicolon or tab) is the one that splits the header into most known columns.
 *
 * @param isKnown whether a header cell names a column of interest
 * @param maxRows rows handed over at most; what stands behind them is not read
 * @returns the fault that ended the reading before the end of the file, if any
 */
export function readRows(
  text: string,
  isKnown: (header: string) => boolean,
  maxRows: number,
  take: (cells: string[], line: number) => void,
): Fault | undefined {
  // Excel's own convention for other countries' files: a first line such as `sep=;` that is no data.
  const [hint = '', declared] = /^"?sep=([,;\t])"?(?=\n|$)/i.exec(text) ?? [];
  const delimiter = declared ?? detectDelimiter(text, isKnown);
  let endOfLast = 0;
  try {
    parse(text.slice(hint.length), {
      delimiter,
      record_delimiter: '\n',
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      trim: true,
      max_record_size: maxRowBytes,
      to: maxRows,
      on_record: (cells: string[], { lines }) => {
        endOfLast = lines;
        take(cells, lines - lineBreaks(cells));
        return null;
      },
    });
    return undefined;
  } catch (error) {
    return quotesFault(error, firstFilledLine(text, endOfLast + 1));
  }
}

/** The parser names the line on which a row ends; a person looks for where it begins. */
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
  CSV_INVALID_CLOSING_QUOTE: 'text behind a closing quotation mark',
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: 'text behind a closing quotation mark',
  INVALID_OPENING_QUOTE: 'a quotation mark in the middle of a field',
};

/** @param line where the row begins: its quotation mark may be closed by the next one, any number of lines below */
function quotesFault(error: unknown, line: number): Fault {
  const found = quoteFaults[(error as { code?: string }).code ?? ''];
  if (found === undefined) throw error;
  const expected = 'a field with quotation marks stands in quotation marks, and those inside it are doubled';
  return { code: 'quotes', line, expected, found };
}

function firstFilledLine(text: string, from: number): number {
  const offset = text
    .split('\n')
    .slice(from - 1)
    .findIndex((line) => line.trim() !== '');
  return from + Math.max(offset, 0);
}
