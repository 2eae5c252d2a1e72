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
const domainsCacheMs = 60 * 60_000;
/** The directory takes 15 conditions in one filter; an address needs four of them. */
const addressesPerRequest = 3;

/**
 * A directory that remembers a user for `cacheMs` and an unknown address for `missCacheMs`; concurrent look-ups of one
 * address share one, and those that begin together share requests. An address of a domain that the tenant does not have
 * costs none, if the tenant lets the app read its domains. Throws what `Graph` throws.
 */
export function createDirectory(
  graph: Graph,
  options: { cacheMs: number; missCacheMs?: number; now: () => number; mostEntries?: number },
): Directory {
  const { cacheMs, missCacheMs = cacheMs, now, mostEntries = 50_000 } = options;
  const together = createGathering((keys: string[]) => byAddresses(graph, keys));
  const users = createLookUps(
    async (key: string): Promise<DirectoryUser | undefined> => {
      const user = guid.test(key) ? await byId(graph, key) : await together(key);
      return user && directoryUser(user);
    },
    { freshForMs: (found) => (found ? cacheMs : missCacheMs), now, mostEntries },
  );
  const domains = createLookUps(async () => verifiedDomains(graph).catch(() => undefined), {
    freshForMs: (found) => (found ? domainsCacheMs : missCacheMs),
    now,
  });

  return {
    async find(text, sinceMs = 0) {
      const key = text.trim().toLowerCase();
      if (guid.test(key)) return users.find(key, sinceMs);
      if (key.length > longestAddress || !address.test(key)) return undefined;
      const known = await domains.find('', sinceMs);
      return known && !isWithin(key, known) ? undefined : users.find(key, sinceMs);
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
 * The domains of the tenant, in lower case: no mailbox of it has an address of another one. Undefined if the answer names
 * none. Graph may refuse it, because the right to read users does not include it; then every address is asked for.
 */
async function verifiedDomains(graph: Graph): Promise<string[] | undefined> {
  const call: Call = { doing: 'read domains', query: { $select: 'id,verifiedDomains' } };
  const [organisation] = (await graph.list('/organization', call)) as { verifiedDomains?: unknown }[];
  const listed = organisation?.verifiedDomains;
  const names = (Array.isArray(listed) ? listed : []).flatMap(({ name }: { name?: unknown }) =>
    typeof name === 'string' && name !== '' ? name.toLowerCase() : [],
  );
  return names.length > 0 ? names : undefined;
}

/** Exchange can take mail for all subdomains of a domain. */
function isWithin(address: string, domains: readonly string[]): boolean {
  const own = address.slice(address.lastIndexOf('@') + 1);
  return domains.some((domain) => own === domain || own.endsWith(`.${domain}`));
}

/** Gathers the keys that are asked for in one turn of the event loop, and asks for a few of them at a time. */
function createGathering<Found>(
  ask: (keys: string[]) => Promise<Map<string, Found>>,
): (key: string) => Promise<Found | undefined> {
  let next: { keys: string[]; found: Promise<Map<string, Found>> } | undefined;
  return async (key) => {
    if (!next || next.keys.length >= addressesPerRequest) {
      const keys: string[] = [];
      const turn = new Promise<void>((resolve) => setImmediate(resolve));
      const own = (next = {
        keys,
        found: turn.then(() => {
          if (next === own) next = undefined;
          return ask(keys);
        }),
      });
    }
    next.keys.push(key);
    return (await next.found).get(key);
  };
}

/** Who has an address as user principal name, mail or proxy address. */
async function byAddresses(graph: Graph, keys: readonly string[]): Promise<Map<string, GraphUser>> {
  const users = await anyOf(graph, keys.flatMap(conditions));
  const found = new Map<string, GraphUser>();
  for (const key of keys) {
    const named = users.filter((user) => owns(user, key) || isNamed(user, key));
    // Exchange delivers to the owner of an address, which only one recipient can be.
    const owner = named.find((user) => owns(user, key)) ?? (named.length === 1 ? named[0] : undefined);
    if (owner) found.set(key, owner);
  }
  return found;
}

function conditions(key: string): string[] {
  const text = key.replaceAll("'", "''");
  // The prefix is part of the value: `SMTP:` marks the primary address, `smtp:` any other.
  const proxies = ['smtp', 'SMTP'].map((prefix) => `proxyAddresses/any(p:p eq '${prefix}:${text}')`);
  return [`userPrincipalName eq '${text}'`, `mail eq '${text}'`, ...proxies];
}

const owns = (user: GraphUser, key: string) =>
  user.proxyAddresses?.some((proxy) => proxy.toLowerCase() === `smtp:${key}`) ?? false;

const isNamed = ({ userPrincipalName, mail }: GraphUser, key: string) =>
  userPrincipalName?.toLowerCase() === key || mail?.toLowerCase() === key;

/** The users that meet one of the conditions. What Graph refuses as a whole is asked in parts. */
async function anyOf(graph: Graph, conditions: readonly string[]): Promise<GraphUser[]> {
  try {
    const query = { $filter: conditions.join(' or '), ...fields };
    const users = await graph.list('/users', { doing: 'find users', query });
    const known = new Map(users.flatMap((user) => asUser(user) ?? []).map((user) => [user.id, user]));
    return [...known.values()];
  } catch (error) {
    if (!(error instanceof RefusedError) || error.status !== 400) throw error;
    // An address need not have the form that a property demands.
    if (conditions.length < 2) return [];
    const half = Math.ceil(conditions.length / 2);
    const parts = [conditions.slice(0, half), conditions.slice(half)];
    const found = (await Promise.all(parts.map((part) => anyOf(graph, part)))).flat();
    return [...new Map(found.map((user) => [user.id, user])).values()];
  }
}

async function byId(graph: Graph, id: string): Promise<GraphUser | undefined> {
  try {
    return asUser((await graph.get(`/users/${id}`, { doing: 'look up user', query: fields })).json);
  } catch (error) {
    if (error instanceof RefusedError && (error.status === 404 || error.status === 400)) return undefined;
    throw error;
  }
}

function asUser(json: unknown): GraphUser | undefined {
  const user = json as GraphUser | undefined;
  return typeof user?.id === 'string' && user.id !== '' ? user : undefined;
}
