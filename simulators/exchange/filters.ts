import type { TenantUser } from '../samples/organisation';
import { badRequest, GraphError } from './errors';
import { parsePropertyId, propertyOf } from './extended-properties';
import { isSameName, type Folder, type Message } from './mailboxes';

/** `$filter`: the part of OData's language that the services support, and what each collection can be filtered by. */

type Literal = string | number | boolean | null;
export type Filter =
  | { kind: 'and' | 'or'; parts: Filter[] }
  | { kind: 'eq'; path: string; value: Literal }
  | { kind: 'in'; path: string; values: Literal[] }
  | { kind: 'any'; path: string; variable: string; body: Filter };

/** Directory limits: expressions in one filter, and characters of a value compared by `eq`. */
const maxExpressions = 15;
const maxValueLength = 120;

const unsupportedByDirectory = () =>
  new GraphError(400, 'Request_UnsupportedQuery', 'Unsupported or invalid query filter clause specified.');
export const unsupportedByExchange = () =>
  new GraphError(400, 'ErrorInvalidUrlQueryFilter', 'The query filter contains one or more invalid nodes.');

/** The users that a filter selects, from the `properties` that the type has. The directory ignores case. */
export function userFilter(text: string, properties: readonly string[]): (user: TenantUser) => boolean {
  const filter = parseFilter(text, unsupportedByDirectory);
  if (countExpressions(filter) > maxExpressions) {
    throw new GraphError(
      400,
      'Request_UnsupportedQuery',
      `Too many child clauses specified in search filter expression containing 'OR' operators. Max allowed: ${maxExpressions}.`,
    );
  }
  return userPredicate(filter, properties);
}

function countExpressions(filter: Filter): number {
  if (filter.kind === 'and' || filter.kind === 'or') {
    return filter.parts.reduce((sum, part) => sum + countExpressions(part), 0);
  }
  return filter.kind === 'in' ? filter.values.length : 1;
}

function userPredicate(filter: Filter, properties: readonly string[]): (user: TenantUser) => boolean {
  switch (filter.kind) {
    case 'or': {
      const parts = filter.parts.map((part) => userPredicate(part, properties));
      return (user) => parts.some((part) => part(user));
    }
    case 'and': {
      const parts = filter.parts.map((part) => userPredicate(part, properties));
      return (user) => parts.every((part) => part(user));
    }
    case 'eq':
      return userEquals(filter.path, [filter.value], properties);
    case 'in':
      return userEquals(filter.path, filter.values, properties);
    case 'any': {
      const { path, variable, body } = filter;
      if (path !== 'proxyAddresses' || body.kind !== 'eq' || body.path !== variable) {
        throw unsupportedByDirectory();
      }
      const wanted = comparable(body.value);
      return (user) => user.proxyAddresses.some((address) => address.toLowerCase() === wanted);
    }
  }
}

function userEquals(
  path: string,
  values: Literal[],
  properties: readonly string[],
): (user: TenantUser) => boolean {
  if (path === 'accountEnabled') {
    if (values.some((value) => typeof value !== 'boolean')) throw unsupportedByDirectory();
    return (user) => values.includes(user.accountEnabled);
  }
  const wanted = values.map(comparable);
  if (path !== 'id' && path !== 'userPrincipalName' && path !== 'mail' && path !== 'mobilePhone') {
    if (properties.includes(path)) throw unsupportedByDirectory();
    throw badRequest(
      `Invalid filter clause: Could not find a property named '${path}' on type 'microsoft.graph.user'.`,
    );
  }
  return (user) => wanted.includes(user[path]?.toLowerCase() ?? '');
}

function comparable(value: Literal): string {
  if (typeof value !== 'string' || value === '' || value.length > maxValueLength) {
    throw unsupportedByDirectory();
  }
  return value.toLowerCase();
}

/** The folders that a filter selects: by their whole name, in any case. */
export function folderFilter(text: string): (folder: Folder) => boolean {
  const names = alternativesOf(parseFilter(text, unsupportedByExchange), 'displayName');
  if (names?.length !== 1) throw unsupportedByExchange();
  return (folder) => isSameName(folder.displayName, names[0]!);
}

/**
 * The messages that a filter selects: by one extended property (its name as written, its value in any case) or by
 * internet message id. The product uses no other filter, so every other one is refused.
 */
export function messageFilter(text: string): (message: Message) => boolean {
  const filter = parseFilter(text, unsupportedByExchange);
  if (filter.kind === 'eq' && filter.path === 'internetMessageId' && typeof filter.value === 'string') {
    const wanted = filter.value.toLowerCase();
    return (message) => message.internetMessageId.toLowerCase() === wanted;
  }
  if (filter.kind !== 'any' || filter.path !== 'singleValueExtendedProperties') throw unsupportedByExchange();
  const id = equalTo(filter.body, `${filter.variable}/id`);
  const value = equalTo(filter.body, `${filter.variable}/value`);
  if (id === undefined || value === undefined) throw unsupportedByExchange();
  const { key } = parsePropertyId(id);
  const wanted = value.toLowerCase();
  return (message) => propertyOf(message, key)?.toLowerCase() === wanted;
}

function equalTo(body: Filter, path: string): string | undefined {
  if (body.kind !== 'and' || body.parts.length !== 2) return undefined;
  for (const part of body.parts) {
    if (part.kind === 'eq' && part.path === path && typeof part.value === 'string') return part.value;
  }
  return undefined;
}

/** The values of a filter of the form `path eq 'a' or path eq 'b'`, or undefined when it has another form. */
export function alternativesOf(filter: Filter, path: string): string[] | undefined {
  const parts = filter.kind === 'or' ? filter.parts : [filter];
  const values: string[] = [];
  for (const part of parts) {
    if (part.kind !== 'eq' || part.path !== path || typeof part.value !== 'string') return undefined;
    values.push(part.value);
  }
  return values;
}

const tokenPattern = /\s+|'(?:[^']|'')*'|[A-Za-z_][\w/.]*|-?\d+|[():,]/y;

/**
 * Parses a filter. Throws `unsupported` for what OData allows and the service does not, and 400 `BadRequest` for
 * text that is not OData.
 */
export function parseFilter(text: string, unsupported: () => GraphError): Filter {
  const tokens = tokenize(text);
  let at = 0;
  const peek = () => tokens[at];
  const next = () => tokens[at++];
  const expect = (token: string) => {
    if (next() !== token) throw syntaxError();
  };

  function alternatives(): Filter {
    const parts = [conjunction()];
    while (peek() === 'or') parts.push((next(), conjunction()));
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts };
  }

  function conjunction(): Filter {
    const parts = [term()];
    while (peek() === 'and') parts.push((next(), term()));
    return parts.length === 1 ? parts[0]! : { kind: 'and', parts };
  }

  function term(): Filter {
    if (peek() === '(') {
      next();
      const inner = alternatives();
      expect(')');
      return inner;
    }
    const path = next();
    if (path === undefined || !/^[A-Za-z_]/.test(path)) throw syntaxError();
    if (path === 'not') throw unsupported();
    const lambda = /^(.+)\/(?:any|Any)$/.exec(path);
    if (lambda && peek() === '(') return any(lambda[1]!);
    if (peek() === '(') throw unsupported(); // startswith(…), contains(…)
    const operator = next();
    if (operator === 'eq') return { kind: 'eq', path, value: literal() };
    if (operator === 'in') return { kind: 'in', path, values: list() };
    if (['ne', 'gt', 'ge', 'lt', 'le', 'has'].includes(operator ?? '')) throw unsupported();
    throw syntaxError();
  }

  function any(path: string): Filter {
    expect('(');
    const variable = next() ?? '';
    expect(':');
    const body = alternatives();
    expect(')');
    return { kind: 'any', path, variable, body };
  }

  function list(): Literal[] {
    expect('(');
    const values = [literal()];
    while (peek() === ',') values.push((next(), literal()));
    expect(')');
    return values;
  }

  function literal(): Literal {
    const token = next();
    if (token === undefined) throw syntaxError();
    if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
    if (/^-?\d+$/.test(token)) return Number(token);
    if (token === 'true' || token === 'false') return token === 'true';
    if (token === 'null') return null;
    throw syntaxError();
  }

  const filter = alternatives();
  if (at < tokens.length) throw syntaxError();
  return filter;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < text.length) {
    const match = tokenPattern.exec(text);
    if (!match) throw syntaxError();
    if (match[0].trim() !== '') tokens.push(match[0]);
  }
  return tokens;
}

const syntaxError = () => badRequest('Invalid filter clause: syntax error.');
