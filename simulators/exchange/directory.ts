import type { TenantUser } from '../samples/organisation';
import { contextUrl, type Handler, type Tenant } from './call';
import { accessDenied, GraphError } from './errors';
import { userFilter } from './filters';
import type { Mailbox } from './mailboxes';
import { allowOptions, page, paging, selected } from './query';

/** The users of the tenant, and whose mailbox the app can reach. */

const defaultProperties = [
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
const properties = [...defaultProperties, 'proxyAddresses', 'accountEnabled', 'userType'];

export const listUsers: Handler = (tenant, call) => {
  allowOptions(call.query, '$filter', '$select', '$top', '$skip');
  const select = selected(call.query, properties, 'microsoft.graph.user');
  const filter = call.query.get('$filter');
  const matches = filter === undefined ? () => true : userFilter(filter, properties);
  const { rows, nextLink } = page(tenant.users.filter(matches), paging(call.query, 100, 999), call.url);
  return {
    status: 200,
    json: {
      '@odata.context': contextUrl(call, select ? `users(${[...select].join(',')})` : 'users'),
      ...(nextLink && { '@odata.nextLink': nextLink }),
      value: rows.map((user) => viewOfUser(user, select)),
    },
  };
};

export const getUser: Handler = (tenant, call) => {
  allowOptions(call.query, '$select');
  const select = selected(call.query, properties, 'microsoft.graph.user');
  const user = findUser(tenant, call.params.user!);
  if (!user) throw noSuchUser(call.params.user!);
  return {
    status: 200,
    json: { '@odata.context': contextUrl(call, 'users/$entity'), ...viewOfUser(user, select) },
  };
};

/** The tenant, with the domains in which its users have addresses. A guest's own address is in none of them. */
export const getOrganisation: Handler = (tenant, call) => {
  allowOptions(call.query, '$select');
  if (tenant.faults.plan().organisationDenied)
    throw new GraphError(
      403,
      'Authorization_RequestDenied',
      'Insufficient privileges to complete the operation.',
    );
  const select = selected(
    call.query,
    ['id', 'displayName', 'verifiedDomains'],
    'microsoft.graph.organization',
  );
  const addresses = tenant.users.flatMap(({ userPrincipalName, mail, proxyAddresses, userType }) =>
    userType === 'Guest' ? [userPrincipalName] : [userPrincipalName, mail ?? '', ...proxyAddresses],
  );
  const names = addresses.flatMap((address) => /@(.+)$/.exec(address)?.[1]?.toLowerCase() ?? []);
  const all: Record<string, unknown> = {
    id: tenantId,
    displayName: 'Contoso',
    verifiedDomains: [...new Set(names)].map((name, index) => ({
      capabilities: 'Email, OfficeCommunicationsOnline',
      isDefault: index === 0,
      isInitial: false,
      name,
      type: 'Managed',
    })),
  };
  const view = Object.fromEntries([...(select ?? Object.keys(all))].map((name) => [name, all[name]]));
  return { status: 200, json: { '@odata.context': contextUrl(call, 'organization'), value: [view] } };
};

const tenantId = '00000000-0000-4000-b000-000000000000';

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
  return Object.fromEntries([...(select ?? defaultProperties)].map((name) => [name, all[name]]));
}

/** By object id or user principal name; another mail address of the user is not a key. */
function findUser(tenant: Tenant, key: string): TenantUser | undefined {
  const wanted = key.toLowerCase();
  return tenant.users.find(
    (user) => user.id.toLowerCase() === wanted || user.userPrincipalName.toLowerCase() === wanted,
  );
}

const noSuchUser = (key: string) =>
  new GraphError(
    404,
    'Request_ResourceNotFound',
    `Resource '${key}' does not exist or one of its queried reference-property objects are not present.`,
  );

/** The mailbox of the user that a path names; throws the reason why the app cannot reach it. */
export function mailboxOf(tenant: Tenant, key: string): Mailbox {
  const user = findUser(tenant, key);
  if (!user) {
    const isOtherAddress = tenant.users.some(({ mail, proxyAddresses }) =>
      [mail ?? '', ...proxyAddresses.map((address) => address.replace(/^smtp:/i, ''))].some(
        (address) => address.toLowerCase() === key.toLowerCase(),
      ),
    );
    if (isOtherAddress) throw noSuchUser(key);
    throw new GraphError(404, 'ErrorInvalidUser', `The requested user '${key}' is invalid.`);
  }
  if (user.mailbox !== 'normal') throw noMailbox(user.mailbox);
  if (user.inScope === false) throw accessDenied();
  return tenant.mailboxes.get(user.id);
}

function noMailbox(state: Exclude<TenantUser['mailbox'], 'normal'>): GraphError {
  if (state === 'none') {
    const message = 'The mailbox is either inactive, soft-deleted, or is hosted on-premise.';
    return new GraphError(404, 'MailboxNotEnabledForRESTAPI', message);
  }
  if (state === 'notSupported') {
    return new GraphError(
      404,
      'MailboxNotSupportedForRESTAPI',
      'REST API is not supported for this mailbox.',
    );
  }
  const message = 'The mailbox is hosted in on-premises Exchange.';
  return new GraphError(404, 'MailboxNotHostedInExchangeOnline', message);
}
