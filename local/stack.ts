import { vaultKey, vaultKeyName } from '../simulators/identity/vault-key';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig, settingNames } from '../shared/config';
import { createDeps, type AppDeps } from '../shared/deps';
import { startAzurite } from './azurite';
import { appBundle, appFolder } from './bundles';
import { startPart, type Part } from './part';
import { provision } from './provision';

/** The parts that can have a fixed port. */
export const portNames = [
  'functions',
  'telemessage',
  'exchange',
  'identity',
  'blob',
  'queue',
  'table',
] as const;
export type PortName = (typeof portNames)[number];

export interface StackOptions {
  /** Keeps storage and mailboxes in this folder; if absent, in memory. */
  dataDir?: string | undefined;
  /** The folder of the app to run, such as a staged one; if absent, this checkout. */
  appDir?: string | undefined;
  /** App settings that override the local ones. */
  settings: Record<string, string>;
  /** Starts no functions host; use `startHost` or `func start`. */
  withoutHost?: boolean | undefined;
  /** Fault plans of the simulators, as their control endpoints accept them. */
  faults?: { telemessage?: object; exchange?: object } | undefined;
  /** The site serves hostile lines among those of the sample days. */
  hostile?: boolean | undefined;
  /** Fixed ports; the other parts get free ones. */
  ports?: Partial<Record<PortName, number>>;
  /** Receives the output of the parts. */
  log?: ((line: string) => void) | undefined;
}

export interface Stack {
  /** Address of everything that runs, by name. */
  addresses: Record<string, string>;
  settings: Record<string, string>;
  deps: AppDeps;
  /** Origin of the simulated Exchange; undefined if the environment names another server. */
  exchange: string | undefined;
  /** Origin of the simulated TeleMessage site; undefined if the environment names another server. */
  telemessage: string | undefined;
  /** Starts another functions host on the same stores. `close` stops it, but `crashed` does not watch it. */
  startHost(name: string): Promise<Part<HostReady>>;
  /** The last lines of the functions host's output. */
  hostTail(): string[];
  /** Rejects if a part ends by itself. */
  crashed: Promise<never>;
  close(): Promise<void>;
}

const account = { username: 'archive-reader', password: 'local-password' };
const identityHeader = 'local-identity-header';
const hostName = 'functions';

/**
 * The settings by which the local stack differs from Azure; there is no other difference. Leases and delays are short,
 * because the simulators answer in milliseconds.
 */
const localSettings = {
  FUNCTIONS_WORKER_RUNTIME: 'node',
  DECRYPTION_KEY: vaultKeyName,
  BLOB_TRIGGER_SOURCE: 'LogsAndContainerScan',
  FETCH_SCHEDULE: '0 0 * * * *',
  RECONCILE_SCHEDULE: '*/2 * * * * *',
  FETCH_LAG_MINUTES: '0',
  GRAPH_TIMEOUT_SECONDS: '10',
  LEASE_SECONDS: '20',
  SETTLING_SECONDS: '5',
  REQUEUE_AFTER_SECONDS: '45',
  AzureFunctionsJobHost__extensions__queues__visibilityTimeout: '00:00:01',
};

/** Placeholders for addresses that are known only when the parts run, so that the other settings can be checked first. */
const unknownAddresses = {
  ArchiveStorage: 'not started yet',
  TELEMESSAGE_BASE_URL: 'http://127.0.0.1',
  GRAPH_BASE_URL: 'http://127.0.0.1',
  KEY_VAULT_URL: 'http://127.0.0.1',
};

/**
 * Starts everything that the app needs on this machine, then the functions host with the app. If the environment names a
 * server, its simulator is not started.
 *
 * @throws Error that names every wrong setting, or the part that did not start
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { log } = options;
  const { TELEMESSAGE_BASE_URL, GRAPH_BASE_URL, KEY_VAULT_URL, IDENTITY_ENDPOINT, IDENTITY_HEADER } =
    process.env;
  const given = Object.fromEntries(
    settingNames.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
  const chosen = { ...localSettings, ...given, ...options.settings };
  loadConfig({ ...unknownAddresses, ...chosen });

  const root = options.dataDir;
  const dataDir = (name: string) => (root === undefined ? {} : { dataDir: join(root, name) });
  if (root !== undefined) await mkdir(root, { recursive: true });
  const parts: Part<unknown>[] = [];
  const start = async <Ready>(name: string, script: string, partOptions: object) => {
    const port = portNames.find((known) => known === name && options.ports?.[known] !== undefined);
    const withPort = port ? { ...partOptions, port: options.ports?.[port] } : partOptions;
    const part = await startPart<Ready>(name, script, withPort, log);
    parts.push(part);
    return part;
  };
  const { blob = 0, queue = 0, table = 0 } = options.ports ?? {};
  const azurite = await startAzurite({
    ...(root === undefined ? { inMemory: true } : dataDir('storage')),
    ports: { blob, queue, table },
  });
  const before = { IDENTITY_ENDPOINT, IDENTITY_HEADER };
  const close = async () => {
    // Stop the hosts first, or they report errors about servers that are gone.
    const isHost = ({ name }: Part<unknown>) => name.startsWith(hostName);
    await Promise.all(parts.filter(isHost).map((part) => part.close()));
    await Promise.all(parts.map((part) => part.close()));
    await azurite.close();
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  };

  try {
    const secrets = {
      username: process.env['TELEMESSAGE_USERNAME'] ?? account.username,
      password: process.env['TELEMESSAGE_PASSWORD'] ?? account.password,
    };
    const [identity, telemessage, exchange] = await allStarted([
      IDENTITY_ENDPOINT && KEY_VAULT_URL
        ? undefined
        : start<IdentityReady>('identity', 'identity', {
            header: identityHeader,
            keys: { [vaultKeyName]: [vaultKey] },
            secrets: {
              'telemessage-username': secrets.username,
              'telemessage-password': secrets.password,
            },
          }),
      TELEMESSAGE_BASE_URL
        ? undefined
        : start<Origin>('telemessage', 'telemessage', {
            ...secrets,
            faults: options.faults?.telemessage,
            hostile: options.hostile,
          }),
      GRAPH_BASE_URL
        ? undefined
        : start<Origin>('exchange', 'exchange', {
            ...dataDir('exchange'),
            faults: options.faults?.exchange,
          }),
      provision(azurite.connectionString),
    ]);
    const signIn: Record<string, string> = IDENTITY_ENDPOINT
      ? { IDENTITY_ENDPOINT, IDENTITY_HEADER: IDENTITY_HEADER ?? '' }
      : { IDENTITY_ENDPOINT: identity!.ready.identityEndpoint, IDENTITY_HEADER: identityHeader };
    const settings: Record<string, string> = {
      ...chosen,
      AzureWebJobsStorage: azurite.connectionString,
      ArchiveStorage: azurite.connectionString,
      TELEMESSAGE_BASE_URL: TELEMESSAGE_BASE_URL || telemessage!.ready.origin,
      GRAPH_BASE_URL: GRAPH_BASE_URL || exchange!.ready.origin,
      KEY_VAULT_URL: KEY_VAULT_URL || identity!.ready.vaultUrl,
      ...signIn,
    };
    // This process signs in like the app, to read mailboxes and counters.
    Object.assign(process.env, signIn);
    const deps = createDeps(settings, { readWorker: appBundle('read-worker') });
    const startHost = async (name: string) => {
      const host = await start<HostReady>(name, 'host', {
        appDir: options.appDir ?? appFolder,
        settings,
        queueVisibilityMs: 10_000,
        blobPollMs: 500,
      });
      // As in Azure, the host keeps running with an app that it cannot load. Fail here, or the caller waits for
      // work that never starts.
      const problems = host.ready.refused.map((one) => `${one.name}: ${one.reason}`);
      if (host.ready.functions.length === 0 || problems.length > 0)
        throw new Error(['The app did not load.', ...problems, ...host.tail()].join('\n'));
      return host;
    };
    const host = options.withoutHost ? undefined : await startHost(hostName);
    const crashed = Promise.race([...parts.map((part) => part.crashed), azurite.crashed]);
    crashed.catch(() => undefined);
    return {
      addresses: {
        ...(host ? { 'functions host': host.ready.origin } : {}),
        'TeleMessage site': settings['TELEMESSAGE_BASE_URL']!,
        'Microsoft Graph': settings['GRAPH_BASE_URL']!,
        'Key Vault': settings['KEY_VAULT_URL']!,
        'managed identity': settings['IDENTITY_ENDPOINT']!,
        'blob storage': azurite.blobUrl,
        'queue storage': azurite.queueUrl,
        'table storage': azurite.tableUrl,
      },
      settings,
      deps,
      exchange: exchange?.ready.origin,
      telemessage: telemessage?.ready.origin,
      startHost,
      hostTail: () => host?.tail() ?? [],
      crashed,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Settles when all starts have: otherwise, after a failure, a part that is still starting could not be stopped. */
async function allStarted<T extends readonly unknown[]>(starts: readonly [...T]) {
  for (const result of await Promise.allSettled(starts))
    if (result.status === 'rejected') throw result.reason;
  return Promise.all(starts);
}

interface Origin {
  origin: string;
}
interface IdentityReady extends Origin {
  identityEndpoint: string;
  vaultUrl: string;
}
export interface HostReady extends Origin {
  functions: { name: string; disabled: boolean }[];
  refused: { name: string; reason: string }[];
}
