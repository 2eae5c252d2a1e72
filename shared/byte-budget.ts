/** A semaphore weighed in bytes: a few large items must not exhaust the memory of an instance. */
export interface ByteBudget {
  /** Runs the work while it holds its weight; work heavier than the budget runs alone. */
  hold<T>(bytes: number, work: () => Promise<T>): Promise<T>;
}

/** First come, first served, so that a heavy item is not overtaken for ever. */
export function createByteBudget(totalBytes: number): ByteBudget {
  let freeBytes = totalBytes;
  const waiting: { bytes: number; start: () => void }[] = [];
  const startNext = () => {
    while (waiting[0] && waiting[0].bytes <= freeBytes) {
      const next = waiting.shift()!;
      freeBytes -= next.bytes;
      next.start();
    }
  };
  return {
    async hold(wanted, work) {
      const bytes = Math.min(wanted, totalBytes);
      await new Promise<void>((start) => {
        waiting.push({ bytes, start });
        startNext();
      });
      try {
        return await work();
      } finally {
        freeBytes += bytes;
        startNext();
      }
    },
  };
}
