import { createLookUps } from '../look-ups';
import { RefusedError } from './failure';
import type { Call, Graph } from './request.client';

export interface DirectoryUser {
  /** Object id, a GUID. */
  userId: string;
  /** Display name, and mail address or user principal name, for people who read lists. */
  name?: string;
  address?: string;
  /** True for a guest: a person of another organisation. */
  isGuest?: boolean;
  /** The domains of the user's mail and proxy addresses, in lower case. */
  domains?: string[];
}

/** Finds the user behind an address of the mapping file or of an item. */
export interface Directory {
  /**
   * The user with this object id, user principal name, mail or proxy address, in upper or lower case. If several users
   * match, it is the one who receives the address's mail. If none of them does, the result is undefined, because a guess
   * could file a record in a stranger's mailbox. It is also undefined if nobody matches, and without a request if the
   * text is not an address. A look-up that began before `sinceMs` (ms since 1970) does not count.
   */
  find(address: string, sinceMs?: number): Promise<DirectoryUser | undefined>;
}

interface GraphUser {
  id: string;
  displayName?: string | null;
  userPrincipalName?: string | null;
  mail?: string | null;
  proxyAddresses?: string[] | null;
  userType?: string | null;
}

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What Exchange Online accepts: ASCII, up to 64 characters before the @, a domain with a dot that ends in letters. */
const address = /^[!#-'*+\-./0-9=?^-~]{1,64}@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+([a-z]{2,}|xn--[a-z0-9-]+)$/;
/** The longest user principal name; the directory does not compare much longer texts. */
const longestAddress = 113;
const fields = { $select: 'id,displayName,userPrincipalName,mail,proxyAddresses,userType' };

/**
 * A directory that remembers a user for `cacheMs` and an unknown address for `missCacheMs`; concurrent look-ups of one
 * address share one. Throws what `Graph` throws.
 */
export function createDirectory(
  graph: Graph,
  options: { cacheMs: number; missCacheMs?: number; now: () => number; mostEntries?: number },
): Directory {
  const { cacheMs, missCacheMs = cacheMs, now, mostEntries = 50_000 } = options;
  const users = createLookUps(
    async (key: string): Promise<DirectoryUser | undefined> => {
      const user = guid.test(key) ? await byKey(graph, key) : await byAddress(graph, key);
      return user && directoryUser(user);
    },
    { freshForMs: (found) => (found ? cacheMs : missCacheMs), now, mostEntries },
  );

  return {
    async find(text, sinceMs = 0) {
      const key = text.trim().toLowerCase();
      if (!guid.test(key) && (key.length > longestAddress || !address.test(key))) return undefined;
      return users.find(key, sinceMs);
    },
  };
}

function directoryUser(user: GraphUser): DirectoryUser {
  const { id, displayName, userPrincipalName, mail, proxyAddresses, userType } = user;
  const address = mail || userPrincipalName;
  const proxies = (proxyAddresses ?? []).filter((proxy) => /^smtp:/i.test(proxy));
  const domains = [mail ?? '', ...proxies]
    .filter((one) => one.includes('@'))
    .map((one) => one.slice(one.lastIndexOf('@') + 1).toLowerCase());
  return {
    userId: id,
    ...(displayName ? { name: displayName } : {}),
    ...(address ? { address } : {}),
    isGuest: userType === 'Guest',
    domains: [...new Set(domains)],
  };
}

/**
 * Looks up the user principal name first, which is the cheapest. Mail and proxy addresses follow unless the user found
 * so far owns the address in Exchange too, where only one recipient can have it.
 */
async function byAddress(graph: Graph, key: string): Promise<GraphUser | undefined> {
  const found = new Map<string, GraphUser>();
  const add = (users: GraphUser[]) => users.forEach((user) => found.set(user.id, user));
  const owner = () => [...found.values()].find((user) => owns(user, key));

  const named = await byKey(graph, key);
  if (named) add([named]);
  const literal = `'${key.replaceAll("'", "''")}'`;
  if (!owner()) add(await byFilter(graph, `mail eq ${literal}`));
  // The prefix is part of the value: `SMTP:` marks the primary address, `smtp:` any other.
  for (const prefix of ["'smtp:", "'SMTP:"]) {
    if (!owner()) add(await byFilter(graph, `proxyAddresses/any(p:p eq ${prefix}${literal.slice(1)})`));
  }
  return owner() ?? (found.size === 1 ? [...found.values()][0] : undefined);
}

const owns = (user: GraphUser, key: string) =>
  user.proxyAddresses?.some((proxy) => proxy.toLowerCase() === `smtp:${key}`) ?? false;

/** By object id or user principal name. */
async function byKey(graph: Graph, key: string): Promise<GraphUser | undefined> {
  // In a plain path, Graph takes a name that starts with `$` for its query language.
  const path = key.startsWith('$')
    ? `/users('${encodeURIComponent(key.replaceAll("'", "''"))}')`
    : `/users/${encodeURIComponent(key)}`;
  const call: Call = { doing: 'look up user', query: fields };
  try {
    return asUser((await graph.get(path, call)).json);
  } catch (error) {
    // An address need not have the form of a user principal name, so 400 means unknown as well.
    if (error instanceof RefusedError && (error.status === 404 || error.status === 400)) return undefined;
    throw error;
  }
}

async function byFilter(graph: Graph, filter: string): Promise<GraphUser[]> {
  const users = await graph.list('/users', { doing: 'find user', query: { $filter: filter, ...fields } });
  return users.map(asUser).filter((user) => user !== undefined);
}

function asUser(json: unknown): GraphUser | undefined {
  const user = json as GraphUser | undefined;
  return typeof user?.id === 'string' && user.id !== '' ? user : undefined;
}
