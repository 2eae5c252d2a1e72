/**
 * One look-up of a key at a time, shared by all who ask meanwhile; but not by those for whom something has changed
 * since it began. `lookUp` is told when it began (ms), gives what it found, and remembers it as it sees fit.
 */
export function shareLookUps<Key, Found>(
  lookUp: (key: Key, atMs: number) => Promise<Found>,
  now: () => number,
): (key: Key, sinceMs: number) => Promise<Found> {
  const running = new Map<Key, { atMs: number; found: Promise<Found> }>();
  return (key, sinceMs) => {
    const begun = running.get(key);
    if (begun && begun.atMs >= sinceMs) return begun.found;
    const atMs = now();
    const found = lookUp(key, atMs).finally(() => {
      if (running.get(key)?.found === found) running.delete(key);
    });
    running.set(key, { atMs, found });
    return found;
  };
}
