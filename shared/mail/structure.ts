import { PermanentError } from '../errors';
import { lineEndOf, readHeaders, type Headers } from './header';
import { readStructured, type StructuredValue } from './parameters';
import { decodeTransfer } from './transfer-encoding';

/** A part without parts of its own: a byte range of the mail, still in its transfer encoding. */
export interface Leaf {
  /** `note` is text before or after the parts of a multipart, which mail programs do not show. */
  kind: 'part' | 'note';
  /** Type and subtype, lower case; the default of the RFCs if the header gives none or an invalid one. */
  type: string;
  /** Content-Type as written, with its parameters. */
  content: StructuredValue;
  headers: Headers;
  /** True for a part of `multipart/alternative`. */
  alternative: boolean;
  /** The bytes that the range belongs to: the mail, or what a multipart in a transfer encoding was decoded to. */
  bytes: Buffer;
  start: number;
  end: number;
}

export interface MimeStructure {
  headers: Headers;
  /** In document order. */
  leaves: Leaf[];
}

/** An open multipart. */
interface Frame {
  headers: Headers;
  content: StructuredValue;
  boundary: string;
  closed: boolean;
  children: number;
}

/** The owner of the bytes that are being scanned. */
interface Region {
  /** The headers of the part that the bytes are in. */
  headers: Headers;
  leaf?: Leaf;
  /** Text before the first or after the last part of this multipart. */
  around?: Frame;
  start: number;
}

const transferEncoded = /base-?64|quoted-printable/i;
const maxDepth = 256;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

function typeOf(headers: Headers, content: StructuredValue, parent: Frame | undefined): string {
  if (/^[^\s/]+\/[^\s/]+$/.test(content.value)) return content.value;
  // RFC 2046 section 5.1.5.
  if (content.value === '' && parent?.content.value === 'multipart/digest') return 'message/rfc822';
  if (content.value === 'multipart' && content.parameters.has('boundary')) return 'multipart/mixed';
  if (content.value === '' || content.value === 'text') return 'text/plain';
  if (content.value === 'html') return 'text/html';
  // An unreadable type means text (RFC 2045 section 5.2), unless another header shows that the part is a file.
  const file =
    content.parameters.has('name') ||
    /filename/i.test(headers.first('content-disposition') ?? '') ||
    /base64/i.test(headers.first('content-transfer-encoding') ?? '');
  return file ? 'application/octet-stream' : 'text/plain';
}

/** The boundary in use when the header names none or a wrong one: a `--` line before a part's header. */
function guessBoundary(raw: Buffer, from: number): string | undefined {
  const text = raw.toString('latin1', from, from + 100_000);
  return /(?:^|\n)--(\S[^\r\n]{0,200}?)[ \t]*\r?\n(?=content-[a-z-]{1,40}:)/i.exec(text)?.[1];
}

/** True for the client's notice to readers without MIME, unless it contains parts whose boundary was lost. */
function isBoilerplate(text: string): boolean {
  return text.length < 600 && /\bmime\b|multi-?part message/i.test(text) && !/^(--|[a-z-]+:)/im.test(text);
}

/**
 * The content of a multipart in a transfer encoding, decoded, under a header of its own; undefined for any other leaf. RFC
 * 2045 section 6.4 forbids such encodings, but they occur.
 */
function decodedMultipart(leaf: Leaf): Buffer | undefined {
  const { content, headers } = leaf;
  const encoding = headers.first('content-transfer-encoding') ?? '';
  const boundary = content.parameters.get('boundary');
  if (leaf.kind !== 'part' || !content.value.startsWith('multipart/') || !boundary) return undefined;
  if (!transferEncoded.test(encoding)) return undefined;
  const decoded = decodeTransfer(leaf.bytes.subarray(leaf.start, leaf.end), encoding, false);
  if (!decoded.includes(`--${boundary}`)) return undefined;
  const header = `Content-Type: ${headers.first('content-type')}\r\n\r\n`;
  return Buffer.concat([Buffer.from(header, 'latin1'), decoded]);
}

/**
 * The structure of a mail (RFC 2046) as byte ranges: every byte of content is in exactly one leaf. Nested mails
 * (`message/rfc822`) are leaves. No part is lost to a missing, wrong, nested, re-used or unclosed boundary; a delimiter
 * line after the closing one still begins a part. Time is linear in the mail's length, whatever the boundaries. Throws
 * PermanentError `unreadable` above 256 levels of multiparts.
 */
export function readStructure(raw: Buffer): MimeStructure {
  return readStructureAt(raw, 0);
}

/** @param depth of the multipart that the bytes were decoded from, 0 for a mail */
function readStructureAt(raw: Buffer, depth: number): MimeStructure {
  const eol = lineEndOf(raw);
  const needle = Buffer.from([eol, 0x2d, 0x2d]);
  const leaves: Leaf[] = [];
  const stack: Frame[] = [];
  /** Indexes in the stack by boundary: several levels can use the same one. */
  const levels = new Map<string, number[]>();
  let longest = 0;
  let guesses = 0;

  const boundaryOf = (headers: Headers, content: StructuredValue): string | undefined => {
    const named = content.parameters.get('boundary')?.trimEnd();
    // The scan compares bytes, not characters.
    const boundary = named && Buffer.from(named, 'utf8').toString('latin1');
    if (boundary && (stack.length > 0 || raw.includes(`--${boundary}`, headers.bodyStart, 'latin1')))
      return boundary;
    // Each guess scans up to 100,000 bytes: a mail with a million such parts must not cost a million guesses.
    if (guesses++ >= 20) return undefined;
    // A multipart in a transfer encoding is split once it is decoded.
    const encoding = headers.first('content-transfer-encoding') ?? '';
    if (named && transferEncoded.test(encoding)) {
      const start = raw.subarray(headers.bodyStart, headers.bodyStart + 100_000);
      if (decodeTransfer(start, encoding, false).includes(`--${named}`)) return undefined;
    }
    const guess = guessBoundary(raw, headers.bodyStart);
    return guess !== undefined && levels.has(guess) ? undefined : guess;
  };

  const open = (start: number): Region => {
    const parent = stack.at(-1);
    const headers = readHeaders(raw, start, eol, !parent);
    const content = readStructured(headers.first('content-type') ?? '');
    const type = typeOf(headers, content, parent);
    if (type.startsWith('multipart/')) {
      const boundary = boundaryOf(headers, content);
      if (boundary) {
        if (depth + stack.length >= maxDepth) {
          throw new PermanentError('unreadable', `the mail is nested more than ${maxDepth} levels deep`);
        }
        const frame: Frame = { headers, content, boundary, closed: false, children: 0 };
        levels.set(boundary, [...(levels.get(boundary) ?? []), stack.length]);
        longest = Math.max(longest, boundary.length);
        stack.push(frame);
        return { headers, around: frame, start: headers.bodyStart };
      }
    }
    // Without a boundary the parts of a multipart cannot be separated, so its content is shown as it is.
    const leafType = type.startsWith('multipart/') ? 'text/plain' : type;
    const alternative = parent?.content.value === 'multipart/alternative';
    const leaf: Leaf = {
      kind: 'part',
      type: leafType,
      content,
      headers,
      alternative,
      bytes: raw,
      start: 0,
      end: 0,
    };
    return { headers, leaf, start: headers.bodyStart };
  };

  const expanded = (leaf: Leaf): Leaf[] => {
    const decoded = decodedMultipart(leaf);
    return decoded ? readStructureAt(decoded, depth + stack.length + 1).leaves : [leaf];
  };

  const close = (region: Region, end: number): void => {
    const range = { start: region.start, end: Math.max(region.start, end) };
    const frame = region.around;
    if (region.leaf) leaves.push(...expanded({ ...region.leaf, ...range }));
    else if (frame) {
      const text = raw.toString('latin1', range.start, range.end);
      const before = range.start === frame.headers.bodyStart && frame.children > 0;
      if (text.trim() === '' || (before && isBoilerplate(text))) return;
      // A multipart without any delimiter line is text with a wrong header.
      const kind = frame.children === 0 ? 'part' : 'note';
      const { headers, content } = frame;
      leaves.push(
        ...expanded({ kind, type: 'text/plain', content, headers, alternative: false, bytes: raw, ...range }),
      );
    }
  };

  const truncate = (length: number): void => {
    while (stack.length > length) {
      const frame = stack.pop();
      if (frame) levels.get(frame.boundary)?.pop();
    }
  };

  let region = open(0);
  const root = region.headers;
  let at = region.start;
  while (stack.length > 0) {
    const found = raw.indexOf(needle, Math.max(0, at - 1));
    const line = found < 0 ? -1 : found + 1;
    if (line < 0) break;
    const eolAt = raw.indexOf(eol, line);
    const next = eolAt < 0 ? raw.length : eolAt + 1;
    at = next;
    const text = raw.toString('latin1', line + 2, Math.min(next, line + longest + 80)).trimEnd();
    const opened = levels.get(text)?.at(-1);
    const level = opened ?? (text.endsWith('--') ? levels.get(text.slice(0, -2))?.at(-1) : undefined);
    if (level === undefined) continue;
    // If the level is already closed, the delimiter belongs to an outer level with the same boundary.
    const same = levels.get(stack[level]?.boundary ?? '') ?? [];
    const index = stack[level]?.closed && same.length > 1 ? (same.at(-2) ?? level) : level;
    const frame = stack[index];
    if (!frame) continue;
    // The line break before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1).
    const end = eol === lineFeed && raw[line - 2] === carriageReturn ? line - 2 : line - 1;
    if (opened !== undefined && region.around === frame && frame.children === 0) {
      // The text before the first part: count the part first, so that `close` sees that there are parts.
      frame.children = 1;
      close(region, end);
    } else {
      close(region, end);
      if (opened !== undefined) frame.children++;
    }
    truncate(index + 1);
    frame.closed = opened === undefined;
    if (opened === undefined) {
      region = { headers: frame.headers, around: frame, start: next };
    } else {
      region = open(next);
      at = Math.max(next, region.start);
    }
  }
  close(region, raw.length);
  return { headers: root, leaves };
}
