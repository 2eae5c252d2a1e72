import type { Attachment } from '../email/email';
import { cutTo, oneLine } from '../email/safe-text';
import { PermanentError } from '../errors';
import type { SourceMessage } from '../telemessage/message';

type Entry = SourceMessage['attachment'][number];

const maxNameLength = 255;
const untyped = 'application/octet-stream';

/** Suffixes for files that phones send without a name; for other types a short subtype serves as the suffix. */
const suffixes = new Map(
  Object.entries({
    'image/jpeg': 'jpg',
    'audio/mpeg': 'mp3',
    'audio/mp4': 'm4a',
    'video/quicktime': 'mov',
    'text/plain': 'txt',
    'text/vcard': 'vcf',
    'text/x-vcard': 'vcf',
    'application/msword': 'doc',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
    [untyped]: 'bin',
  }),
);

/**
 * The files of a chat message with their decoded bytes, and the names of the entries that the source lists
 * without content. Throws PermanentError (`unreadable`) for content that is not base64; the message gives the
 * entry's index instead of its file name, which is content and must not reach a log.
 */
export function readAttachments(entries: readonly Entry[]): { files: Attachment[]; notSupplied: string[] } {
  const files: Attachment[] = [];
  const notSupplied: string[] = [];
  entries.forEach((entry, index) => {
    const contentType = typeOf(entry);
    const name = nameOf(entry, index, contentType);
    if (entry.content === undefined) notSupplied.push(name);
    else files.push({ name, contentType, content: decode(entry.content, index), inline: false });
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

/** The last component of a name that may be a path of any system, or a name made from the type. */
function nameOf(entry: Entry, index: number, contentType: string): string {
  const last = oneLine((entry.name ?? '').split(/[\\/]/).findLast((part) => part.trim() !== '') ?? '');
  if (/[^.\s]/.test(last)) return shortened(last);
  const type = contentType.split(';')[0]!.trim().toLowerCase();
  const subtype = type.split('/')[1]!;
  return `attachment-${index + 1}.${suffixes.get(type) ?? (/^[a-z0-9]{2,5}$/.test(subtype) ? subtype : 'bin')}`;
}

/** Cuts before the suffix: without a suffix no program opens the file. */
function shortened(name: string): string {
  const suffix = /\.[^.\s]{1,10}$/.exec(name)?.[0] ?? '';
  return name.length <= maxNameLength ? name : cutTo(maxNameLength - suffix.length, name) + suffix;
}
