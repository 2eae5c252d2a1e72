import { connectorIds } from '../../shared/connectors';
import { archivedIn, type Window } from '../../simulators/samples/day';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const firstDay = Date.parse('2026-11-16T00:00:00.000Z');
/** The hours of a sample day that hold most of its items. */
const busyHours = [1, 14] as const;
/** Large enough for a file that needs an upload session, small enough for a hundred restarts. */
const windowBytes = { min: 4_000_000, max: 8_000_000 };

const windowAt = (fromMs: number, hours: number): Window => ({
  from: new Date(fromMs).toISOString(),
  to: new Date(fromMs + hours * hourMs).toISOString(),
});

const bytesOf = (window: Window): number =>
  connectorIds
    .flatMap((connector) => [...archivedIn(connector, window)])
    .reduce((sum, { item }) => sum + item.bytes, 0);

/** The start of three hours of the day that hold some large files but none of the giants. */
function startOf(dayStartMs: number): number {
  const starts = Array.from({ length: busyHours[1] - busyHours[0] }, (_, index) => index + busyHours[0]).map(
    (hour) => ({
      fromMs: dayStartMs + hour * hourMs,
      bytes: bytesOf(windowAt(dayStartMs + hour * hourMs, 3)),
    }),
  );
  const suitable = starts.find(({ bytes }) => bytes >= windowBytes.min && bytes <= windowBytes.max);
  return (suitable ?? starts.toSorted((a, b) => a.bytes - b.bytes)[0]!).fromMs;
}

/** The windows of the soak: two per day, each of two hours, of which one hour is in both. */
export function* windows(): Generator<Window> {
  for (let startMs = firstDay; ; startMs += dayMs) {
    const fromMs = startOf(startMs);
    yield windowAt(fromMs, 2);
    yield windowAt(fromMs + hourMs, 2);
  }
}

export const windowsPerDay = 2;
