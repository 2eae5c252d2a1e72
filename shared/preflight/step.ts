import type { AppDeps } from '../deps';
import type { MailboxItem } from '../email/mailbox-item';
import type { ReadMessage } from '../graph/probe.client';

export interface PreflightOptions {
  /** Address of the pilot: a user whose mailbox is in the app's scope. */
  mailbox: string;
  /** Address of a user whose mailbox the app must not be able to enter. */
  outside?: string | undefined;
}

/** What steps find for the steps after them. */
interface Found {
  userId: string;
  folderId: string;
  /** The first test item as it was sent and as it was read back. */
  first?: { item: MailboxItem; messageId: string; message: ReadMessage };
}

/** How a step ended, for the operator. The texts contain no secret and nothing of an archived item. */
export interface Finding {
  /** `skipped` proves nothing: something else must be fixed or given first. */
  verdict: 'ok' | 'failed' | 'skipped';
  detail: string;
  /** What to do about a failure; if absent, the step's own cure. */
  cure?: string;
  found?: Partial<Found>;
}

export interface StepResult extends Omit<Finding, 'found'> {
  step: string;
  title: string;
}

/** What a step works with. It runs only after the steps that it needs, so it can rely on what they found. */
export interface Proof extends Found {
  deps: AppDeps;
  options: PreflightOptions;
  /** Id of this preflight, part of everything that it creates. */
  id: string;
  /** Every message created so far. Steps add to it, so that a message is removed even if its step fails later. */
  messageIds: string[];
}

export interface Step {
  id: string;
  title: string;
  /** Ids of the steps that must have ended with `ok`. */
  needs: readonly string[];
  run(proof: Proof): Promise<Finding>;
  /** What to do about an error that `run` throws, and about a failure without a cure of its own. */
  cure: string | ((error: unknown) => string);
}

export const ok = (detail: string, found?: Partial<Found>): Finding => ({
  verdict: 'ok',
  detail,
  ...(found !== undefined && { found }),
});
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

/** The HTTP status of an Azure client's error or of its cause; undefined if there was no answer. */
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
 * Describes an error in one line for a change record. The app's own messages are written for that. Those of the Azure
 * clients repeat addresses and whole answers, so only their status, code and sign-in error number are used.
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
