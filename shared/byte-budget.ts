/** A semaphore weighted in bytes, so that a few large items do not exhaust the memory of an instance. */
export interface ByteBudget {
  /** Runs the work while it holds that many bytes; work larger than the budget runs alone. */
  hold<T>(bytes: number, work: () => Promise<T>): Promise<T>;
}

/** First come, first served: otherwise small items could keep a large one waiting without end. */
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
