import { isAddress, isObjectId } from '../participants/address';
import type { Field } from './columns';
import type { Columns } from './header';
import { invisible, type Numbers } from '../participants/phone';
import { shown, type MappingProblem, type Report } from './problem';
import { readBound, type Period } from './validity';

/** A row without fault. */
export interface Row extends Period {
  /** E.164. */
  number: string;
  /** User principal name, e-mail address or object id, as written. */
  address: string;
  /** From 1. */
  line: number;
}

/** What Excel makes of a number that it was not told to keep as text. */
const damagedByExcel = /^\+?\d+(?:[.,]\d+)?E\+?\d+$|^#+$|^\+?\d{7,}[.,]0+$/i;

/** Makes the reader of data rows, which reports every fault of a row and gives none that has one. */
export function rowReader(numbers: Numbers, hasCountry: boolean, report: Report) {
  const international = 'a phone number with + and country code, or in full international digits';
  const numberExpected = hasCountry
    ? `${international}, or a national number of the country in DEFAULT_COUNTRY`
    : `${international} (a national number needs DEFAULT_COUNTRY)`;

  return (cells: string[], header: string[], columns: Columns, line: number) => {
    let whole = true;
    const wrong = (
      code: MappingProblem['code'],
      field: Field,
      expected: string,
      found: string,
    ): undefined => {
      const { index, header: name } = columns[field] ?? { index: 0, header: '' };
      report({ code, line, column: index + 1, header: shown(name), expected, found });
      whole = false;
    };
    const cell = (field: Field): string => clean(cells[columns[field]?.index ?? -1] ?? '');
    const bound = (field: 'from' | 'until', none: number): number => {
      const text = cell(field);
      if (text === '') return none;
      const at = readBound(text, field);
      if (at === undefined) wrong('date', field, 'a date such as 2025-01-31, or nothing', shown(text));
      return at ?? none;
    };

    const surplus = cells.findIndex((text, index) => index >= header.length && text !== '');
    if (surplus >= 0) {
      report({
        code: 'cells',
        line,
        column: surplus + 1,
        expected: `at most ${header.length} fields, as in the header; a field that holds the separator stands in quotation marks`,
        found: shown(cells[surplus] ?? ''),
      });
      whole = false;
    }
    const writtenNumber = cell('number');
    const number = numbers(writtenNumber);
    if (number === undefined && damagedByExcel.test(writtenNumber)) {
      wrong(
        'excel',
        'number',
        'the whole number; Excel has changed it (format the column as text)',
        shown(writtenNumber),
      );
    } else if (number === undefined) {
      wrong('number', 'number', numberExpected, shown(writtenNumber));
    }
    const address = cell('address');
    if (!isAddress(address) && !isObjectId(address)) {
      wrong('address', 'address', 'a user principal name, e-mail address or object id', shown(address));
    }
    const from = bound('from', -Infinity);
    const until = bound('until', Infinity);
    if (from >= until) {
      wrong('period', 'until', `an end after the start, ${shown(cell('from'))}`, shown(cell('until')));
    }
    return whole && number !== undefined ? { number, address, from, until, line } : undefined;
  };
}

/** Takes off what spreadsheets put around a text that looks like a number: a leading apostrophe, or ="…". */
function clean(cell: string): string {
  const text = cell.replace(invisible, '').trim();
  return (/^="(.*)"$/.exec(text)?.[1] ?? text.replace(/^['’]/, '')).trim();
}
