import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { settingNames } from '../shared/config';
import { createDeps, type Deps } from '../shared/deps';
import { startAzurite } from './azurite';
import { appBundle, appFolder } from './bundles';
import { startPart, type Part } from './part';
import { provision } from './provision';

export interface StackOptions {
  /** Where storage and mailboxes outlive a restart; in memory alone when absent. */
  dataDir?: string | undefined;
  /** The app to run: a staged folder; this checkout's when absent. */
  appDir?: string | undefined;
  /** App settings on top of the local ones. */
  settings: Record<string, string>;
  /** Fault plans of the simulators, as their control endpoints take them. */
  faults?: { telemessage?: object; exchange?: object } | undefined;
  /** Where the parts' output goes. */
  log?: ((line: string) => void) | undefined;
}

export interface Stack {
  /** Name and address of everything that runs. */
  addresses: Record<string, string>;
  settings: Record<string, string>;
  deps: Deps;
  /** The simulated Exchange, unless another server was named. */
  exchange: string | undefined;
  hostPid: number;
  /** Rejects when a part ends by itself. */
  crashed: Promise<never>;
  close(): Promise<void>;
}

const account = { username: 'archive-reader', password: 'local-password' };
const identityHeader = 'local-identity-header';

/**
 * The settings in which the local stack differs from Azure; there is no other difference. Leases and waits are
 * short, because a laptop's simulators answer in milliseconds and nobody wants to wait for them.
 */
const localSettings = {
  FUNCTIONS_WORKER_RUNTIME: 'node',
  BLOB_TRIGGER_SOURCE: 'LogsAndContainerScan',
  FETCH_SCHEDULE: '0 0 * * * *',
  RECONCILE_SCHEDULE: '*/2 * * * * *',
  FETCH_LAG_MINUTES: '0',
  GRAPH_TIMEOUT_SECONDS: '15',
  LEASE_SECONDS: '30',
  SETTLING_SECONDS: '5',
  REQUEUE_AFTER_SECONDS: '45',
  AzureFunctionsJobHost__extensions__queues__visibilityTimeout: '00:00:01',
};

/** Starts everything on this machine that the app needs, then the functions host with the app. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { log } = options;
  const { TELEMESSAGE_BASE_URL, GRAPH_BASE_URL, KEY_VAULT_URL, IDENTITY_ENDPOINT, IDENTITY_HEADER } =
    process.env;
  const root = options.dataDir;
  const dataDir = (name: string) => (root === undefined ? {} : { dataDir: join(root, name) });
  if (root !== undefined) await mkdir(root, { recursive: true });
  const parts: Part<unknown>[] = [];
  const start = async <Ready>(name: string, script: string, partOptions: object) => {
    const part = await startPart<Ready>(name, script, partOptions, log);
    parts.push(part);
    return part;
  };
  const azurite = await startAzurite(root === undefined ? { inMemory: true } : dataDir('storage'));
  const close = async () => {
    // The host first: it must not see its neighbours vanish.
    for (const part of parts.toReversed()) await part.close();
    await azurite.close();
  };

  try {
    const [identity, telemessage, exchange] = await Promise.all([
      start<IdentityReady>('identity', 'identity', {
        header: identityHeader,
        secrets: {
          'telemessage-username': process.env['TELEMESSAGE_USERNAME'] ?? account.username,
          'telemessage-password': process.env['TELEMESSAGE_PASSWORD'] ?? account.password,
        },
      }),
      TELEMESSAGE_BASE_URL
        ? undefined
        : start<Origin>('telemessage', 'telemessage', { ...account, faults: options.faults?.telemessage }),
      GRAPH_BASE_URL
        ? undefined
        : start<Origin>('exchange', 'exchange', {
            ...dataDir('exchange'),
            faults: options.faults?.exchange,
          }),
      provision(azurite.connectionString),
    ]);
    const given = Object.fromEntries(
      settingNames.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    );
    const settings: Record<string, string> = {
      ...localSettings,
      ...given,
      ...options.settings,
      AzureWebJobsStorage: azurite.connectionString,
      ArchiveStorage: azurite.connectionString,
      TELEMESSAGE_BASE_URL: TELEMESSAGE_BASE_URL ?? telemessage!.ready.origin,
      GRAPH_BASE_URL: GRAPH_BASE_URL ?? exchange!.ready.origin,
      KEY_VAULT_URL: KEY_VAULT_URL ?? identity.ready.vaultUrl,
      IDENTITY_ENDPOINT: IDENTITY_ENDPOINT ?? identity.ready.identityEndpoint,
      IDENTITY_HEADER: IDENTITY_HEADER ?? identityHeader,
    };
    // This process signs in like the app does, to read mailboxes and to count.
    Object.assign(process.env, {
      IDENTITY_ENDPOINT: settings['IDENTITY_ENDPOINT'],
      IDENTITY_HEADER: settings['IDENTITY_HEADER'],
    });
    const deps = createDeps(settings, { parseWorker: appBundle('parse-worker') });
    const host = await start<Origin>('functions', 'host', {
      appDir: options.appDir ?? appFolder,
      settings,
      queueVisibilityMs: 20_000,
      blobPollMs: 500,
    });
    const crashed = Promise.race(parts.map((part) => part.crashed));
    crashed.catch(() => undefined);
    return {
      addresses: {
        'functions host': host.ready.origin,
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
      hostPid: host.pid,
      crashed,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Origin {
  origin: string;
}
interface IdentityReady extends Origin {
  identityEndpoint: string;
  vaultUrl: string;
}
