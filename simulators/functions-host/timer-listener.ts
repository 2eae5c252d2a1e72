import type { BlobServiceClient, ContainerClient } from '@azure/storage-blob';
import { setTimeout as delay } from 'node:timers/promises';
import type { IndexedFunction, Trigger } from './indexing';
import type { Invoke } from './invocations';
import { describe } from './log';
import type { Log } from './log';
import type { TypedData } from './rpc';
import { isConflict, orMissing } from './storage-answers';

/** Runs a timer on its schedule, on one host at a time, and makes up for an occurrence that was missed. */

/** .NET's default date: the `last` of a timer that never ran. */
const never = '0001-01-01T00:00:00+00:00';
const leaseSeconds = 15;
const renewMs = 5_000;
const acquireMs = 1_000;
/** A laptop that slept wakes up with its timers late: so the clock is looked at again and again. */
const longestDelayMs = 60_000;

export interface Status {
  Last: string;
  Next: string;
  LastUpdated: string;
}

export interface TimerListener {
  stop(): Promise<void>;
}

type TimerTrigger = Extract<Trigger, { kind: 'timer' }>;

const iso = (ms: number) => new Date(ms).toISOString().replace('Z', '+00:00');

export const isMonitored = ({ useMonitor, schedule }: TimerTrigger) =>
  !schedule.subMinute && useMonitor !== false;

export const timerInfo = (status: Status | undefined, isPastDue: boolean): TypedData => ({
  json: JSON.stringify({
    Schedule: { AdjustForDST: true },
    ScheduleStatus: status ?? null,
    IsPastDue: isPastDue,
  }),
});

export function statusStore(container: ContainerClient, hostId: string, functionName: string) {
  const blob = container.getBlockBlobClient(`timers/${hostId}/Host.Functions.${functionName}/status`);
  return {
    async read(): Promise<Status | undefined> {
      const content = await orMissing(blob.downloadToBuffer());
      return content && (JSON.parse(content.toString()) as Status);
    },
    async write(status: Status) {
      const content = JSON.stringify(status);
      await blob.upload(content, Buffer.byteLength(content));
    },
  };
}

export function listenToTimer(options: {
  indexed: IndexedFunction;
  trigger: TimerTrigger;
  hostStorage: BlobServiceClient;
  hostId: string;
  invoke: Invoke;
  log: Log;
}): TimerListener {
  const { indexed, trigger, hostId, invoke, log } = options;
  const { schedule } = trigger;
  const container = options.hostStorage.getContainerClient('azure-webjobs-hosts');
  const store = statusStore(container, hostId, indexed.name);
  const lock = container.getBlockBlobClient(`locks/${hostId}/Host.Functions.${indexed.name}.Listener`);
  const lease = lock.getBlobLeaseClient();
  const monitored = isMonitored(trigger);
  const stopped = new AbortController();
  const sleep = async (ms: number) => {
    try {
      await delay(Math.min(ms, longestDelayMs), undefined, { signal: stopped.signal });
    } catch {
      // Woken by the stop.
    }
  };

  /** The status to go on from; its `Next` is in the past when an occurrence was missed. */
  async function resume(): Promise<Status> {
    const now = Date.now();
    const fresh = { Last: never, Next: iso(schedule.next(now)), LastUpdated: iso(now) };
    if (!monitored) return { ...fresh, LastUpdated: never };
    const recorded = await store.read();
    if (!recorded) {
      await store.write(fresh);
      return fresh;
    }
    const from = recorded.Last === never ? recorded.LastUpdated : recorded.Last;
    const expected = schedule.next(Date.parse(from));
    if (expected === Date.parse(recorded.Next)) return recorded;
    // The schedule is another one than when the status was written: what it would have missed does not count.
    const changed = expected < now ? fresh : { Last: never, Next: iso(expected), LastUpdated: from };
    await store.write(changed);
    return changed;
  }

  async function run(status: Status, isPastDue: boolean, onStartup = false): Promise<Status> {
    const now = Date.now();
    try {
      await invoke(indexed, timerInfo(monitored ? status : undefined, isPastDue));
    } catch {
      // Logged with the invocation; the schedule goes on.
    }
    // A timer that fires a little early must not find the same occurrence again.
    const at = !isPastDue && !onStartup ? Math.max(now, Date.parse(status.Next)) : now;
    const updated = { Last: iso(at), Next: iso(schedule.next(at)), LastUpdated: iso(at) };
    if (monitored) await store.write(updated);
    return updated;
  }

  async function keepSchedule() {
    let status = await resume();
    if (Date.parse(status.Next) < Date.now()) status = await run(status, true);
    else if (trigger.runOnStartup) status = await run(status, false, true);
    while (!stopped.signal.aborted) {
      const wait = Date.parse(status.Next) - Date.now();
      if (wait > 0) await sleep(wait);
      else status = await run(status, false);
    }
  }

  async function acquire(): Promise<boolean> {
    try {
      await lease.acquireLease(leaseSeconds);
      return true;
    } catch (error) {
      if (!isConflict(error)) throw error;
      return false;
    }
  }

  async function listen() {
    await container.createIfNotExists();
    if (!(await lock.exists()))
      await lock.upload('', 0, { conditions: { ifNoneMatch: '*' } }).catch(() => {});
    while (!stopped.signal.aborted && !(await acquire())) await sleep(acquireMs);
    if (stopped.signal.aborted) return;
    const renewal = setInterval(() => {
      lease
        .renewLease()
        .catch((error: unknown) => log('warning', indexed.name, `Singleton lock lost: ${describe(error)}`));
    }, renewMs);
    try {
      await keepSchedule();
    } finally {
      clearInterval(renewal);
      await lease.releaseLease().catch(() => {});
    }
  }

  async function listenOn() {
    while (!stopped.signal.aborted) {
      try {
        await listen();
      } catch (error) {
        log('error', indexed.name, `The timer listener failed: ${describe(error)}`);
        await sleep(renewMs);
      }
    }
  }

  const listening = listenOn();
  return {
    async stop() {
      stopped.abort();
      await listening;
    },
  };
}
