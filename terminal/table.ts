import { fit, widthOf } from './text-width';

export interface Column<Row> {
  title: string;
  value: (row: Row) => string | number;
  /** Numbers stand at the right edge. */
  right?: boolean;
  /** Never cut: an id that is cut cannot be copied. */
  whole?: boolean;
}

const gap = 2;
const narrowest = 8;

/**
 * A table as lines. Columns are as wide as their content; if the lines are wider than `width`, the widest columns that
 * may be cut give way. Without a width (a pipe, a file) nothing is cut.
 */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): string[] {
  const cells = rows.map((row) => columns.map(({ value }) => String(value(row))));
  const widths = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...cells.map((cell) => widthOf(cell[index]!))),
  );
  const total = () => widths.reduce((sum, one) => sum + one, gap * (widths.length - 1));
  while (width !== undefined && total() > width) {
    const flexible = columns
      .map((_, index) => index)
      .filter((index) => !columns[index]!.whole && widths[index]! > narrowest);
    const widest = flexible.reduce<number | undefined>(
      (best, index) => (best === undefined || widths[index]! > widths[best]! ? index : best),
      undefined,
    );
    if (widest === undefined) break;
    widths[widest]!--;
  }
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => {
        const fitted = fit(text, widths[index]!);
        return columns[index]!.right ? fitted.trimEnd().padStart(widths[index]!) : fitted;
      })
      .join(' '.repeat(gap))
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)];
}
