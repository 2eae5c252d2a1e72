import { mkdtempSync, readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAzurite, type Azurite } from '../../local/azurite';
import { provision } from '../../local/provision';
import { openAccount, type Account } from '../../shared/storage/account.client';

/**
 * One Azurite for the whole run of the tests, because starting one takes longer than most files of tests. Its storage
 * accounts keep the tests apart: each is used once.
 */

/** Far more than a run uses; Azurite has to know them from the start. */
const accountCount = 1000;
const usualAccount = 'devstoreaccount1';

type Addresses = Pick<Azurite, 'connectionString' | 'blobUrl' | 'queueUrl' | 'tableUrl'>;

interface Shared extends Addresses {
  /** The folder with a file for each account that is still free. */
  free: string;
}

export interface Store extends Addresses {
  account: Account;
}

/** For the set-up of the run; gives what ends it. */
export async function startSharedAzurite(): Promise<() => Promise<void>> {
  const free = mkdtempSync(join(tmpdir(), 'free-accounts-'));
  const names = Array.from({ length: accountCount }, (_, number) => `tests${number}`);
  for (const name of names) writeFileSync(join(free, name), '');
  const azurite = await startAzurite({ inMemory: true, accounts: names });
  const { connectionString, blobUrl, queueUrl, tableUrl } = azurite;
  const shared: Shared = { connectionString, blobUrl, queueUrl, tableUrl, free };
  process.env['TEST_STORE'] = JSON.stringify(shared);
  return async () => {
    await azurite.close();
    rmSync(free, { recursive: true, force: true });
  };
}

/** An empty storage account that no other test uses. */
export function openStore(): Store {
  const { free, ...shared } = JSON.parse(process.env['TEST_STORE']!) as Shared;
  const name = readdirSync(free).find((one) => take(join(free, one)));
  if (name === undefined) throw new Error('No account is left: the tests need more of them');
  const addresses = JSON.parse(JSON.stringify(shared).replaceAll(usualAccount, name)) as Addresses;
  const endpoints = { blobUrl: undefined, queueUrl: undefined, tableUrl: undefined };
  const { connectionString } = addresses;
  const noCredential = { getToken: () => Promise.resolve(null) };
  return { ...addresses, account: openAccount({ connectionString, ...endpoints }, noCredential) };
}

/** For a test file: a store with the containers, queues and tables that infra/ creates. */
export function useStore(): Store {
  const store = openStore();
  beforeAll(() => provision(store.connectionString));
  return store;
}

/** False when another worker was quicker. */
function take(file: string): boolean {
  try {
    unlinkSync(file);
    return true;
  } catch {
    return false;
  }
}
