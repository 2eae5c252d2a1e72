/** From when until when a row of the mapping file holds; numbers are re-assigned to other people. */

const dayMs = 24 * 60 * 60 * 1000;

/** Year first: spreadsheets of several countries turn 2025-01-31 into 2025/1/31, which is no less clear. */
const day = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})$/;
/** With a zone: an instant without one means another moment on another machine. */
const instant = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i;

/** Milliseconds since 1970; `from` belongs to the period, `until` does not. */
export interface Period {
  from: number;
  until: number;
}

/**
 * Reads a date (`2025-01-31`, a day in UTC) or an instant with zone (`2025-01-31T09:00:00+01:00`).
 * @returns the start of the day, or for `until` its end; the instant itself; undefined when it is neither
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

/** Undefined for a day that no calendar has: Date would make 2 March of 30 February. */
function startOfDay(year: number, month: number, date: number): number | undefined {
  const at = new Date(Date.UTC(year, month - 1, date));
  return at.getUTCMonth() === month - 1 && at.getUTCDate() === date ? at.getTime() : undefined;
}

/**
 * The rows that hold at the same time as another row that names somebody else: each with the row it collides
 * with. Time grows as n log n, not with the pairs.
 */
export function collisions<Row extends Period & { address: string }>(rows: readonly Row[]): [Row, Row][] {
  const found: [Row, Row][] = [];
  // The two furthest ends so far that belong to different addresses.
  let furthest: Row | undefined;
  let other: Row | undefined;
  for (const row of rows.toSorted((a, b) => a.from - b.from)) {
    const rival = furthest && same(furthest, row) ? other : furthest;
    if (rival && rival.until > row.from) found.push([rival, row]);
    if (!furthest || row.until > furthest.until) {
      if (furthest && !same(furthest, row)) other = furthest;
      furthest = row;
    } else if (!same(furthest, row) && (!other || row.until > other.until)) {
      other = row;
    }
  }
  return found;
}

function same(one: { address: string }, another: { address: string }): boolean {
  return one.address.toLowerCase() === another.address.toLowerCase();
}
