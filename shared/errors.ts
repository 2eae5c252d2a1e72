/**
 * Why an item, or a delivery of it, cannot be archived without a person. The sentence is what the
 * operator reads; nothing of the item's content may stand in it.
 */
export const reasons = {
  unreadable: 'The archived item could not be read: it breaks the format that TeleMessage promises.',
  unmapped: 'No participant of the item has a usable Microsoft 365 mailbox.',
  tooLarge: 'Body and remaining attachments together are larger than the size limit.',
  rejected: 'Exchange Online refused the item as invalid.',
  mailboxFull: 'The mailbox is full, or does not take messages of this size.',
  mailboxUnavailable:
    'The mailbox does not exist any more, is not in Exchange Online, or does not show its folders.',
  accessDenied: 'The app has no permission for this mailbox.',
  gaveUp: 'The import failed five times in a row.',
} as const;

export type Reason = keyof typeof reasons;

/** Thrown where retrying cannot help: the item goes to quarantine with this reason. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
  constructor(
    readonly reason: Reason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Thrown where only time helps (throttling, a lease held by another worker): the work is put off, never failed. */
export class PutOffError extends Error {
  override readonly name: string = 'PutOffError';
  constructor(
    readonly delayMs: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Thrown where another worker is at the same work, on another message or on this one that came twice. */
export class BusyError extends PutOffError {}

/**
 * Thrown where the whole deployment is refused (credentials, consent): nothing is wrong with the item.
 * The work is put off and the operator is alarmed.
 */
export class DeploymentError extends Error {
  override readonly name = 'DeploymentError';
}
