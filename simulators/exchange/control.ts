import * as z from 'zod';
import type { Answer, Tenant } from './call';
import { badRequest, GraphError } from './errors';
import { faultPlan } from './fault-plan';
import { deletions, type Mailbox } from './mailboxes';
import type { Throttling } from './throttling';

/** Counts for tests and for the demo, without any content of an item. */
export interface Stats {
  /** Requests by method and route. */
  requests: Record<string, number>;
  /** Answers by status. */
  answers: Record<string, number>;
  /** Faults by kind. */
  faults: Record<string, number>;
  /** By user principal name; only mailboxes that have had a request or a message. */
  mailboxes: Record<string, MailboxStats>;
}

export interface MailboxStats {
  /** Messages in the mailbox now, without Recoverable Items. */
  messages: number;
  /** Messages ever created in the mailbox, deleted ones included. */
  created: number;
  /** Messages whose extended property `ItemKey` has the same value as an earlier message's. */
  duplicates: number;
  maxInFlight: number;
  /** Requests that came before a `Retry-After` had passed. */
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
  return {
    requests: { ...requests },
    answers: { ...answers },
    faults: { ...tenant.faults.counts },
    mailboxes,
  };
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
 * The simulator's own interface, which the real service does not have: `GET /_control/stats` returns `Stats`,
 * `POST /_control/faults` replaces the `FaultPlan`.
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
      throw badRequest(error instanceof z.ZodError ? z.prettifyError(error) : 'The fault plan is not JSON.');
    }
    return { status: 204 };
  }
  throw new GraphError(404, 'NotFound', 'There are only GET /_control/stats and POST /_control/faults.');
}
