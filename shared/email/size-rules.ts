import { createHash } from 'node:crypto';
import type { Attachment, Email } from './email';

/** An attachment that was left out for its size: what the item's body says of it. */
export interface Dropped {
  name: string;
  /** Decoded bytes. */
  size: number;
  /** Hex, of the decoded bytes. */
  sha256: string;
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
  const dropped = email.attachments.filter(({ content }) => content.length > limitBytes).map(describe);
  return { kind: 'fits', email: { ...email, attachments }, dropped };
}

function describe({ name, content }: Attachment): Dropped {
  return { name, size: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}
