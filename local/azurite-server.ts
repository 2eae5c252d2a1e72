import { createRequire, Module } from 'node:module';
import { Server, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { claimFolder } from '../simulators/folder-claim';

/**
 * Runs one service of Azurite as a process: `azurite.js SERVICE DATA_DIR|- ARGUMENTS…`. It adds what Azurite lacks as a
 * reliable store: one process per folder, early writes to disk, and an orderly end if the parent process dies.
 */

/** Azurite writes its indexes only every five seconds; a SIGKILL loses everything that it accepted since. */
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
 * with `--disableTelemetry` nothing calls it.
 */
function skipTelemetry() {
  const { resolve } = createRequire(requireAzurite.resolve('azurite/package.json'));
  const path = resolve('applicationinsights');
  requireAzurite.cache[path] = Object.assign(new Module(path), { loaded: true });
}

/** Azurite's table service prints the requested port (0), not the free port that it got. */
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

/** Azurite's timers keep the process alive for seconds after its last write; only this log line shows that it is done. */
function exitWhenClosed() {
  console.log = (line: unknown) => {
    if (String(line).endsWith('successfully closed')) process.exit(0);
  };
}

async function main() {
  const [service = '', dataDir = '-', ...args] = process.argv.slice(2);
  process.on('disconnect', () => {
    process.emit('message', 'shutdown', undefined);
    // If the shutdown hangs, end anyway: the stack is gone.
    setTimeout(() => process.exit(0), 3_000).unref();
  });
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
