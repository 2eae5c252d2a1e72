import type { TenantUser } from '../samples/organisation';
import type { Faults } from './fault-plan';
import type { Journal } from './journal';
import type { Limits } from './limits';
import type { Mailboxes } from './mailboxes';
import type { Query } from './query';

/** What a handler receives (the tenant and one call) and what it returns. */

export interface Tenant {
  users: TenantUser[];
  mailboxes: Mailboxes;
  journal: Journal;
  limits: Limits;
  faults: Faults;
  uploads: Map<string, UploadSession>;
  /** Immutable ids of the messages to which an attachment is being written; Exchange takes one at a time. */
  writing: Set<string>;
  now(): number;
  /** Takes as long as the service's work. Without it, two requests would never overlap. */
  work(): Promise<unknown>;
}

/** Kept in memory only: after a restart the session is gone, as it can be in the service at any time. */
export interface UploadSession {
  id: string;
  token: string;
  userId: string;
  messageId: string;
  file: { name: string; size: number; contentType: string; isInline: boolean; contentId: string | null };
  parts: Buffer[];
  received: number;
  expiresAt: number;
}

export interface Call {
  /** The keys in the path, by the names in the route's pattern. */
  params: Record<string, string>;
  query: Query;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** `http://127.0.0.1:port`. */
  origin: string;
  /** The whole URL, from which the link to the next page is made. */
  url: string;
  /** The client asks for ids that survive moves between folders. */
  immutableIds: boolean;
  /** ISO-8601 UTC. */
  now: string;
}

export interface Answer {
  status: number;
  json?: object;
  bytes?: Buffer;
  headers?: Record<string, string>;
}

export type Handler = (tenant: Tenant, call: Call) => Answer | Promise<Answer>;

/** The `@odata.context` of an answer. */
export const contextUrl = (call: Call, entity: string) => `${call.origin}/v1.0/$metadata#${entity}`;
