import { attachmentName } from '../email/attachment-name';
import type { Attachment } from '../email/email';
import { PermanentError } from '../errors';
import type { Unseal } from '../telemessage/sealed';
import type { SourceMessage } from '../telemessage/message';

type Entry = SourceMessage['attachment'][number];

const untyped = 'application/octet-stream';

/**
 * The files of a chat message with their decoded bytes, and the names of the entries that the source lists
 * without content. Throws PermanentError (`unreadable`) for content that is not base64; the message gives the
 * entry's index instead of its file name, which is content and must not reach a log.
 */
export function readAttachments(
  entries: readonly Entry[],
  unseal?: Unseal,
): { files: Attachment<Buffer>[]; notSupplied: string[] } {
  const files: Attachment<Buffer>[] = [];
  const notSupplied: string[] = [];
  const unnamed = new Map<string, number>();
  const open = unseal ?? ((content: Buffer) => content);
  entries.forEach((entry, index) => {
    const contentType = typeOf(entry);
    const name = attachmentName(entry.name, contentType.split(';')[0]!.trim().toLowerCase(), unnamed);
    if (entry.content === undefined) notSupplied.push(name);
    else files.push({ name, contentType, content: open(decode(entry.content, index)), inline: false });
  });
  return { files, notSupplied };
}

/** Accepts line breaks, missing padding and the URL alphabet (RFC 4648 section 5), which occur; the rest is damage. */
function decode(content: string, index: number): Buffer {
  const compact = /\s/.test(content) ? content.replace(/\s+/g, '') : content;
  const digits = compact.replace(/={1,2}$/, '');
  const padding = compact.length - digits.length;
  const impossible = digits.length % 4 === 1 || padding > (4 - (digits.length % 4)) % 4;
  if (impossible || /[^A-Za-z0-9+/_-]/.test(digits)) {
    throw new PermanentError('unreadable', `Attachment ${index} is not base64.`);
  }
  return Buffer.from(digits, 'base64');
}

function typeOf(entry: Entry): string {
  const type = entry.contentType?.trim() ?? '';
  return /^[\w.+-]+\/[\w.+-]+(\s*;[\x20-\x7e]*)?$/.test(type) && type.length <= 255 ? type : untyped;
}
