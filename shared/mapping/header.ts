import { isAddress } from '../participants/address';
import { columnNames, meaning, type Field } from './columns';
import { shown, type Report } from './problem';

/** What is asked for where no header is found. */
export const headerExpected = `a header line such as "${columnNames.number},${columnNames.address}"`;

/** Where the header puts each field. */
export type Columns = Partial<Record<Field, { index: number; header: string }>>;

/**
 * Tells the columns of interest from the cells of the header line.
 * @returns the columns, or undefined after reporting why they cannot be told
 */
export function readHeader(cells: string[], line: number, report: Report): Columns | undefined {
  const columns: Columns = {};
  let sure = true;
  for (const field of Object.keys(columnNames) as Field[]) {
    const named = cells.flatMap((header, index) => {
      const found = meaning(header);
      return found?.field === field ? [{ header, index, order: found.order }] : [];
    });
    const best = Math.min(...named.map(({ order }) => order));
    const [first, second] = named.filter(({ order }) => order === best);
    if (first) columns[field] = { index: first.index, header: first.header };
    if (!second) continue;
    sure = false;
    report({
      code: 'header',
      line,
      column: second.index + 1,
      header: shown(second.header),
      expected: `one column "${columnNames[field]}"`,
      found: `a second one; the first is column ${(first?.index ?? 0) + 1}, ${shown(first?.header ?? '')}`,
    });
  }
  if (columns.number && columns.address) return sure ? columns : undefined;
  const isData = cells.some((cell) => isAddress(cell) || /^[+'’(]?[\d\s().-]{7,}$/.test(cell));
  const missing = (['number', 'address'] as const).filter((field) => !columns[field]);
  report({
    code: 'header',
    line,
    expected: isData
      ? headerExpected
      : missing.map((field) => `a column "${columnNames[field]}"`).join(' and '),
    found: isData
      ? `a first line that already holds data: ${shown(cells.join(', '))}`
      : shown(cells.join(', ')),
  });
  return undefined;
}
