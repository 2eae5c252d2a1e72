import type { TenantUser } from '../samples/organisation';
import { findUser, metadata, noSuchUser, type Handler } from './call';
import { badRequest, GraphError } from './errors';
import { parseFilter, type Filter, type Literal } from './filters';
import { allowOptions, page, paging, selected } from './query';

const defaults = [
  'businessPhones',
  'displayName',
  'givenName',
  'jobTitle',
  'mail',
  'mobilePhone',
  'officeLocation',
  'preferredLanguage',
  'surname',
  'userPrincipalName',
  'id',
];
const known = [...defaults, 'proxyAddresses', 'accountEnabled', 'userType'];

/** Directory limits: expressions in one filter, and characters of a value compared by `eq`. */
const maxExpressions = 15;
const maxValueLength = 120;

const unsupported = () =>
  new GraphError(400, 'Request_UnsupportedQuery', 'Unsupported or invalid query filter clause specified.');

export const listUsers: Handler = (tenant, call) => {
  allowOptions(call.query, '$filter', '$select', '$top', '$skip');
  const select = selected(call.query, known, 'microsoft.graph.user');
  const text = call.query.get('$filter');
  const matches = text === undefined ? () => true : userFilter(text);
  const { rows, nextLink } = page(tenant.users.filter(matches), paging(call.query, 100, 999), call.url);
  return {
    status: 200,
    json: {
      '@odata.context': metadata(call, select ? `users(${[...select].join(',')})` : 'users'),
      ...(nextLink && { '@odata.nextLink': nextLink }),
      value: rows.map((user) => viewOfUser(user, select)),
    },
  };
};

export const getUser: Handler = (tenant, call) => {
  allowOptions(call.query, '$select');
  const select = selected(call.query, known, 'microsoft.graph.user');
  const user = findUser(tenant, call.params.user!);
  if (!user) throw noSuchUser(call.params.user!);
  return {
    status: 200,
    json: { '@odata.context': metadata(call, 'users/$entity'), ...viewOfUser(user, select) },
  };
};

function viewOfUser(user: TenantUser, select: Set<string> | undefined): object {
  const [givenName = null, ...rest] = user.displayName.split(' ');
  const all: Record<string, unknown> = {
    businessPhones: [],
    displayName: user.displayName,
    givenName,
    jobTitle: null,
    mail: user.mail,
    mobilePhone: user.mobilePhone,
    officeLocation: null,
    preferredLanguage: null,
    surname: rest.join(' ') || null,
    userPrincipalName: user.userPrincipalName,
    id: user.id,
    proxyAddresses: user.proxyAddresses,
    accountEnabled: user.accountEnabled,
    userType: user.userType,
  };
  return Object.fromEntries([...(select ?? defaults)].map((name) => [name, all[name]]));
}

/** Which users a filter names. The directory compares without regard to case. */
function userFilter(text: string): (user: TenantUser) => boolean {
  const filter = parseFilter(text, unsupported);
  if (countExpressions(filter) > maxExpressions) {
    throw new GraphError(
      400,
      'Request_UnsupportedQuery',
      `Too many child clauses specified in search filter expression containing 'OR' operators. Max allowed: ${maxExpressions}.`,
    );
  }
  return predicate(filter);
}

function countExpressions(filter: Filter): number {
  if (filter.kind === 'and' || filter.kind === 'or') {
    return filter.parts.reduce((sum, part) => sum + countExpressions(part), 0);
  }
  return filter.kind === 'in' ? filter.values.length : 1;
}

function predicate(filter: Filter): (user: TenantUser) => boolean {
  switch (filter.kind) {
    case 'or': {
      const parts = filter.parts.map(predicate);
      return (user) => parts.some((part) => part(user));
    }
    case 'and': {
      const parts = filter.parts.map(predicate);
      return (user) => parts.every((part) => part(user));
    }
    case 'eq':
      return equals(filter.path, [filter.value]);
    case 'in':
      return equals(filter.path, filter.values);
    case 'any': {
      const { path, variable, body } = filter;
      if (path !== 'proxyAddresses' || body.kind !== 'eq' || body.path !== variable) throw unsupported();
      const wanted = comparable(body.value);
      return (user) => user.proxyAddresses.some((address) => address.toLowerCase() === wanted);
    }
  }
}

function equals(path: string, values: Literal[]): (user: TenantUser) => boolean {
  if (path === 'accountEnabled') {
    if (values.some((value) => typeof value !== 'boolean')) throw unsupported();
    return (user) => values.includes(user.accountEnabled);
  }
  const wanted = values.map(comparable);
  if (path !== 'id' && path !== 'userPrincipalName' && path !== 'mail' && path !== 'mobilePhone') {
    if (known.includes(path)) throw unsupported();
    throw badRequest(
      `Invalid filter clause: Could not find a property named '${path}' on type 'microsoft.graph.user'.`,
    );
  }
  return (user) => wanted.includes(user[path]?.toLowerCase() ?? '');
}

function comparable(value: Literal): string {
  if (typeof value !== 'string' || value === '' || value.length > maxValueLength) throw unsupported();
  return value.toLowerCase();
}
