import { createRequire, Module } from 'node:module';
import { Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { claimFolder } from '../simulators/folder-claim';

/**
 * One service of Azurite as a process of its own: `azurite.js SERVICE DATA_DIR|- ARGUMENTS…`. Around Azurite's own
 * program it adds what a store needs to be trusted: one process per folder, writes on disk soon, an orderly end
 * when the parent dies.
 */

/** Azurite writes its tables of contents every five seconds; whatever it accepted since is lost by a SIGKILL. */
const saveMs = 2_000;

const requireAzurite = createRequire(join(process.cwd(), 'package.json'));

function saveSoon() {
  const loki = requireAzurite('lokijs') as {
    prototype: { configureOptions(options: object, ...rest: unknown[]): void };
  };
  const configure = loki.prototype.configureOptions;
  loki.prototype.configureOptions = function (options, ...rest) {
    configure.call(
      this,
      options && 'autosave' in options ? { ...options, autosaveInterval: saveMs } : options,
      ...rest,
    );
  };
}

/**
 * Loading the telemetry takes three quarters of a service's start (1.0 of 1.35 CPU seconds, azurite 3.37.0), although
 * `--disableTelemetry` keeps it from ever being called.
 */
function skipTelemetry() {
  const { resolve } = createRequire(requireAzurite.resolve('azurite/package.json'));
  const path = resolve('applicationinsights');
  requireAzurite.cache[path] = Object.assign(new Module(path), { loaded: true });
}

/** The table service prints the port it was asked for, not the free one that it got. */
function reportOrigin() {
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    this.once('listening', () => {
      const { address, port } = this.address() as AddressInfo;
      process.send?.({ origin: `http://${address}:${port}` });
    });
    return listen.apply(this, args as Parameters<typeof listen>);
  } as typeof listen;
}

/** Azurite's timers would keep the process for seconds after its last write; this line is its only sign of that. */
function exitWhenClosed() {
  console.log = (line: unknown) => {
    if (String(line).endsWith('successfully closed')) process.exit(0);
  };
}

async function main() {
  const [service = '', dataDir = '-', ...args] = process.argv.slice(2);
  process.on('disconnect', () => {
    process.emit('message', 'shutdown', undefined);
    // Whatever hangs must not keep the process of a dead stack.
    setTimeout(() => process.exit(0), 3_000).unref();
  });
  // Ctrl-C is the stack's to handle: the host must still find its queues while it stops.
  if (dataDir !== '-') {
    await claimFolder(join(dataDir, `azurite-${service}.pid`));
    saveSoon();
  }
  skipTelemetry();
  reportOrigin();
  exitWhenClosed();
  process.argv = [process.argv[0] ?? 'node', `azurite-${service}`, ...args];
  requireAzurite(`azurite/dist/src/${service}/main.js`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
