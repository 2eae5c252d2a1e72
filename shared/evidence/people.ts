import type { Deps } from '../deps';

/** Names of users for lists that people read. */
export interface People {
  /** `Anna Berg <anna@contoso.example>`, or the id where the directory does not say. */
  name(userId: string): Promise<string>;
}

/** Asks the directory once per user; one that does not answer must not keep a list from being shown. */
export function createPeople({ directory }: Pick<Deps, 'directory'>): People {
  const names = new Map<string, Promise<string>>();
  const ask = async (userId: string) => {
    const found = await directory.find(userId).catch(() => undefined);
    if (!found?.address) return userId;
    return found.name ? `${found.name} <${found.address}>` : found.address;
  };
  return {
    name(userId) {
      const known = names.get(userId) ?? ask(userId);
      names.set(userId, known);
      return known;
    },
  };
}
