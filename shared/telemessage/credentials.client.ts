import { createLookUps } from '../look-ups';

export interface Credentials {
  username: string;
  password: string;
}

export interface CredentialStore {
  /**
   * The user name and password in these Key Vault secrets, remembered after the first read; `fresh` reads them again.
   * Throws an Error that names the secret which could not be read.
   */
  read(names: CredentialNames, options?: { fresh?: boolean }): Promise<Credentials>;
}

export interface CredentialNames {
  usernameSecret: string;
  passwordSecret: string;
}

/** The part of Key Vault's `SecretClient` that is used. */
export interface Vault {
  getSecret(name: string): Promise<{ value?: string | undefined }>;
}

/** Reads TeleMessage accounts from Key Vault. The Azure SDK repeats what a throttled vault refuses. */
export function createCredentialStore(vault: Vault): CredentialStore {
  const secret = async (name: string) => {
    try {
      const { value } = await vault.getSecret(name);
      if (value) return value;
    } catch (cause) {
      const status = (cause as { statusCode?: number }).statusCode ?? 'no answer';
      throw new Error(`Reading the secret "${name}" from Key Vault failed (${status})`, { cause });
    }
    throw new Error(`The secret "${name}" in Key Vault is empty`);
  };
  // A failed read is not remembered: otherwise the app would need a restart to recover.
  const accounts = createLookUps(
    async (key: string): Promise<Credentials> => {
      const { usernameSecret, passwordSecret } = JSON.parse(key) as CredentialNames;
      const [username, password] = await Promise.all([secret(usernameSecret), secret(passwordSecret)]);
      return { username, password };
    },
    // They count until somebody asks for fresh ones, so the time does not matter.
    { freshForMs: () => Infinity, now: () => 0 },
  );

  return {
    read({ usernameSecret, passwordSecret }, { fresh = false } = {}) {
      const key = JSON.stringify({ usernameSecret, passwordSecret } satisfies CredentialNames);
      if (fresh) accounts.forget(key);
      return accounts.find(key, 0);
    },
  };
}
