export interface Credentials {
  username: string;
  password: string;
}

export interface CredentialStore {
  /** The pair of Key Vault secrets, cached; `fresh` reads them again (after a 401, when the password was changed). */
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

/** Reads TeleMessage accounts from Key Vault. The Azure SDK retries a throttled vault by itself. */
export function createCredentialStore(vault: Vault): CredentialStore {
  const cached = new Map<string, Promise<Credentials>>();

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

  return {
    read(names, { fresh = false } = {}) {
      const key = `${names.usernameSecret}/${names.passwordSecret}`;
      const known = cached.get(key);
      if (known && !fresh) return known;
      const read = Promise.all([secret(names.usernameSecret), secret(names.passwordSecret)]).then(
        ([username, password]) => ({ username, password }),
      );
      cached.set(key, read);
      // A failed read must not be remembered, or the app would need a restart to recover.
      read.catch(() => cached.delete(key));
      return read;
    },
  };
}
