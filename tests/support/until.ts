/** Only a failed test waits as long as this. */
const patienceMs = 100_000;
const pauseMs = 10;

/** Waits until `look` returns something true, and returns that. The error names what was waited for. */
export async function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
