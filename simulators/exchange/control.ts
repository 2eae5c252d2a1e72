import { z } from 'zod';
import type { Answer, Tenant } from './call';
import { badRequest, GraphError } from './errors';
import { faultPlan } from './fault-plan';
import { deletions } from './folders';
import type { Mailbox } from './mailboxes';
import type { Throttling } from './throttling';

/** Counts of what the simulator was asked, for tests and for the demo; nothing of any item stands in them. */
export interface Stats {
  /** By method and route. */
  requests: Record<string, number>;
  /** By status. */
  answers: Record<string, number>;
  /** By kind of fault. */
  faults: Record<string, number>;
  /** By user principal name; only mailboxes that were asked for something, or hold messages. */
  mailboxes: Record<string, MailboxStats>;
}

export interface MailboxStats {
  /** Messages now in the mailbox, Recoverable Items not counted. */
  messages: number;
  /** Messages made since the mailbox began, whatever became of them. */
  created: number;
  /** Copies beyond the first of messages with one value of the extended property `ItemKey`. */
  duplicates: number;
  maxInFlight: number;
  /** Requests that came before a Retry-After had passed. */
  duringCoolDown: number;
}

export interface Counters {
  requests: Record<string, number>;
  answers: Record<string, number>;
}

export function statsOf(tenant: Tenant, throttling: Throttling, { requests, answers }: Counters): Stats {
  const mailboxes: Stats['mailboxes'] = {};
  for (const mailbox of tenant.mailboxes.all()) {
    const use = throttling.uses().get(mailbox.user.id);
    const counts = countsOf(mailbox);
    if (!use && counts.created === 0) continue;
    mailboxes[mailbox.user.userPrincipalName] = {
      ...counts,
      maxInFlight: use?.maxInFlight ?? 0,
      duringCoolDown: use?.duringCoolDown ?? 0,
    };
  }
  return { requests: { ...requests }, answers: { ...answers }, faults: { ...tenant.faults.met }, mailboxes };
}

function countsOf(mailbox: Mailbox): Pick<MailboxStats, 'messages' | 'created' | 'duplicates'> {
  const all = new Set(mailbox.messages.values());
  const keys = new Set<string>();
  let messages = 0;
  let duplicates = 0;
  for (const message of all) {
    if (mailbox.folders.get(message.folderId)?.wellKnown === deletions) continue;
    messages++;
    const key = Object.entries(message.properties).find(([id]) => id.endsWith(' Name ItemKey'))?.[1];
    if (key === undefined) continue;
    if (keys.has(key)) duplicates++;
    keys.add(key);
  }
  return { messages, created: all.size, duplicates };
}

/**
 * The simulator's own switchboard, which no real service has:
 * `GET /_control/stats` answers a `Stats`; `POST /_control/faults` replaces the `FaultPlan`.
 */
export function control(
  method: string,
  path: string,
  body: Buffer,
  tenant: Tenant,
  stats: () => Stats,
): Answer {
  if (method === 'GET' && path === '/_control/stats') return { status: 200, json: stats() };
  if (method === 'POST' && path === '/_control/faults') {
    try {
      tenant.faults.replace(faultPlan.parse(JSON.parse(body.toString())));
    } catch (error) {
      throw badRequest(error instanceof z.ZodError ? z.prettifyError(error) : 'The plan is no JSON.');
    }
    return { status: 204 };
  }
  throw new GraphError(404, 'NotFound', 'GET /_control/stats and POST /_control/faults are all there is.');
}
