import { createHash, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { serveAdmin } from './admin';
import { readHostJson } from './host-json';
import { serveHttpTriggers } from './http-trigger';
import { indexFunctions } from './indexing';
import type { IndexedFunction, RefusedFunction } from './indexing';
import { createInvocations } from './invocations';
import type { Invocation } from './invocations';
import type { Keys } from './keys';
import { startListeners } from './listeners';
import { createLog, describe } from './log';
import { startWorker } from './worker-process';
import type { Worker } from './worker-process';

/** A small Azure Functions host: it loads a staged app folder and drives its triggers. */

const hostVersion = '4.1049.0';
/** How long the work in hand may go on once the host is told to stop. */
const drainMs = 5_000;

export interface HostOptions {
  /** Folder with host.json, package.json and the bundle that its `main` names. */
  appDir: string;
  /** App settings: the environment of the app, and what the host finds its connections by. */
  settings: Record<string, string>;
  /** A free port when absent. */
  port?: number;
  /** Between two scans of a container; the real host takes about ten seconds. */
  blobPollMs?: number;
  /** Longest pause between two looks into an empty queue; `maxPollingInterval` of host.json when absent. */
  queuePollMs?: number;
  /** How long a message in hand stays invisible, renewed at half of it; ten minutes as on the real host. */
  queueVisibilityMs?: number;
  /** When given, HTTP functions, webhook and administration ask for them; when absent nothing does. */
  keys?: Keys;
  /** One line each; standard output when absent. */
  log?: (line: string) => void;
}

export interface HostEvents {
  invocation: [Invocation];
  /** A message was given up; the name is the poison queue's. */
  poison: [string];
  workerExit: [{ code: number | null; signal: NodeJS.Signals | null }];
  /** The host gave up: it triggers nothing any more. */
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

/** Receipts, timers and locks are kept under it: the same app must find its own again after a restart. */
function hostIdOf({ appDir, settings }: HostOptions): string {
  const named = settings['AzureFunctionsWebHost__hostid'] ?? settings['WEBSITE_SITE_NAME'];
  if (named) return named.toLowerCase().slice(0, 32).replace(/-+$/, '');
  let name = 'functions';
  try {
    name = (JSON.parse(readFileSync(join(appDir, 'package.json'), 'utf8')) as { name?: string }).name ?? name;
  } catch {
    // An app without package.json loads too, without functions.
  }
  return `local-${createHash('sha256').update(name).digest('hex').slice(0, 20)}`;
}

/** Throws when the app does not load. An app without functions loads, as on the real host. */
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
    onSent: (queueName) => listeners.poke(queueName),
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
      'No job functions found: the app registered none. See the lines of the worker above.',
    );
  }

  const listeners = startListeners({
    options,
    hostJson,
    hostId,
    indexed,
    invoke: invocations.invoke,
    log,
    events,
  });
  const admin = serveAdmin({
    origin: () => origin,
    hostId,
    hostVersion,
    keys: options.keys,
    functions,
    errors,
    routePrefix: hostJson.routePrefix,
    start: (one: IndexedFunction, input) =>
      // Its failure is logged with the invocation; the caller asked for a start alone.
      void listeners.runNow(one, input).catch(() => {}),
  });
  const http = serveHttpTriggers({
    functions,
    routePrefix: hostJson.routePrefix,
    keys: options.keys,
    invoke: invocations.invoke,
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
      log('error', 'host', `${request.method} ${url.pathname}: ${describe(error)}`);
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
    // What still runs fails with the worker, and its message becomes visible again.
    await worker?.stop();
    // A store that is gone already keeps its callers waiting: their messages come again by themselves.
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

export const newKeys = (): Keys => ({
  master: randomUUID(),
  function: randomUUID(),
  blobsExtension: randomUUID(),
});
