import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { bundle } from './bundles';

/** Azure Storage's emulator for the local stack and the tests, one process per service. */

export interface AzuriteOptions {
  /** Folder of the data; if absent, a temporary one that is removed at the end. */
  dataDir?: string;
  /** Keeps everything in memory: fast, and lost with the process. */
  inMemory?: boolean;
  /** Names of its storage accounts, all with the published key; if absent, only the usual one. */
  accounts?: string[];
  /** If absent, free ports. */
  ports?: { blob: number; queue: number; table: number };
}

export interface Azurite {
  connectionString: string;
  blobUrl: string;
  queueUrl: string;
  tableUrl: string;
  /** Rejects if a service ends by itself. */
  crashed: Promise<never>;
  /** Resolves when the data is on disk. */
  close(): Promise<void>;
  /** SIGKILL: what is not on disk yet is lost. */
  kill(): Promise<void>;
}

/** Azurite's published account, valid only for emulators. */
const account = 'devstoreaccount1';
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const services = ['blob', 'queue', 'table'] as const;
const startTimeoutMs = 60_000;
const closeTimeoutMs = 8_000;

interface Service {
  name: string;
  child: ChildProcess;
  origin: Promise<string>;
  exited: Promise<void>;
}

function startService(
  service: (typeof services)[number],
  location: string,
  options: AzuriteOptions,
): Service {
  const args = [
    service,
    options.inMemory ? '-' : location,
    `--${service}Host`,
    '127.0.0.1',
    `--${service}Port`,
    String(options.ports?.[service] ?? 0),
    '--skipApiVersionCheck',
    '--disableTelemetry',
    '--silent',
    ...(options.inMemory ? ['--inMemoryPersistence'] : ['--location', location]),
  ];
  // Its own process group: Ctrl-C, or a SIGKILL to the stack's group, does not reach the store. The host needs it while
  // it stops; then the store sees its channel close, saves its state and ends.
  const child = fork(bundle('azurite'), args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    env: {
      ...process.env,
      ...(options.accounts
        ? { AZURITE_ACCOUNTS: options.accounts.map((name) => `${name}:${accountKey}`).join(';') }
        : {}),
    },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const errors: string[] = [];
  if (child.stderr) createInterface(child.stderr).on('line', (line) => errors.push(line));
  const origin = new Promise<string>((resolve, reject) => {
    child.once('message', (message: { origin: string }) => resolve(message.origin));
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`Azurite ${service} ended (${code}): ${errors.join(' ')}`)),
    );
  });
  origin.catch(() => {});
  return { name: service, child, origin, exited };
}

export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const location = options.dataDir ?? mkdtempSync(join(tmpdir(), 'azurite-'));
  mkdirSync(location, { recursive: true });
  const parts = services.map((service) => startService(service, location, options));

  let closing = false;
  const crashed = Promise.race(
    parts.map(async ({ name, child, exited }): Promise<never> => {
      await exited;
      if (closing) return new Promise(() => undefined);
      throw new Error(`azurite ${name} ended by itself (${child.exitCode ?? child.signalCode})`);
    }),
  );
  crashed.catch(() => undefined);

  async function end(how: (child: ChildProcess) => void) {
    closing = true;
    await Promise.all(
      parts.map(async ({ child, exited }) => {
        if (child.exitCode === null && child.signalCode === null) how(child);
        await Promise.race([exited, delay(closeTimeoutMs, undefined, { ref: false })]);
        child.kill('SIGKILL');
        await exited;
      }),
    );
    if (options.dataDir === undefined) rmSync(location, { recursive: true, force: true });
  }
  const kill = () => end((child) => child.kill('SIGKILL'));

  let origins: string[];
  try {
    origins = await Promise.race([
      Promise.all(parts.map(({ origin }) => origin)),
      delay(startTimeoutMs, undefined, { ref: false }).then(() => {
        throw new Error('Azurite did not start in time');
      }),
    ]);
  } catch (error) {
    await kill();
    throw error;
  }
  const [blobUrl = '', queueUrl = '', tableUrl = ''] = origins.map((origin) => `${origin}/${account}`);
  return {
    connectionString: [
      'DefaultEndpointsProtocol=http',
      `AccountName=${account}`,
      `AccountKey=${accountKey}`,
      `BlobEndpoint=${blobUrl}`,
      `QueueEndpoint=${queueUrl}`,
      `TableEndpoint=${tableUrl}`,
    ].join(';'),
    blobUrl,
    queueUrl,
    tableUrl,
    crashed,
    close: () => (options.inMemory ? kill() : end((child) => child.disconnect())),
    kill,
  };
}
