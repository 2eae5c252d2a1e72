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
import { quarantineMessage } from '../../shared/pipeline/quarantine-message';
import { reconcile } from '../../shared/pipeline/reconcile';
import { redriveItem } from '../../shared/pipeline/redrive-item';
import { splitBatch } from '../../shared/pipeline/split-batch';
import type { Fault } from './call-faults';
import { handleMessage, type MessageKind } from './message-trigger';
import type { TwinQueue } from './queue-model';
import { startMs } from './scenarios';
import type { Simulation } from './simulation';
import type { Io, Process } from './scheduler';
import { createMemory, createTwinDeps, type World } from './environment';

/** Twin of the Functions host: two workers, timers, queue triggers with five attempts, events of new blobs. */

/** The triggers' handlers, as functions/ registers them. */
export const stages = {
  fetchBatch: (deps: Deps) => fetchBatch(deps),
  backfillWindow: (deps: Deps, message: unknown) => backfillWindow(deps, readBackfillRequest(message)),
  splitBatch: (deps: Deps, blob: Buffer) => splitBatch(deps, readManifest(blob)),
  importItem: (deps: Deps, message: unknown) => {
    const pointer = readItemPointer(message);
    return orPutOff(deps, pointer, () => importItem(deps, pointer));
  },
  quarantineItem: (deps: Deps, message: unknown) => quarantineMessage(deps, message),
  redriveItem: (deps: Deps, message: unknown) => redriveItem(deps, readRedriveRequest(message)),
  reconcile: (deps: Deps) => reconcile(deps),
};
export type Stages = typeof stages;

/** One protection taken away, to see whether the checks notice. */
export interface Weakening {
  deps?: (deps: Deps, stage: keyof Stages, world: World) => Deps;
  stages?: Partial<Stages>;
  maxDequeueCount?: number;
  settings?: Record<string, string>;
  /** Timers never fire. */
  noTimers?: boolean;
}

const MINUTE = 60_000;
const workerCount = 2;
const messagesPerWorker = 2;
/** How long a message stays hidden whose worker died (the queue trigger's own ten minutes). */
const visibilityMs = 10 * MINUTE;
const fetchEveryMs = 60 * MINUTE;
const reconcileEveryMs = 10 * MINUTE;

interface Worker {
  process: Process;
  memory: Deps['memory'];
  running: number;
}

export function createHost(world: World, simulation: Simulation, weakening: Weakening) {
  const handlers = { ...stages, ...weakening.stages };
  const maxDequeueCount = weakening.maxDequeueCount ?? 5;
  let started = 0;
  let running = 0;
  const newWorker = (name: string, aheadMs: number): Worker => ({
    process: { name, alive: true, frozenUntilMs: 0, aheadMs },
    memory: createMemory(world.config),
    running: 0,
  });
  const workers = Array.from({ length: workerCount }, (_, n) => newWorker(`worker ${n}`, n * world.aheadMs));

  const freeWorker = () =>
    workers
      .filter((one) => one.process.frozenUntilMs <= simulation.now())
      .filter((one) => one.running < messagesPerWorker)
      .sort((a, b) => a.running - b.running)[0];

  /** Runs the work until it ends or its worker dies. */
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
      const deps = createTwinDeps(world, simulation, process, invocation, memory);
      return weakening.deps?.(deps, stage, world) ?? deps;
    };
    void work(simulation.io(process, invocation), depsFor)
      // The host logs what failed.
      .catch(() => undefined)
      .then(() => {
        worker.running--;
        running--;
      });
  };

  const trigger = (name: string, faults: Fault[]) => ({ name, key: '', faults });

  /** Takes the queue's next message, if it has one. */
  const take = <T>(
    queue: TwinQueue<T>,
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
  const poison = (body: ItemPointer) => world.poisonQueue.send(body);
  const place = ({ batch, position }: Pick<ItemPointer, 'batch' | 'position'>) => `${batch}/${position}`;
  const takers = [
    () =>
      take(
        world.backfillQueue,
        () => 'backfill',
        { name: 'backfill-window' },
        (body, depsFor) => handlers.backfillWindow(depsFor('backfillWindow'), body),
      ),
    () =>
      take(
        world.blobEvents,
        () => 'split',
        { name: 'event', dropped: true, mayVanish: true },
        (body, depsFor) => handlers.splitBatch(depsFor('splitBatch'), Buffer.from(body.manifest)),
      ),
    () =>
      take(
        world.importQueue,
        (body) => `import ${place(body)}`,
        { name: 'import-item', poison, mayVanish: true },
        (body, depsFor) => handlers.importItem(depsFor('importItem'), body),
      ),
    () =>
      take(
        world.poisonQueue,
        (body) => `quarantine ${place(body)}`,
        { name: 'poison', mayVanish: true },
        (body, depsFor) => handlers.quarantineItem(depsFor('quarantineItem'), body),
      ),
    () =>
      take(
        world.redriveQueue,
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
        // The other worker may have been replaced since.
        start(
          workers.find((one) => one.process.name === other.process.name)!,
          `${name} again`,
          (_io, depsOfOther) => handlers[name](depsOfOther(name)),
        );
      await handlers[name](depsFor(name));
    });
  const aliveWorkers = () => workers.filter(({ process }) => process.frozenUntilMs <= simulation.now());
  const fireTimers = () => {
    if (Math.min(nextFetchMs, nextReconcileMs) > simulation.now()) return false;
    const [first, second = first] = aliveWorkers();
    if (!first) return false;
    let fired = false;
    if (nextFetchMs <= simulation.now()) {
      nextFetchMs += fetchEveryMs;
      fire('fetchBatch', first, second!);
      fired = true;
    }
    if (nextReconcileMs <= simulation.now()) {
      nextReconcileMs += reconcileEveryMs;
      fire('reconcile', second!, first);
      fired = true;
    }
    return fired;
  };

  return {
    /** Starts whatever is due at this instant; true when something was. */
    startDue: (): boolean => {
      const fired = fireTimers();
      return takeMessages() || fired;
    },
    /** A timer that did not come is missed, and comes at its next time. */
    nextMs: () =>
      Math.min(
        ...[nextFetchMs, nextReconcileMs].filter((atMs) => atMs > simulation.now()),
        world.backfillQueue.nextVisibleMs(),
        world.blobEvents.nextVisibleMs(),
        world.importQueue.nextVisibleMs(),
        world.poisonQueue.nextVisibleMs(),
        world.redriveQueue.nextVisibleMs(),
      ),
    isIdle: () => running === 0,
    /** One more round of the timers, after which nothing may have changed. */
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

export type Host = ReturnType<typeof createHost>;
