/** Look-ups of one kind: each result is remembered for a time, and a look-up under way is shared by all who ask. */
export interface LookUps<Key, Found> {
  /** The result for the key. A look-up that began before `sinceMs` (ms since 1970) does not count. */
  find(key: Key, sinceMs: number): Promise<Found>;
  /** Ignores the remembered result, but shares a look-up under way. */
  refresh(key: Key): Promise<Found>;
  /** Discards the remembered result, and that of a look-up under way. */
  forget(key: Key): void;
}

/**
 * `lookUp` gets the previous result as well. A look-up that fails is thrown to all who share it and not remembered.
 *
 * @param options.freshForMs how long a result counts, in ms from the start of its look-up
 * @param options.mostEntries how many results are remembered; the oldest gives way
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
        // Discard a result if a newer look-up of the key has started; it may be stale.
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
    refresh: async (key) => running.get(key)?.found ?? begin(key),
    forget(key) {
      remembered.delete(key);
      running.delete(key);
    },
  };
}
