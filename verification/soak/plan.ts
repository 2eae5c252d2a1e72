import { connectorIds } from '../../shared/connectors';
import { archivedIn, type Window } from '../../simulators/samples/day';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const firstDay = Date.parse('2026-11-16T00:00:00.000Z');
/** The hours of the sample days that hold most of the items. */
const busyHours = [1, 14] as const;
/** Large enough to hold a file that needs an upload session, small enough for a hundred restarts. */
const likedBytes = { min: 4_000_000, max: 8_000_000 };

const windowAt = (fromMs: number, hours: number): Window => ({
  from: new Date(fromMs).toISOString(),
  to: new Date(fromMs + hours * hourMs).toISOString(),
});

const bytesOf = (window: Window): number =>
  connectorIds
    .flatMap((connector) => [...archivedIn(connector, window)])
    .reduce((sum, { item }) => sum + item.bytes, 0);

/** Three hours of the day with some large files and none of the giants. */
function hoursOf(startMs: number): number {
  const starts = Array.from({ length: busyHours[1] - busyHours[0] }, (_, index) => index + busyHours[0]).map(
    (hour) => ({ fromMs: startMs + hour * hourMs, bytes: bytesOf(windowAt(startMs + hour * hourMs, 3)) }),
  );
  const liked = starts.find(({ bytes }) => bytes >= likedBytes.min && bytes <= likedBytes.max);
  return (liked ?? starts.toSorted((a, b) => a.bytes - b.bytes)[0]!).fromMs;
}

/** The windows of the soak, day after day: two of two hours, of which one hour is served in both. */
export function* windows(): Generator<Window> {
  for (let startMs = firstDay; ; startMs += dayMs) {
    const fromMs = hoursOf(startMs);
    yield windowAt(fromMs, 2);
    yield windowAt(fromMs + hourMs, 2);
  }
}

export const windowsPerDay = 2;
