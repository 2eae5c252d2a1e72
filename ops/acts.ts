import type { AppDeps } from '../shared/deps';
import type { Act } from '../shared/storage/audit';
import { actorOf } from './app';
import type { Shell } from './verb';

/** Writes the act on the audit trail before it is done, in the name of whoever signs in. Gives the entry's number. */
export async function writeDown(
  { settings }: Pick<Shell, 'settings'>,
  deps: Pick<AppDeps, 'audit'>,
  asApp: boolean,
  what: Act,
): Promise<{ audit: number; by: string }> {
  const who = await actorOf(settings, asApp);
  return { audit: await deps.audit.append(who, what, new Date().toISOString()), by: who.name };
}

/** Runs the work on all of them, some at a time, and tells how many are done. */
export async function forAll<T>(
  all: readonly T[],
  inFlight: number,
  work: (one: T) => Promise<void>,
  progress: (done: number) => void = () => undefined,
): Promise<void> {
  let done = 0;
  const waiting = all.values();
  const worker = async () => {
    for (const one of waiting) {
      await work(one);
      progress(++done);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}
