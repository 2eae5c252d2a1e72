import { cleanAddress, isAddress, isObjectId } from '../participants/address';
import { invisible, type PhoneReading } from '../participants/phone';
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
const damagedByExcel = /^\+?\d+(?:[.,]\d+)?E[+-]?\d+$|^#+$|^\+?\d{7,}[.,]0+$/i;

/**
 * Creates the reader of data rows. The reader gives the row, perhaps with a doubt about it, or every problem of the row.
 *
 * @param hasCountry whether `readNumber` also reads national numbers
 */
export function createRowReader(readNumber: (text: string) => PhoneReading, hasCountry: boolean) {
  const international = 'a phone number with country code, such as +46701234567 or 46701234567';
  const numberExpected = hasCountry
    ? `${international}, or a national number of the country in DEFAULT_COUNTRY`
    : `${international} (a national number needs the setting DEFAULT_COUNTRY)`;

  return (
    cells: readonly string[],
    line: number,
    columns: Columns,
    headerLength: number,
  ): { row: Row; doubt?: MappingProblem } | { problems: MappingProblem[] } => {
    const problems: MappingProblem[] = [];
    const cell = (field: Field): string => clean(cells[columns[field]?.index ?? -1] ?? '');
    const remark = (code: MappingProblem['code'], field: Field, expected: string): MappingProblem => {
      const { index, header } = columns[field] ?? { index: 0, header: '' };
      return { code, line, column: index + 1, header: shown(header), expected, found: shown(cell(field)) };
    };
    const wrong = (...[code, field, expected]: Parameters<typeof remark>): void => {
      problems.push(remark(code, field, expected));
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
    const reading = readNumber(writtenNumber);
    if (reading.kind === 'computed')
      wrong('excel', 'number', 'the whole number; a spreadsheet has computed it (format the column as Text)');
    else if (reading.kind === 'ambiguous')
      wrong(
        'ambiguous',
        'number',
        `${reading.international} or ${reading.national}, with + and country code: the digits can be both`,
      );
    else if (reading.kind === 'none' && damagedByExcel.test(writtenNumber))
      wrong('excel', 'number', 'the whole number; Excel has changed it (format the column as Text)');
    else if (reading.kind === 'none') wrong('number', 'number', numberExpected);
    const address = cleanAddress(cell('address'));
    if (!isAddress(address) && !isObjectId(address))
      wrong('address', 'address', 'a user principal name, e-mail address or object id');
    const from = bound('from', -Infinity);
    const until = bound('until', Infinity);
    if (from >= until) wrong('period', 'until', `an end after the start, ${shown(cell('from'))}`);
    if (reading.kind !== 'number' || problems.length > 0) return { problems };
    const row = { number: reading.number, address, from, until, line };
    if (!reading.isUnlisted) return { row };
    const expected = 'a number of a known numbering plan; this one is used as it is, so check it once more';
    return { row, doubt: remark('unlisted', 'number', expected) };
  };
}

/** Removes what spreadsheets put around a text that looks like a number: a leading apostrophe, or ="…". */
function clean(cell: string): string {
  const text = cell.replace(invisible, '').trim();
  return (/^="(.*)"$/.exec(text)?.[1] ?? text.replace(/^['’]/, '')).trim();
}
