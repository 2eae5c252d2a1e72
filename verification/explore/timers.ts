/** `setTimeout` and `clearTimeout` in virtual time, as far as the stages use them. */

interface VirtualTimer {
  run: () => void;
  atMs: number;
  refresh: () => void;
}

export function createTimers(now: () => number) {
  const timers = new Set<VirtualTimer>();
  return {
    setTimeout(run: () => void, ms: number): VirtualTimer {
      const timer: VirtualTimer = {
        run,
        atMs: now() + ms,
        refresh: () => {
          timer.atMs = now() + ms;
          timers.add(timer);
        },
      };
      timers.add(timer);
      return timer;
    },
    clearTimeout: (timer: VirtualTimer): void => void timers.delete(timer),
    nextMs: () => [...timers].reduce((next, { atMs }) => Math.min(next, atMs), Number.POSITIVE_INFINITY),
    /** Runs what is due by now. */
    fire(): void {
      for (const timer of [...timers].filter(({ atMs }) => atMs <= now())) {
        timers.delete(timer);
        timer.run();
      }
    },
  };
}
