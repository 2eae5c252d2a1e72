import type { AppDeps } from '../deps';
import type { MailboxItem } from '../email/mailbox-item';
import type { ReadMessage } from '../graph/probe.client';

export interface PreflightOptions {
  /** Address of the pilot: a user whose mailbox is in the app's scope. */
  mailbox: string;
  /** Address of a user whose mailbox must be closed to the app. */
  outside?: string | undefined;
}

/** How a step ended, in words for the operator. Nothing in it is a secret or comes from an item. */
export interface Finding {
  /** `skipped`: nothing is proven, because something else has to be mended or given first. */
  verdict: 'ok' | 'failed' | 'skipped';
  detail: string;
  /** What to do about a failure; the step's own when absent. */
  cure?: string;
}

export interface StepResult extends Finding {
  step: string;
  title: string;
}

/** What the steps hand on to each other; a step that needs another may rely on what that one found. */
export interface Proof {
  deps: AppDeps;
  options: PreflightOptions;
  /** Of this preflight: stands in everything that it makes. */
  id: string;
  userId: string;
  folderId: string;
  /** Every message made so far, to be removed at the end. */
  messageIds: string[];
  first: { item: MailboxItem; messageId: string; message: ReadMessage } | undefined;
}

export interface Step {
  id: string;
  title: string;
  /** Ids of the steps that must have ended `ok`. */
  needs: readonly string[];
  run(proof: Proof): Promise<Finding>;
  /** For what `run` throws, and for failures that name no cure of their own. */
  cure: string | ((error: unknown) => string);
}

export const ok = (detail: string): Finding => ({ verdict: 'ok', detail });
export const skipped = (detail: string): Finding => ({ verdict: 'skipped', detail });
export const failed = (detail: string, cure?: string): Finding => ({
  verdict: 'failed',
  detail,
  ...(cure !== undefined && { cure }),
});

interface Described {
  name?: string;
  message?: string;
  statusCode?: unknown;
  code?: unknown;
  details?: { odataError?: { code?: unknown } };
}

/** The HTTP status that an Azure client's error carries, its own or its cause's; undefined without an answer. */
export function statusOf(error: unknown): number | undefined {
  for (
    let at = error as { statusCode?: unknown; cause?: unknown } | undefined;
    at;
    at = at.cause as typeof at
  )
    if (typeof at.statusCode === 'number') return at.statusCode;
  return undefined;
}

const longestText = 300;

/**
 * What went wrong, in a line that may stand in a change record. Our own errors are written for that; those of the
 * Azure clients repeat addresses and whole answers, so of them only status, code and the sign-in's error number stay.
 */
export function described(error: unknown): string {
  const { name = '', message = '', statusCode, code, details } = (error ?? {}) as Described;
  const aadsts = /AADSTS\d+/.exec(message)?.[0];
  if (name === 'RestError')
    return [statusCode ?? 'no answer', code ?? details?.odataError?.code]
      .filter((part) => typeof part !== 'undefined')
      .join(' ');
  if (/(Credential|Authentication)\w*Error$/.test(name)) return aadsts ? `${name} (${aadsts})` : name;
  return message.split('\n', 1)[0]?.slice(0, longestText) || name || 'unknown';
}
