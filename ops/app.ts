import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { AzureCliCredential, ManagedIdentityCredential, type TokenCredential } from '@azure/identity';
import { readRunningStack } from '../local/running-stack';
import { createDeps, type AppDeps } from '../shared/deps';
import type { Actor } from '../shared/storage/audit';
import { UsageError, type Shell } from './verb';

/** The archive as a verb uses it: its settings, and the app's dependencies under the operator's or the app's sign-in. */

/** Settings, and where they come from. */
export interface Source {
  settings: Record<string, string | undefined>;
  /** For the person: which archive this is. */
  name: string;
}

/**
 * The settings of the archive that a command is about: those of the environment if it names a storage account; else of
 * the local stack of this checkout if it runs; else of `local.settings.json`. A file that is named with `--settings` comes
 * before all of them.
 *
 * @throws UsageError if a file cannot be used
 */
export function findSettings(
  env: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
): Source {
  if (file !== undefined) {
    const values = valuesOf(file);
    if (!values) throw new UsageError(`--settings: there is no file ${file}`);
    return { settings: { ...values, ...env }, name: file };
  }
  const ofFile = valuesOf('local.settings.json');
  if (env['ArchiveStorage'] || env['ArchiveStorage__blobServiceUri'])
    return { settings: { ...ofFile, ...env }, name: 'the environment' };
  const running = readRunningStack();
  if (running) return { settings: { ...running, ...env }, name: 'the local stack of this checkout' };
  return { settings: { ...ofFile, ...env }, name: ofFile ? 'local.settings.json' : 'nowhere' };
}

function valuesOf(file: string): Record<string, string> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  let content: { IsEncrypted?: boolean; Values?: Record<string, string> };
  try {
    content = JSON.parse(text) as typeof content;
  } catch {
    throw new UsageError(`${file} is not JSON`);
  }
  if (content.IsEncrypted)
    throw new UsageError(`${file} is encrypted: run "func settings decrypt" in its folder first`);
  return content.Values ?? {};
}

export interface SignIn {
  asApp: boolean;
  /** Who signs in, for the operator. */
  name: string;
}

/** Who signs in: the app, or the person at the keyboard. */
export function signInOf(settings: Shell['settings'], asApp: boolean): SignIn {
  return asApp || settings['IDENTITY_ENDPOINT']
    ? { asApp: true, name: "the app's managed identity" }
    : { asApp: false, name: 'the person signed in by "az login", whose rights are not those of the app' };
}

/** The app's dependencies; close their `itemReader` at the end. @throws Error that names every wrong setting */
export function openApp(settings: Shell['settings'], asApp: boolean, readWorker?: string): AppDeps {
  return createDeps(settings, {
    ...(signInOf(settings, asApp).asApp ? {} : { signIn: new AzureCliCredential() }),
    ...(readWorker === undefined ? {} : { readWorker }),
  });
}

/**
 * Lets a verb work with the archive.
 *
 * @throws UsageError if no settings name an archive, or nothing answers at a storage address on this machine
 */
export async function withApp(
  { settings, readWorker }: Pick<Shell, 'settings' | 'readWorker'>,
  asApp: boolean,
  work: (deps: AppDeps) => Promise<number>,
): Promise<number> {
  if (!settings['ArchiveStorage'] && !settings['ArchiveStorage__blobServiceUri'])
    throw new UsageError(
      'No settings name an archive. Start the local stack (npm run local), or fetch the settings of a deployed app (docs/operations.md)',
    );
  await expectAnswer(settings['ArchiveStorage'] ?? '');
  const deps = openApp(settings, asApp, readWorker);
  try {
    return await work(deps);
  } finally {
    await deps.itemReader.close();
  }
}

/** The storage clients repeat a refused connection for many seconds, and end with a bare ECONNREFUSED. */
async function expectAnswer(connectionString: string): Promise<void> {
  const endpoint = /BlobEndpoint=(http:\/\/[^;]+)/.exec(connectionString)?.[1];
  const address = /UseDevelopmentStorage=true/i.test(connectionString) ? 'http://127.0.0.1:10000' : endpoint;
  if (address === undefined) return;
  const { hostname: host, port } = new URL(address);
  const answers = await new Promise<boolean>((resolve) => {
    const socket = connect({ host, port: Number(port || 80) });
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
  if (!answers)
    throw new UsageError(
      `Nothing answers at ${host}:${port}, where the settings say that the storage is. Start it (npm run local), or remove a local.settings.json that was left behind`,
    );
}

/** Who acts, by the token that the storage service gets: the trail names whom the service let in. */
export async function actorOf(settings: Shell['settings'], asApp: boolean): Promise<Actor> {
  if (settings['ArchiveStorage']) return { id: null, name: `${userInfo().username} on ${hostname()}` };
  const { asApp: isApp } = signInOf(settings, asApp);
  const clientId = settings['ArchiveStorage__clientId'] ?? settings['AZURE_CLIENT_ID'];
  const credential: TokenCredential = isApp
    ? new ManagedIdentityCredential(clientId ? { clientId } : {})
    : new AzureCliCredential();
  const token = await credential.getToken('https://storage.azure.com/.default');
  const claims = claimsIn(token?.token ?? '');
  const name = claims['upn'] ?? claims['preferred_username'] ?? claims['unique_name'] ?? claims['name'];
  return { id: claims['oid'] ?? null, name: name ?? `application ${claims['appid'] ?? 'without a name'}` };
}

/** The claims of a token that was just received from its issuer: nothing is trusted because of them. */
function claimsIn(token: string): Record<string, string | undefined> {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      string
    >;
  } catch {
    return {};
  }
}
