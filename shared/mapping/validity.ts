/** The period in which a row of the mapping file is valid: numbers pass from one person to another. */

const dayMs = 24 * 60 * 60 * 1000;

/** Year first; several countries' spreadsheets rewrite 2025-01-31 as 2025/1/31, which is just as clear. */
const day = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})$/;
/** An instant without a zone would mean a different moment on each machine. */
const instant = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i;

/** In milliseconds since 1970; `from` is included, `until` is not. */
export interface Period {
  from: number;
  until: number;
}

/**
 * Reads a date (`2025-01-31`, a day in UTC) or an instant with zone (`2025-01-31T09:00:00+01:00`).
 *
 * @returns milliseconds since 1970: the start of the day, or its end for `until`; the instant itself; undefined for
 *   any other text
 */
export function readBound(text: string, bound: 'from' | 'until'): number | undefined {
  const [, year, , month, date] = day.exec(text) ?? [];
  if (year && month && date) {
    const start = startOfDay(Number(year), Number(month), Number(date));
    return start === undefined || bound === 'from' ? start : start + dayMs;
  }
  if (!instant.test(text)) return undefined;
  const [y, m, d] = text.slice(0, 10).split('-').map(Number);
  const at = Date.parse(text.toUpperCase().replace(' ', 'T'));
  return Number.isNaN(at) || startOfDay(y ?? 0, m ?? 0, d ?? 0) === undefined ? undefined : at;
}

/** Undefined for a day that does not exist: Date turns 30 February into 2 March. */
function startOfDay(year: number, month: number, date: number): number | undefined {
  const at = new Date(Date.UTC(year, month - 1, date));
  return at.getUTCMonth() === month - 1 && at.getUTCDate() === date ? at.getTime() : undefined;
}

/**
 * Finds the rows that are valid at the same time as a row with another address, each with one such row before it.
 * O(n log n): comparing all pairs would take minutes for a number with thousands of rows.
 */
export function collisions<Row extends Period & { address: string }>(rows: readonly Row[]): [Row, Row][] {
  const found: [Row, Row][] = [];
  // Of the rows so far, the one that ends last, and the one that ends last among those with another address.
  let last: Row | undefined;
  let lastOther: Row | undefined;
  for (const row of rows.toSorted((a, b) => a.from - b.from)) {
    const rival = last && same(last, row) ? lastOther : last;
    if (rival && rival.until > row.from) found.push([rival, row]);
    if (!last || row.until > last.until) {
      if (last && !same(last, row)) lastOther = last;
      last = row;
    } else if (!same(last, row) && (!lastOther || row.until > lastOther.until)) {
      lastOther = row;
    }
  }
  return found;
}

function same(one: { address: string }, another: { address: string }): boolean {
  return one.address.toLowerCase() === another.address.toLowerCase();
}
