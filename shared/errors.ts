import type { Provenance } from './item';

/**
 * Why an item, or one delivery of it, cannot be archived without a person. The operator reads the sentence, so it
 * must not contain anything from the item.
 */
export const reasons = {
  unreadable: 'The archived item could not be read: it breaks the format that TeleMessage promises.',
  encrypted:
    'TeleMessage encrypted the item, and no key of the organisation opens it (DECRYPTION_KEY), or a part of it is damaged.',
  unmapped: 'No participant of the item has a usable Microsoft 365 mailbox.',
  participantUnmapped:
    'A participant of the organisation has no usable Microsoft 365 mailbox. The other participants have the item.',
  uncertainOwner:
    'The mapping file names another user for the time of sending than for the time of arrival, and the two are more than a day apart.',
  tooLarge: 'Body and remaining attachments together are larger than the size limit.',
  rejected: 'Exchange Online refused the item as invalid.',
  mailboxFull: 'The mailbox is full, or does not take messages of this size.',
  mailboxUnavailable:
    'The mailbox does not exist any more, is not in Exchange Online, or does not show its folders.',
  accessDenied: 'The app has no permission for this mailbox.',
  gaveUp: 'The import failed five times in a row.',
} as const;

export type Reason = keyof typeof reasons;

/** What identifies an item that could not be read to its end. */
export type KnownOfItem = Partial<Pick<Provenance, 'sourceId' | 'sha256'>>;

/** Thrown when retrying cannot help. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
  /** What was known of the item when it failed, so that the quarantine can name it. */
  readonly known: KnownOfItem;
  constructor(
    readonly reason: Reason,
    message: string,
    { known = {}, ...options }: ErrorOptions & { known?: KnownOfItem } = {},
  ) {
    super(message, options);
    this.known = known;
  }
}

/** Thrown when only time helps: throttling, or a lease that another worker holds. */
export class PutOffError extends Error {
  override readonly name: string = 'PutOffError';
  constructor(
    /** How long to wait at least. */
    readonly delayMs: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Thrown when a mailbox has as much work as it takes; its own queue says when there will be room. */
export class CrowdedMailboxError extends PutOffError {
  constructor(
    delayMs: number,
    message: string,
    /** User id. */
    readonly mailbox: string,
  ) {
    super(delayMs, message);
  }
}

/** Thrown when another worker has the same item in hand, from another queue message or from a second copy of this one. */
export class BusyError extends PutOffError {}

/** Thrown when the whole deployment is refused (credentials, consent): the item is not at fault, and a person must act. */
export class DeploymentError extends Error {
  override readonly name = 'DeploymentError';
  constructor(
    message: string,
    /** The event that tells the person. */
    readonly signal: 'credentialsRejected' | 'mappingMissing' | 'mappingRefused' = 'credentialsRejected',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Thrown when a request is malformed or asks for what does not exist: no attempt can carry it out. */
export class RefusedRequestError extends Error {
  override readonly name = 'RefusedRequestError';
}

/** What happens next to work that ended with an error. */
export type NextStep =
  /** A person must act: the item, or this delivery of it, goes to quarantine. */
  | { kind: 'quarantine'; error: PermanentError }
  /** Back on the queue as a new message with a delay, which uses up none of the five attempts. */
  | { kind: 'putOff'; error: PutOffError | DeploymentError }
  /** Rethrown: the Functions host tries five times, then the poison queue brings the item to quarantine. */
  | { kind: 'retry'; error: unknown };

/**
 * Decides between retry, delay and quarantine, for every stage. What an answer of Microsoft Graph means, and so which
 * of these errors it becomes, is decided in graph/failure.ts.
 */
export function nextStepAfter(error: unknown): NextStep {
  if (error instanceof PermanentError) return { kind: 'quarantine', error };
  if (error instanceof PutOffError || error instanceof DeploymentError) return { kind: 'putOff', error };
  return { kind: 'retry', error };
}

/**
 * The error that decides for an item with several deliveries; undefined when there is none. A refused deployment
 * first, because a person must hear of it; then what a retry may mend; else the longest delay.
 */
export function gravest(errors: readonly unknown[]): unknown {
  const delays = errors.filter((error) => error instanceof PutOffError);
  return (
    errors.find((error) => error instanceof DeploymentError) ??
    errors.find((error) => !(error instanceof PutOffError)) ??
    delays.toSorted((a, b) => b.delayMs - a.delayMs)[0]
  );
}
