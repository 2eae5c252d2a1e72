import { isAddress, isObjectId } from '../participants/address';
import { invisible, type Numbers } from '../participants/phone';
import type { Columns, Field } from './columns';
import { shown, type MappingProblem } from './problem';
import { readBound, type Period } from './validity';

/** A row without faults. */
export interface Row extends Period {
  /** E.164. */
  number: string;
  /** User principal name, e-mail address or object id, as written. */
  address: string;
  /** From 1. */
  line: number;
}

/** What Excel makes of a number in a column that is not formatted as text: 8.61E+12, ####, 46701234567.0. */
const damagedByExcel = /^\+?\d+(?:[.,]\d+)?E\+?\d+$|^#+$|^\+?\d{7,}[.,]0+$/i;

/**
 * Creates the reader of data rows. The reader gives the row, or every problem of the row.
 *
 * @param hasCountry whether `numbers` also reads national numbers
 */
export function createRowReader(numbers: Numbers, hasCountry: boolean) {
  const international = 'a phone number with country code, such as +46701234567 or 46701234567';
  const numberExpected = hasCountry
    ? `${international}, or a national number of the country in DEFAULT_COUNTRY`
    : `${international} (a national number needs the setting DEFAULT_COUNTRY)`;

  return (
    cells: readonly string[],
    line: number,
    columns: Columns,
    headerLength: number,
  ): { row: Row } | { problems: MappingProblem[] } => {
    const problems: MappingProblem[] = [];
    const cell = (field: Field): string => clean(cells[columns[field]?.index ?? -1] ?? '');
    const wrong = (code: MappingProblem['code'], field: Field, expected: string): void => {
      const { index, header } = columns[field] ?? { index: 0, header: '' };
      const found = shown(cell(field));
      problems.push({ code, line, column: index + 1, header: shown(header), expected, found });
    };
    const bound = (field: 'from' | 'until', none: number): number => {
      if (cell(field) === '') return none;
      const at = readBound(cell(field), field);
      if (at === undefined) wrong('date', field, 'a date such as 2025-01-31, or nothing');
      return at ?? none;
    };

    const surplus = cells.findIndex((text, index) => index >= headerLength && text !== '');
    if (surplus >= 0)
      problems.push({
        code: 'cells',
        line,
        column: surplus + 1,
        expected: `at most ${headerLength} fields, as in the header; a field that contains the separator needs quotation marks`,
        found: shown(cells[surplus] ?? ''),
      });
    const writtenNumber = cell('number');
    const number = numbers(writtenNumber);
    if (number === undefined && damagedByExcel.test(writtenNumber))
      wrong('excel', 'number', 'the whole number; Excel has changed it (format the column as Text)');
    else if (number === undefined) wrong('number', 'number', numberExpected);
    const address = cell('address');
    if (!isAddress(address) && !isObjectId(address))
      wrong('address', 'address', 'a user principal name, e-mail address or object id');
    const from = bound('from', -Infinity);
    const until = bound('until', Infinity);
    if (from >= until) wrong('period', 'until', `an end after the start, ${shown(cell('from'))}`);
    return number === undefined || problems.length > 0
      ? { problems }
      : { row: { number, address, from, until, line } };
  };
}

/** Removes what spreadsheets put around a text that looks like a number: a leading apostrophe, or ="…". */
function clean(cell: string): string {
  const text = cell.replace(invisible, '').trim();
  return (/^="(.*)"$/.exec(text)?.[1] ?? text.replace(/^['’]/, '')).trim();
}
