import type { BlobServiceClient, ContainerClient } from '@azure/storage-blob';
import { Cron } from 'croner';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, type Log } from './log';
import type { Run, TypedData } from './rpc';
import { isConflict, orMissing } from './storage';

/** Timer triggers: each runs on its schedule, on one host at a time, and makes up for a missed occurrence. */

export interface TimerTrigger {
  kind: 'timer';
  schedule: Schedule;
  runOnStartup: boolean;
  useMonitor: boolean | undefined;
}

export interface Schedule {
  expression: string;
  /** The first occurrence after the instant; both in ms since 1970. */
  next(afterMs: number): number;
  /** Whether occurrences are less than a minute apart; the host does not monitor such a timer. */
  subMinute: boolean;
}

const field = /^[\d*,/-]+$/;
const month = /^(?:[\d*,/-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+$/i;
const weekday = /^(?:[0-6*,/-]|sun|mon|tue|wed|thu|fri|sat)+$/i;
const rules = [field, field, field, field, month, weekday];

/** Reads NCRONTAB: `{second} {minute} {hour} {day} {month} {day of week}`, in UTC as on Flex Consumption. */
export function parseSchedule(expression: string): Schedule {
  const given = expression.trim().split(/\s+/);
  const fields = given.length === 5 ? ['0', ...given] : given;
  const bad = fields.length !== 6 || fields.some((part, index) => !rules[index]?.test(part));
  // croner takes more than NCRONTAB (L, W, #, ?). Accepting it here would hide what the real host refuses.
  const refuse = (cause?: unknown) =>
    new Error(`The schedule expression '${expression}' was not recognized.`, { cause });
  if (bad) throw refuse();
  let cron: Cron;
  try {
    cron = new Cron(fields.join(' '), {
      paused: true,
      timezone: 'UTC',
      mode: '6-part',
      domAndDow: true,
      sloppyRanges: true,
    });
  } catch (error) {
    throw refuse(error);
  }
  const next = (afterMs: number) => {
    const found = cron.nextRun(new Date(afterMs));
    if (!found) throw new Error(`The schedule expression '${expression}' has no next occurrence.`);
    return found.getTime();
  };
  const first = next(Date.UTC(2026, 0, 1));
  return { expression, next, subMinute: next(first) - first < 60_000 };
}

/** .NET's default date, which the real host gives as `last` to a timer that never ran. */
const never = '0001-01-01T00:00:00+00:00';
const leaseSeconds = 15;
const renewMs = 5_000;
const acquireMs = 1_000;
/** After a computer sleeps, its timers are late: so the clock is read at least this often. */
const longestDelayMs = 60_000;

interface Status {
  Last: string;
  Next: string;
  LastUpdated: string;
}

export interface TimerListener {
  stop(): Promise<void>;
}

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
  name: string;
  trigger: TimerTrigger;
  hostStorage: BlobServiceClient;
  hostId: string;
  run: Run;
  log: Log;
}): TimerListener {
  const { name, trigger, hostId, log } = options;
  const { schedule } = trigger;
  const container = options.hostStorage.getContainerClient('azure-webjobs-hosts');
  const store = statusStore(container, hostId, name);
  const lock = container.getBlockBlobClient(`locks/${hostId}/Host.Functions.${name}.Listener`);
  const lease = lock.getBlobLeaseClient();
  const monitored = isMonitored(trigger);
  const stopped = new AbortController();
  const sleep = async (ms: number) => {
    try {
      await delay(Math.min(ms, longestDelayMs), undefined, { signal: stopped.signal });
    } catch {
      // stop() ends the pause.
    }
  };

  /** The recorded status, or a new one. Its `Next` is in the past if an occurrence was missed. */
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
    // The schedule has changed since the status was written: it cannot have missed an occurrence.
    const changed = expected < now ? fresh : { Last: never, Next: iso(expected), LastUpdated: from };
    await store.write(changed);
    return changed;
  }

  async function run(status: Status, isPastDue: boolean, onStartup = false): Promise<Status> {
    const now = Date.now();
    try {
      await options.run(timerInfo(monitored ? status : undefined, isPastDue));
    } catch {
      // The invocation has logged it. The schedule continues.
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
        .catch((error: unknown) => log('warning', name, `Singleton lock lost: ${messageOf(error)}`));
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
        log('error', name, `The timer listener failed: ${messageOf(error)}`);
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
