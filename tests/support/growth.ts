const parts = 16;

/**
 * How much more CPU time one input of `length` pieces takes than 16 inputs of a sixteenth of it: about 1 if the time is
 * linear in the input's length, about 16 if it is quadratic. Unlike a limit in seconds, the ratio does not depend on
 * the machine or its load; the fastest of several runs keeps pauses out.
 */
export function growth<T>(make: (length: number) => T, read: (input: T) => unknown, length: number): number {
  const whole = make(length);
  const part = make(Math.ceil(length / parts));
  const readParts = (): void => {
    for (let i = 0; i < parts; i++) read(part);
  };
  let wholeTime = Infinity;
  let partsTime = Infinity;
  for (let run = 0; run < 3; run++) {
    wholeTime = Math.min(
      wholeTime,
      cpuTime(() => read(whole)),
    );
    partsTime = Math.min(partsTime, cpuTime(readParts));
  }
  return wholeTime / partsTime;
}

function cpuTime(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return Math.max(1, user + system);
}
