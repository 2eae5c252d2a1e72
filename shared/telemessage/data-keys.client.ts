import type { TokenCredential } from '@azure/identity';
import { CryptographyClient, KeyClient, type KeyClientOptions } from '@azure/keyvault-keys';
import { DeploymentError, PermanentError, PutOffError } from '../errors';
import { createLookUps } from '../look-ups';
import type { Opening, SealedKey } from './sealed';

export interface DataKeys {
  /**
   * Unwraps the data key of an item in the vault; the private key never leaves it.
   *
   * @throws PermanentError `encrypted` when the vault has no key that fits
   * @throws DeploymentError when the app may not use the key
   * @throws PutOffError when the vault gives no answer
   */
  open(sealed: SealedKey): Promise<Opening>;
  /** Ids of the key's versions, newest first. @throws as `open` */
  versions(): Promise<string[]>;
}

const algorithm = 'RSA1_5';
const dataKeyLength = 32;
/** A conversation shares data keys, and each unwrapping is a request. */
const maxCached = 500;
const maxVersions = 100;
const versionsFreshMs = 10 * 60_000;
const vaultDelayMs = 60_000;
const mayNotList = new Set([403, 404, 405]);

/** Opens items with the RSA key `name` of the vault, in whatever version fits. */
export function createDataKeys({
  vaultUrl,
  name,
  credential,
  now,
  ...options
}: {
  vaultUrl: string;
  name: string;
  credential: TokenCredential;
  now: () => number;
} & KeyClientOptions): DataKeys {
  const keys = new KeyClient(vaultUrl, credential, options);
  const clients = new Map<string, CryptographyClient>();
  /** The version that opened the last item of a key id. */
  const fitting = new Map<string, string>();
  const listings = createLookUps(
    async (_name: string): Promise<string[]> => {
      try {
        return await listed();
      } catch (error) {
        throw error instanceof PermanentError ? error : failureOf(error, name);
      }
    },
    { freshForMs: () => versionsFreshMs, now },
  );
  const versions = () => listings.find(name, 0);

  async function listed(): Promise<string[]> {
    const found: { id: string; createdOn: number }[] = [];
    try {
      for await (const { id, createdOn, enabled } of keys.listPropertiesOfKeyVersions(name))
        if (id !== undefined && enabled !== false && found.length < maxVersions)
          found.push({ id, createdOn: createdOn?.getTime() ?? 0 });
    } catch (error) {
      // An access policy may let the app use the key and not list its versions.
      if (!mayNotList.has((error as { statusCode?: number }).statusCode ?? 0)) throw error;
    }
    if (found.length > 0) return found.toSorted((a, b) => b.createdOn - a.createdOn).map(({ id }) => id);
    const { id } = await keys.getKey(name);
    if (id === undefined) throw noKey(name);
    return [id];
  }

  async function unwrap(id: string, wrapped: Uint8Array): Promise<Uint8Array | undefined> {
    const client = clients.get(id) ?? new CryptographyClient(id, credential, options);
    clients.set(id, client);
    try {
      const { result } = await client.unwrapKey(algorithm, wrapped);
      return result.length === dataKeyLength ? result : undefined;
    } catch (error) {
      const { statusCode } = error as { statusCode?: number };
      // The version does not fit, or was removed; another one may fit.
      if (statusCode === 400 || statusCode === 404) return undefined;
      throw failureOf(error, name);
    }
  }

  async function openAnew(key: string): Promise<Opening> {
    const { wrapped, keyId } = JSON.parse(key) as { wrapped: string; keyId: string };
    const ids = await versions();
    const last = fitting.get(keyId);
    for (const id of last === undefined ? ids : [last, ...ids.filter((one) => one !== last)]) {
      const dataKey = await unwrap(id, Buffer.from(wrapped, 'base64'));
      if (!dataKey) continue;
      if (fitting.size >= maxCached) fitting.clear();
      fitting.set(keyId, id);
      return { dataKey, openedWith: `${name}/${id.slice(id.lastIndexOf('/') + 1)}` };
    }
    throw new PermanentError('encrypted', `No version of the key "${name}" opens the item`);
  }

  // What a key once opened it opens for good.
  const openings = createLookUps(openAnew, { freshForMs: () => Infinity, now, mostEntries: maxCached });

  return {
    versions,
    open: ({ wrapped, keyId }) =>
      openings.find(JSON.stringify({ wrapped: Buffer.from(wrapped).toString('base64'), keyId }), 0),
  };
}

const noKey = (name: string) => new PermanentError('encrypted', `The vault has no key "${name}"`);

function failureOf(error: unknown, name: string): Error {
  const { statusCode } = error as { statusCode?: number };
  if (statusCode === 404) return noKey(name);
  if (statusCode === 401 || statusCode === 403)
    return new DeploymentError(`Key Vault refuses the use of the key "${name}" (${statusCode})`, undefined, {
      cause: error,
    });
  return new PutOffError(vaultDelayMs, `Key Vault gave no answer (${statusCode ?? 'no connection'})`, {
    cause: error,
  });
}
