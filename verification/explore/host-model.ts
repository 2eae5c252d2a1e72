import type { Deps } from '../../shared/deps';
import type { ItemPointer } from '../../shared/item';
import { backfillWindow } from '../../shared/pipeline/backfill-window';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { importItem } from '../../shared/pipeline/import-item';
import {
  readBackfillRequest,
  readItemPointer,
  readManifest,
  readRedriveRequest,
} from '../../shared/pipeline/messages';
import { orPutOff } from '../../shared/pipeline/put-off';
import { quarantineItem } from '../../shared/pipeline/quarantine-item';
import { reconcile } from '../../shared/pipeline/reconcile';
import { redriveItem } from '../../shared/pipeline/redrive-item';
import { splitBatch } from '../../shared/pipeline/split-batch';
import type { Fault } from './call-faults';
import { changeWorld, createDepsModel, createMemory, worldChanges, type Environment } from './environment';
import { startMs, type Scenario } from './scenarios';
import type { Io, Process, Scheduler } from './scheduler';
import type { QueueMessage, QueueModel } from './storage-model';

/** Model of the Functions host: two workers, timers, queue triggers with five attempts, events of new blobs. */

/** The handlers of the triggers, as functions/ registers them. */
export const stages = {
  fetchBatch: (deps: Deps) => fetchBatch(deps),
  backfillWindow: (deps: Deps, message: unknown) => backfillWindow(deps, readBackfillRequest(message)),
  splitBatch: (deps: Deps, blob: Buffer) => splitBatch(deps, readManifest(blob)),
  importItem: (deps: Deps, message: unknown) => {
    const pointer = readItemPointer(message);
    return orPutOff(deps, pointer, () => importItem(deps, pointer));
  },
  quarantineItem: (deps: Deps, message: unknown) => quarantineItem(deps, message),
  redriveItem: (deps: Deps, message: unknown) => redriveItem(deps, readRedriveRequest(message)),
  reconcile: (deps: Deps) => reconcile(deps),
};
export type Stages = typeof stages;

/** How one protection is taken away, to see whether the checker notices. */
export interface Weakening {
  deps?: (deps: Deps, stage: keyof Stages, environment: Environment) => Deps;
  stages?: Partial<Stages>;
  maxDequeueCount?: number;
  settings?: Record<string, string>;
  /** Timers never fire. */
  noTimers?: boolean;
}

const MINUTE = 60_000;
const workerCount = 2;
const messagesPerWorker = 2;
/** A message whose worker died stays hidden this long: the queue trigger's own ten minutes. */
const visibilityMs = 10 * MINUTE;
const fetchEveryMs = 60 * MINUTE;
const reconcileEveryMs = 10 * MINUTE;
/** The pause between a failure and the next attempt, as host.json sets it. */
const retryMs = 30_000;

interface Worker {
  process: Process;
  memory: Deps['memory'];
  running: number;
}

export function createHostModel(
  environment: Environment,
  scenario: Scenario,
  scheduler: Scheduler,
  weakening: Weakening,
) {
  const changes = worldChanges.filter((change) => change !== 'mappingChanged' || scenario.mappingLater);
  const handlers = { ...stages, ...weakening.stages };
  const maxDequeueCount = weakening.maxDequeueCount ?? 5;
  let started = 0;
  let running = 0;
  const newWorker = (name: string, aheadMs: number): Worker => ({
    process: { name, alive: true, frozenUntilMs: 0, aheadMs },
    memory: createMemory(environment.config),
    running: 0,
  });
  const workers = Array.from({ length: workerCount }, (_, n) =>
    newWorker(`worker ${n}`, n * environment.aheadMs),
  );

  const freeWorker = () =>
    workers
      .filter((one) => one.process.frozenUntilMs <= scheduler.now())
      .filter((one) => one.running < messagesPerWorker)
      .sort((a, b) => a.running - b.running)[0];

  /** Starts an invocation, which runs until its work ends or its worker dies. */
  const start = (
    worker: Worker,
    name: string,
    work: (io: Io, depsFor: (stage: keyof Stages) => Deps) => Promise<void>,
  ) => {
    const { process, memory } = worker;
    const invocation = `${name} #${++started}`;
    worker.running++;
    running++;
    const depsFor = (stage: keyof Stages) => {
      const deps = createDepsModel(environment, scheduler, process, invocation, memory);
      return weakening.deps?.(deps, stage, environment) ?? deps;
    };
    void work(scheduler.io(process, invocation), depsFor)
      // The real host logs the error and goes on.
      .catch(() => undefined)
      .then(() => {
        worker.running--;
        running--;
      });
  };

  const trigger = (name: string, faults: Fault[]) => ({ name, key: '', faults });

  /** Starts the handler of the queue's next message; false if no message is visible or no worker is free. */
  const take = <T>(
    queue: QueueModel<T>,
    nameOf: (body: T) => string,
    kind: MessageKind<T>,
    handle: (body: T, depsFor: (stage: keyof Stages) => Deps) => Promise<void>,
  ): boolean => {
    if (queue.messages.length === 0) return false;
    const worker = freeWorker();
    const message = worker && queue.receive(visibilityMs, worker.process);
    if (message)
      start(worker, nameOf(message.body), (io, depsFor) =>
        handleMessage(io, { queue, message, kind, maxDequeueCount }, () => handle(message.body, depsFor)),
      );
    return message !== undefined;
  };
  const poison = (body: ItemPointer) => environment.poisonQueue.send(body);
  const place = ({ connector, batch, position }: Pick<ItemPointer, 'connector' | 'batch' | 'position'>) =>
    `${environment.connectors.length > 1 ? `${connector}:` : ''}${batch}/${position}`;
  const takers = [
    () =>
      take(
        environment.backfillQueue,
        () => 'backfill',
        { name: 'backfill-window' },
        (body, depsFor) => handlers.backfillWindow(depsFor('backfillWindow'), body),
      ),
    () =>
      take(
        environment.blobEvents,
        () => 'split',
        { name: 'event', dropped: true, mayVanish: true },
        (body, depsFor) => handlers.splitBatch(depsFor('splitBatch'), Buffer.from(body.manifest)),
      ),
    () =>
      take(
        environment.importQueue,
        (body) => `import ${place(body)}`,
        {
          name: 'import-item',
          poison,
          mayVanish: true,
          changes: { faults: changes, apply: (fault) => changeWorld(environment, scenario, fault) },
        },
        (body, depsFor) => handlers.importItem(depsFor('importItem'), body),
      ),
    () =>
      take(
        environment.poisonQueue,
        (body) => `quarantine ${place(body)}`,
        { name: 'poison', mayVanish: true },
        (body, depsFor) => handlers.quarantineItem(depsFor('quarantineItem'), body),
      ),
    () =>
      take(
        environment.redriveQueue,
        (body) => `redrive ${place(body)}`,
        { name: 'redrive-item' },
        (body, depsFor) => handlers.redriveItem(depsFor('redriveItem'), body),
      ),
  ];
  const takeMessages = () => {
    let took = false;
    while (takers.some((taker) => taker())) took = true;
    return took;
  };

  let nextFetchMs = startMs;
  let nextReconcileMs = startMs + reconcileEveryMs;
  const fire = (name: 'fetchBatch' | 'reconcile', worker: Worker, other: Worker) =>
    start(worker, name, async (io, depsFor) => {
      const fault = await io(trigger(`timer.${name}`, ['never', 'twice', 'crash', 'yield']), (own) => own);
      if (fault === 'never') return;
      if (fault === 'twice')
        // The other worker may have died meanwhile and been replaced under the same name.
        start(
          workers.find((one) => one.process.name === other.process.name)!,
          `${name} again`,
          (_io, depsOfOther) => handlers[name](depsOfOther(name)),
        );
      await handlers[name](depsFor(name));
    });
  const aliveWorkers = () => workers.filter(({ process }) => process.frozenUntilMs <= scheduler.now());
  const fireTimers = () => {
    if (Math.min(nextFetchMs, nextReconcileMs) > scheduler.now()) return false;
    const [first, second = first] = aliveWorkers();
    if (!first) return false;
    let fired = false;
    if (nextFetchMs <= scheduler.now()) {
      nextFetchMs += fetchEveryMs;
      fire('fetchBatch', first, second!);
      fired = true;
    }
    if (nextReconcileMs <= scheduler.now()) {
      nextReconcileMs += reconcileEveryMs;
      fire('reconcile', second!, first);
      fired = true;
    }
    return fired;
  };

  return {
    /** Starts everything that is due at this instant; false if nothing is. */
    startDue: (): boolean => {
      const fired = fireTimers();
      return takeMessages() || fired;
    },
    /**
     * The next instant at which something becomes due. A timer that is overdue because all workers are frozen does not
     * count: it fires when one of them goes on.
     */
    nextMs: () =>
      Math.min(
        ...[nextFetchMs, nextReconcileMs].filter((atMs) => atMs > scheduler.now()),
        environment.backfillQueue.nextVisibleMs(),
        environment.blobEvents.nextVisibleMs(),
        environment.importQueue.nextVisibleMs(),
        environment.poisonQueue.nextVisibleMs(),
        environment.redriveQueue.nextVisibleMs(),
      ),
    isIdle: () => running === 0,
    /** Fires both timers once more: a finished environment must not change. */
    fireOnceMore: () => {
      const [first, second = first] = aliveWorkers();
      start(first!, 'fetchBatch', (_io, depsFor) => handlers.fetchBatch(depsFor('fetchBatch')));
      start(second!, 'reconcile', (_io, depsFor) => handlers.reconcile(depsFor('reconcile')));
    },
    replace(process: Process) {
      const at = workers.findIndex((one) => one.process === process);
      running -= workers[at]!.running;
      workers[at] = newWorker(process.name, process.aheadMs);
    },
  };
}

interface MessageKind<T> {
  name: string;
  /** Where a message goes after its last attempt. */
  poison?: (body: T) => void;
  /** After its last attempt it is deleted, without a poison queue. */
  dropped?: boolean;
  /** An event may never be sent, and a queue may be purged by mistake. */
  mayVanish?: boolean;
  /** What may change in the world just before the message is handled. */
  changes?: { faults: readonly Fault[]; apply(fault: Fault | undefined): void };
}

interface Received<T> {
  queue: QueueModel<T>;
  message: QueueMessage<T>;
  kind: MessageKind<T>;
  maxDequeueCount: number;
}

/** The queue trigger: deletes a handled message, makes a failed one visible again, gives up after the last attempt. */
async function handleMessage<T>(io: Io, received: Received<T>, handle: () => Promise<void>): Promise<void> {
  const { queue, message } = received;
  try {
    await attempt(io, received, handle);
  } finally {
    queue.stopHolding(message.id, message.popReceipt);
  }
}

async function attempt<T>(
  io: Io,
  { queue, message, kind, maxDequeueCount }: Received<T>,
  handle: () => Promise<void>,
): Promise<void> {
  const { id, popReceipt, dequeueCount, body } = message;
  const operation = (name: string, faults: Fault[]) => ({ name: `${kind.name}.${name}`, key: '', faults });
  const remove = () => queue.delete(id, popReceipt);
  const giveUp = async () => {
    const { poison } = kind;
    if (poison) await io(operation('poison', ['crash', 'crashAfter']), () => poison(body));
    if (poison || kind.dropped) await io(operation('delete', ['crash']), remove);
  };
  if (dequeueCount > maxDequeueCount) return giveUp();
  const faults: Fault[] = [
    'crash',
    'redeliver',
    ...(kind.mayVanish ? (['never'] as const) : []),
    ...(kind.changes?.faults ?? []),
  ];
  const isLost = await io(operation('receive', faults), (fault) => {
    if (fault === 'redeliver') queue.update(id, popReceipt, 0);
    if (fault === 'never') remove();
    kind.changes?.apply(fault);
    return fault === 'never';
  });
  if (isLost) return;
  try {
    await handle();
  } catch {
    if (dequeueCount >= maxDequeueCount) return giveUp();
    await io(operation('release', ['crash']), () => queue.update(id, popReceipt, retryMs));
    return;
  }
  await io(operation('delete', ['crash', 'error', 'yield']), remove);
}
