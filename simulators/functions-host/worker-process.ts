import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from './log';
import type {
  FromWorker,
  FunctionMetadata,
  InvocationRequest,
  InvocationResult,
  ToWorker,
  WorkerLog,
} from './rpc';

/** Starts the worker, restarts it when it dies, and passes invocations to it. */

const MINUTE = 60_000;
const startTimeoutMs = MINUTE;
const terminateTimeoutMs = 5_000;
/** The real host gives up after this many deaths of a worker within half an hour. */
const maxDeaths = 3;
const deathsWindowMs = 30 * MINUTE;

export interface WorkerOptions {
  appDir: string;
  hostVersion: string;
  environment: Record<string, string>;
  log: Log;
  /** Log lines that the app wrote through its context, or that the library wrote. */
  onLog(message: WorkerLog): void;
  onExit(exit: { code: number | null; signal: NodeJS.Signals | null }): void;
  /** The worker died too often, or the app cannot be loaded again. */
  onGiveUp(reason: string): void;
}

export interface Worker {
  functions: FunctionMetadata[];
  capabilities(): Record<string, string>;
  invoke(request: InvocationRequest, timeoutMs: number): Promise<InvocationResult>;
  /** SIGKILL; counts as a death. */
  kill(): void;
  /** Lets the `appTerminate` hooks run, for at most five seconds. */
  stop(): Promise<void>;
}

type Ready = Extract<FromWorker, { type: 'ready' }>;

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

interface Pending {
  resolve(result: InvocationResult): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout | undefined;
}

interface Run {
  child: ChildProcess;
  pending: Map<string, Pending>;
  ready: Promise<Ready>;
  exited: Promise<void>;
  /** The host itself ended the process, so it does not count as a death. */
  expected: boolean;
}

function workerScript(): string {
  const beside = join(__dirname, 'worker.js');
  return existsSync(beside) ? beside : join(process.cwd(), 'dist/local/worker.js');
}

/** The platform's own variables. Everything else in the app's environment is an app setting. */
function platform(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LANG', 'NODE_EXTRA_CA_CERTS'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { log } = options;
  const deaths: number[] = [];
  let gaveUp: string | undefined;
  let stopping = false;

  function spawn(): Run {
    const child = fork(workerScript(), [], {
      cwd: options.appDir,
      env: { ...platform(), ...options.environment },
      execArgv: ['--enable-source-maps'],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const pending: Run['pending'] = new Map();
    const ready = deferred<Ready>();
    const exited = deferred<void>();
    const run: Run = { child, pending, ready: ready.promise, exited: exited.promise, expected: false };
    ready.promise.catch(() => {});

    /** Removes the invocation from the pending ones. */
    const take = (invocationId: string) => {
      const entry = pending.get(invocationId);
      pending.delete(invocationId);
      clearTimeout(entry?.timer);
      return entry;
    };
    child.on('message', (message: FromWorker) => {
      if (message.type === 'ready') ready.resolve(message);
      else if (message.type === 'log') options.onLog(message);
      else if (message.type === 'succeeded') take(message.invocationId)?.resolve(message.result);
      else {
        const { message: text, stack } = message;
        take(message.invocationId)?.reject(Object.assign(new Error(text), { stack }));
      }
    });
    if (child.stdout) createInterface(child.stdout).on('line', (line) => log('information', 'worker', line));
    if (child.stderr) {
      // Like the real host, judges a line by its words.
      const level = (line: string) =>
        /warn/i.test(line) ? 'warning' : /error|uncaught|unable/i.test(line) ? 'error' : 'information';
      createInterface(child.stderr).on('line', (line) => log(level(line), 'worker', line));
    }
    child.on('error', (error) => log('error', 'host', `The worker process failed: ${error.message}`));
    const ended = (code: number | null, signal: NodeJS.Signals | null) => {
      const reason = `node exited with ${signal ?? `code ${code}`}`;
      ready.reject(new Error(`${reason} before the app was loaded`));
      for (const id of [...pending.keys()]) take(id)?.reject(new Error(reason));
      exited.resolve();
      options.onExit({ code, signal });
      void replace(run, reason);
    };
    // Not 'exit': the pipes may still hold answers and lines that the worker sent before its end.
    child.on('close', (code, signal) => {
      if (child.connected) child.once('disconnect', () => ended(code, signal));
      else ended(code, signal);
    });
    child.send({ type: 'init', appDir: options.appDir, hostVersion: options.hostVersion } satisfies ToWorker);
    return run;
  }

  function giveUp(reason: string) {
    if (gaveUp || stopping) return;
    gaveUp = reason;
    options.onGiveUp(reason);
  }

  async function load(run: Run) {
    const answer = await Promise.race([
      run.ready,
      delay(startTimeoutMs, undefined, { ref: false }).then(() => {
        throw new Error('The worker did not load the app in time');
      }),
    ]);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  async function replace(dead: Run, reason: string) {
    if (stopping || gaveUp || dead !== current) return;
    if (!dead.expected) {
      deaths.push(Date.now());
      while ((deaths[0] ?? 0) < Date.now() - deathsWindowMs) deaths.shift();
      log('error', 'host', `${reason}; death ${deaths.length} of ${maxDeaths}`);
      if (deaths.length >= maxDeaths) {
        return giveUp(
          'Exceeded language worker restart retry count for runtime:node. Shutting down the Functions Host.',
        );
      }
    }
    current = spawn();
    const started = current;
    try {
      await load(started);
    } catch (error) {
      // If the worker has ended by itself, its exit counts the death.
      if (started.child.exitCode === null && started.child.signalCode === null) {
        started.expected = true;
        giveUp((error as Error).message);
        started.child.kill('SIGKILL');
      }
    }
  }

  /** While a worker is being replaced, invocations wait for the next one. */
  async function readyRun(): Promise<Run> {
    for (;;) {
      if (gaveUp) throw new Error(gaveUp);
      const run = current;
      try {
        first = await run.ready;
        if (run.child.connected && !run.child.killed && run.child.exitCode === null) return run;
      } catch {
        // replace() reports the death.
      }
      await run.exited;
      if (run === current && !gaveUp) throw new Error('The host is stopping');
    }
  }

  let current = spawn();
  let first: Ready;
  try {
    first = await load(current);
  } catch (error) {
    stopping = true;
    current.child.kill('SIGKILL');
    await current.exited;
    throw error;
  }

  return {
    functions: first.functions,
    capabilities: () => first.capabilities,
    async invoke(request, timeoutMs) {
      const run = await readyRun();
      return new Promise((resolve, reject) => {
        const timer = Number.isFinite(timeoutMs)
          ? setTimeout(() => {
              reject(
                new Error(
                  `Timeout value of ${timeoutMs / 1000} s was exceeded by function: Functions.${request.functionName}`,
                ),
              );
              // Node cannot end a single handler: the whole worker ends, with its other invocations.
              run.expected = true;
              run.child.kill('SIGKILL');
            }, timeoutMs)
          : undefined;
        run.pending.set(request.invocationId, { resolve, reject, timer });
        // A request cannot be sent only if the worker has ended, and then its exit rejects the invocation.
        run.child.send({ type: 'invoke', request } satisfies ToWorker, () => {});
      });
    },
    kill: () => void current.child.kill('SIGKILL'),
    async stop() {
      stopping = true;
      const { child, exited } = current;
      if (child.connected) child.send({ type: 'terminate' } satisfies ToWorker, () => {});
      const ended = await Promise.race([
        exited.then(() => true),
        delay(terminateTimeoutMs, false, { ref: false }),
      ]);
      if (!ended) child.kill('SIGKILL');
      await exited;
    },
  };
}
