import type { TenantUser } from '../samples/organisation';
import { accessDenied, GraphError } from './errors';
import type { Faults } from './fault-plan';
import type { Journal } from './journal';
import type { Limits } from './limits';
import type { Mailbox, Mailboxes } from './mailboxes';
import type { Query } from './query';
import type { UploadSession } from './uploads';

/** Everything that stands behind the simulated service. */
export interface Tenant {
  users: TenantUser[];
  mailboxes: Mailboxes;
  journal: Journal;
  limits: Limits;
  faults: Faults;
  uploads: Map<string, UploadSession>;
  /** Messages on which an attachment is being written; Exchange takes one at a time. */
  writing: Set<string>;
  now(): number;
  /** The time that work takes; without it nothing would ever happen at once. */
  pause(): Promise<void>;
}

/** One request, as handlers see it. */
export interface Call {
  /** Keys of the path by the name that the route gives them. */
  params: Record<string, string>;
  query: Query;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** `http://127.0.0.1:port`. */
  origin: string;
  /** The whole address, for the link to the next page. */
  url: string;
  /** The client asked for ids that survive moves. */
  immutableIds: boolean;
  now: string;
}

export interface Answer {
  status: number;
  json?: object;
  bytes?: Buffer;
  headers?: Record<string, string>;
}

export type Handler = (tenant: Tenant, call: Call) => Answer | Promise<Answer>;

export const contentType = (call: Call) => call.headers['content-type'] as string | undefined;

export const metadata = (call: Call, entity: string) => `${call.origin}/v1.0/$metadata#${entity}`;

/** Object id or user principal name; a mail address that is neither is no key. */
export function findUser(tenant: Tenant, key: string): TenantUser | undefined {
  const wanted = key.toLowerCase();
  return tenant.users.find(
    (user) => user.id.toLowerCase() === wanted || user.userPrincipalName.toLowerCase() === wanted,
  );
}

export const noSuchUser = (key: string) =>
  new GraphError(
    404,
    'Request_ResourceNotFound',
    `Resource '${key}' does not exist or one of its queried reference-property objects are not present.`,
  );

/** The mailbox that a path names, or the reason why the app cannot reach one there. */
export function mailboxOf(tenant: Tenant, key: string): Mailbox {
  const user = findUser(tenant, key);
  if (!user) {
    const known = tenant.users.some(({ mail, proxyAddresses }) =>
      [mail ?? '', ...proxyAddresses.map((address) => address.replace(/^smtp:/i, ''))].some(
        (address) => address.toLowerCase() === key.toLowerCase(),
      ),
    );
    if (known) throw noSuchUser(key);
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

/** Ids are base64 text of some length; anything else is not looked up at all. */
export function checkId(id: string): void {
  if (!/^AA[A-Za-z0-9_-]{60,200}={0,2}$/.test(id)) {
    throw new GraphError(400, 'ErrorInvalidIdMalformed', 'Id is malformed.');
  }
}
