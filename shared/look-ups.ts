/** Look-ups of one kind, remembered for a time and shared by all who ask meanwhile. */
export interface LookUps<Key, Found> {
  /** What the key stands for; what was looked up before `sinceMs` (an instant) does not count. */
  find(key: Key, sinceMs: number): Promise<Found>;
  /** What is remembered of the key, or being looked up, counts for nobody who asks from now on. */
  forget(key: Key): void;
}

/**
 * `lookUp` is told what was found the last time. A look-up that fails is thrown and not remembered; nor is one that
 * answers after a later one of its key has begun, since it may tell what is no longer so.
 */
export function createLookUps<Key, Found>(
  lookUp: (key: Key, former: Found | undefined) => Promise<Found>,
  options: { freshForMs: (found: Found) => number; now: () => number; mostEntries?: number },
): LookUps<Key, Found> {
  const { freshForMs, now, mostEntries = Infinity } = options;
  const remembered = new Map<Key, { atMs: number; found: Found }>();
  const running = new Map<Key, { atMs: number; found: Promise<Found> }>();

  function remember(key: Key, atMs: number, found: Found): void {
    remembered.delete(key);
    const [oldest] = remembered.keys();
    if (remembered.size >= mostEntries && oldest !== undefined) remembered.delete(oldest);
    remembered.set(key, { atMs, found });
  }

  function begin(key: Key): Promise<Found> {
    const atMs = now();
    const isLatest = () => running.get(key) === latest;
    const found = lookUp(key, remembered.get(key)?.found)
      .then((answer) => {
        if (isLatest()) remember(key, atMs, answer);
        return answer;
      })
      .finally(() => {
        if (isLatest()) running.delete(key);
      });
    const latest = { atMs, found };
    running.set(key, latest);
    return found;
  }

  return {
    async find(key, sinceMs) {
      const known = remembered.get(key);
      if (known && known.atMs >= sinceMs && now() - known.atMs < freshForMs(known.found)) return known.found;
      const begun = running.get(key);
      return begun && begun.atMs >= sinceMs ? begun.found : begin(key);
    },
    forget(key) {
      remembered.delete(key);
      running.delete(key);
    },
  };
}
