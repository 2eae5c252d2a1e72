import { sha256Of, type Content } from './content';
import type { Attachment, Email } from './email';

/** An attachment that was left out, as the body names it. */
export interface Dropped {
  name: string;
  /** Decoded bytes. */
  size: number;
  /** Hex, of the decoded bytes. */
  sha256: string;
  /** Set when the attachment is within the limit, but the mailbox cannot accept it. */
  refused?: true;
}

export type Sized<Bytes extends Content = Content> =
  | { kind: 'fits'; email: Email<Bytes>; dropped: Dropped[] }
  | { kind: 'tooLarge'; /** Decoded. */ bytes: number };

/**
 * The size rule: first drop every attachment larger than the limit; if the body (UTF-8) and the remaining attachments
 * together are still larger, the item is too large. Exactly the limit still fits. All sizes are decoded bytes.
 * `email` is not changed.
 */
export function applySizeRules<Bytes extends Content>(email: Email<Bytes>, limitBytes: number): Sized<Bytes> {
  const attachments = email.attachments.filter(({ content }) => content.length <= limitBytes);
  const bytes = attachments.reduce(
    (sum, { content }) => sum + content.length,
    Buffer.byteLength(email.body.content),
  );
  if (bytes > limitBytes) return { kind: 'tooLarge', bytes };
  const dropped = email.attachments.filter(({ content }) => content.length > limitBytes).map(asDropped);
  return { kind: 'fits', email: { ...email, attachments }, dropped };
}

/** The name, size and hash that the body states for an attachment that is left out. */
export function asDropped({ name, content }: Attachment): Dropped {
  return { name, size: content.length, sha256: sha256Of(content) };
}
