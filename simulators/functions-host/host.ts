import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { serveAdmin } from './admin';
import { readHostJson } from './host-json';
import { serveHttpTriggers } from './http-trigger';
import { indexFunctions, type IndexedFunction, type RefusedFunction } from './indexing';
import { createInvocations, type Invocation } from './invocations';
import type { Keys } from './keys';
import { startListeners, type PollingOptions } from './listeners';
import { createLog, messageOf } from './log';
import type { Run } from './rpc';
import { startWorker, type Worker } from './worker-process';

/** A small Azure Functions host: it loads the folder of a staged app and runs its triggers. */

const hostVersion = '4.1049.0';
/** How long the work in hand may continue after the host is told to stop. */
const drainMs = 5_000;

export interface HostOptions extends PollingOptions {
  /** The folder with host.json, package.json and the bundle that its `main` names. */
  appDir: string;
  /** App settings: the app's environment, in which the host finds its connections too. */
  settings: Record<string, string>;
  /** A free port by default. */
  port?: number;
  /** Keys that HTTP functions, the webhook and the administration API require; without them, everything is open. */
  keys?: Keys;
  /** Takes one line at a time; by default standard output. */
  log?: (line: string) => void;
}

export interface HostEvents {
  invocation: [Invocation];
  /** A message was moved to the poison queue of this name. */
  poison: [string];
  workerExit: [{ code: number | null; signal: NodeJS.Signals | null }];
  /** The host gave up and runs no more triggers. */
  stopped: [string];
}

export interface Host {
  origin: string;
  functions: { name: string; disabled: boolean }[];
  refused: RefusedFunction[];
  events: EventEmitter<HostEvents>;
  /** Finishes the work in hand, runs `appTerminate` hooks, stops the worker. */
  close(): Promise<void>;
  /** SIGKILL to the worker; the host starts another. */
  kill(): void;
}

/** The name for receipts, timers and locks in storage. It must be the same after a restart, or they are lost. */
function hostIdOf({ appDir, settings }: HostOptions): string {
  const named = settings['AzureFunctionsWebHost__hostid'] ?? settings['WEBSITE_SITE_NAME'];
  if (named) return named.toLowerCase().slice(0, 32).replace(/-+$/, '');
  let name = 'functions';
  try {
    name = (JSON.parse(readFileSync(join(appDir, 'package.json'), 'utf8')) as { name?: string }).name ?? name;
  } catch {
    // An app without package.json loads, without functions.
  }
  return `local-${createHash('sha256').update(name).digest('hex').slice(0, 20)}`;
}

/** Throws if the app does not load. As on the real host, an app without functions does load. */
export async function startHost(options: HostOptions): Promise<Host> {
  const hostJson = readHostJson(options.appDir, options.settings);
  const log = createLog(options.log ?? ((line) => process.stdout.write(`${line}\n`)), hostJson.logLevels);
  const events = new EventEmitter<HostEvents>();
  const hostId = hostIdOf(options);

  let worker: Worker | undefined;
  const invocations = createInvocations({
    worker: () => {
      if (!worker) throw new Error('The worker is not started');
      return worker;
    },
    timeoutMs: hostJson.functionTimeoutMs,
    base64: hostJson.queues.base64,
    log,
    onEnd: (invocation) => events.emit('invocation', invocation),
    onSent: (queueName) => listeners.notify(queueName),
  });

  const routes: { serve: Parameters<typeof createServer>[1] } = { serve: undefined };
  const server = createServer((request, response) => routes.serve?.(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  let gaveUp: string | undefined;
  let indexed: ReturnType<typeof indexFunctions>;
  try {
    worker = await startWorker({
      appDir: options.appDir,
      hostVersion,
      environment: {
        AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
        FUNCTIONS_WORKER_RUNTIME: 'node',
        WEBSITE_HOSTNAME: new URL(origin).host,
        ...options.settings,
      },
      log,
      onLog: invocations.onWorkerLog,
      onExit: (exit) => events.emit('workerExit', exit),
      onGiveUp(reason) {
        gaveUp = reason;
        log('critical', 'host', reason);
        void listeners.stop().then(() => events.emit('stopped', reason));
      },
    });
    indexed = indexFunctions(worker.functions, options.settings, hostJson);
  } catch (error) {
    await worker?.stop();
    server.close();
    throw error;
  }
  const { functions, refused } = indexed;
  const errors = refused.map(({ name, reason }) => `The '${name}' function is in error: ${reason}`);
  for (const error of errors) log('error', 'host', error);
  if (worker.functions.length === 0) {
    log(
      'error',
      'host',
      'No job functions found: the app registered no function. See the lines of the worker above.',
    );
  }

  const listeners = startListeners({
    options,
    hostJson,
    hostId,
    keys: options.keys,
    indexed,
    invoke: invocations.invoke,
    log,
    onPoison: (queueName) => events.emit('poison', queueName),
  });
  const admin = serveAdmin({
    origin: () => origin,
    hostId,
    hostVersion,
    keys: options.keys,
    functions,
    errors,
    routePrefix: hostJson.routePrefix,
    start: (indexed: IndexedFunction, input) =>
      // The invocation logs a failure; the caller only asked for a start.
      void listeners.runNow(indexed, input).catch(() => {}),
  });
  const http = serveHttpTriggers({
    functions: functions.flatMap((indexed) => {
      const { trigger, disabled } = indexed;
      const run: Run = (...input) => invocations.invoke(indexed, ...input);
      return trigger.kind === 'http' ? [{ disabled, trigger, run }] : [];
    }),
    routePrefix: hostJson.routePrefix,
    keys: options.keys,
    streamOrigin: () => worker?.capabilities()['HttpUri'],
  });
  routes.serve = (request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? new URL(origin).host}`);
    const path = url.pathname.toLowerCase();
    const serve = path.startsWith('/admin/')
      ? admin
      : path === '/runtime/webhooks/blobs'
        ? listeners.webhook
        : http;
    if (path === '/') return void response.writeHead(200, { 'content-type': 'text/plain' }).end('Running\n');
    serve(request, response, url).catch((error: unknown) => {
      log('error', 'host', `${request.method} ${url.pathname}: ${messageOf(error)}`);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  };

  let closing: Promise<void> | undefined;
  async function close() {
    server.close();
    const stopped = gaveUp === undefined ? listeners.stop() : Promise.resolve();
    const idle = async () => {
      while (invocations.running() > 0) await delay(20);
    };
    await Promise.race([Promise.all([stopped, idle()]), delay(drainMs, undefined, { ref: false })]);
    // An invocation that still runs fails with the worker, and its message becomes visible again.
    await worker?.stop();
    // If the storage has already stopped, its callers wait in vain. Their messages become visible again.
    await Promise.race([stopped, delay(drainMs, undefined, { ref: false })]);
    server.closeAllConnections();
  }

  return {
    origin,
    functions: functions.map(({ name, disabled }) => ({ name, disabled })),
    refused,
    events,
    close: () => (closing ??= close()),
    kill: () => worker?.kill(),
  };
}
