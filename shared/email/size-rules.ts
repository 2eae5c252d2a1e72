import { createHash } from 'node:crypto';
import type { Attachment, Email } from './email';

/** An attachment that was left out: what the body says of it. */
export interface Dropped {
  name: string;
  /** Decoded bytes. */
  size: number;
  /** Hex, of the decoded bytes. */
  sha256: string;
  /** It is within the limit, but the mailbox had no way to take it. */
  refused?: true;
}

export type Sized =
  { kind: 'fits'; email: Email; dropped: Dropped[] } | { kind: 'tooLarge'; /** Decoded. */ bytes: number };

/**
 * The size rule: attachments larger than the limit are dropped first; if the body (UTF-8) and the remaining
 * attachments together are still larger, the item is too large. Exactly the limit still fits. All in decoded
 * bytes. The email given is not changed.
 */
export function applySizeRules(email: Email, limitBytes: number): Sized {
  const attachments = email.attachments.filter(({ content }) => content.length <= limitBytes);
  const bytes = attachments.reduce(
    (sum, { content }) => sum + content.length,
    Buffer.byteLength(email.body.content),
  );
  if (bytes > limitBytes) return { kind: 'tooLarge', bytes };
  const dropped = email.attachments.filter(({ content }) => content.length > limitBytes).map(asDropped);
  return { kind: 'fits', email: { ...email, attachments }, dropped };
}

/** What is said of an attachment that is left out. */
export function asDropped({ name, content }: Attachment): Dropped {
  return { name, size: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}
