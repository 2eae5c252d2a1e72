import { badRequest } from './errors';

export type Query = ReadonlyMap<string, string>;

/** Reads a query as the service does: an unencoded `+` is a space, so clients must send `user+tag@…` with `%2B`. */
export function parseQuery(raw: string): Query {
  const query = new Map<string, string>();
  for (const part of raw.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = decode(at < 0 ? part : part.slice(0, at));
    if (query.has(name)) throw badRequest(`Query option '${name}' was specified more than once.`);
    query.set(name, at < 0 ? '' : decode(part.slice(at + 1)));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw badRequest('The query string is not correctly percent-encoded.');
  }
}

/** Refuses every other option. Ignoring one would return something that the client did not ask for. */
export function allowOptions(query: Query, ...names: string[]): void {
  for (const name of query.keys()) {
    if (!names.includes(name)) throw badRequest(`The query option '${name}' is not supported here.`);
  }
}

/** The properties that `$select` names, or undefined without it. */
export function selected(query: Query, properties: readonly string[], type: string): Set<string> | undefined {
  const text = query.get('$select');
  if (text === undefined) return undefined;
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!properties.includes(name)) {
      throw badRequest(
        `Parsing OData Select and Expand failed: Could not find a property named '${name}' on type '${type}'.`,
      );
    }
  }
  return new Set(names);
}

export interface Paging {
  top: number;
  skip: number;
}

export function paging(query: Query, defaultTop: number, maxTop: number): Paging {
  const top = wholeNumber(query, '$top', defaultTop);
  const skip = wholeNumber(query, '$skip', 0);
  if (top < 1 || top > maxTop) throw badRequest(`Invalid value for $top: between 1 and ${maxTop} expected.`);
  return { top, skip };
}

function wholeNumber(query: Query, name: string, byDefault: number): number {
  const text = query.get(name);
  if (text === undefined) return byDefault;
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`Invalid value for '${name}'.`);
  return Number(text);
}

/** One page of a list, with the link to the next page if there is one. */
export function page<T>(all: T[], { top, skip }: Paging, url: string): { rows: T[]; nextLink?: string } {
  const rows = all.slice(skip, skip + top);
  if (skip + top >= all.length) return { rows };
  const [path = '', query = ''] = url.split('?');
  const kept = query.split('&').filter((part) => part !== '' && !/^(\$|%24)skip=/i.test(part));
  return { rows, nextLink: `${path}?${[...kept, `%24skip=${skip + top}`].join('&')}` };
}
