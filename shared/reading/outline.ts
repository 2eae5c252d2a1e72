import { createHash } from 'node:crypto';
import { createBase64Stream } from './base64-stream';
import { createMailOutline, newToken, type MailCut } from './mail-outline';

/** A file that was cut out of a line. */
export interface Cut {
  /** What the line has in its place, decoded: the whole content of the file, for whoever reads the line. */
  token: Buffer;
  /** The body of the JSON string that holds it, as bytes of the line. */
  start: number;
  span: number;
  /** Where in the mail that these bytes hold; absent if they are the file. */
  inMail?: { offset: number; span: number };
  /** Of the decoded bytes. */
  length: number;
  sha256: string;
}

/** A line without its large files. */
export interface Outline {
  line: Buffer;
  cuts: Cut[];
  /** Of the line as it was, hex. */
  sha256: string;
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
/** A shorter string stays as it is. */
const shortestString = 64 * 1024;
const longestName = 64;
/** A line with more than this between its files has to be read whole. */
const mostBytes = 4 * 1024 * 1024;

type Body =
  /** Not known yet: the string may be a short one. */
  | { kind: 'held'; parts: Buffer[]; bytes: number }
  | { kind: 'kept' }
  | { kind: 'cut'; feed(piece: Buffer): void; end(span: number): Buffer | undefined };

/**
 * The outline of a line, made while its bytes pass; undefined if the line has to be read whole. Strings of base64 are cut
 * out of it: `content` of an attachment, and the files in the mail of `mime`.
 */
export async function outlineOf(chunks: AsyncIterable<Buffer>): Promise<Outline | undefined> {
  const whole = createHash('sha256');
  const parts: Buffer[] = [];
  const cuts: Cut[] = [];
  let bytes = 0;
  let offset = 0;
  /** The string that the bytes are in, and where its body begins. */
  let body: Body | undefined;
  let start = 0;
  let isEscaped = false;
  let name = '';
  let latest = '';
  let isAfterString = false;

  const emit = (part: Buffer) => {
    bytes += part.length;
    parts.push(part);
  };

  /** A long string is cut if it can hold a file. */
  function begin(): Body {
    const found = (cut: Cut) => void cuts.push(cut);
    if (name === 'mime') return cutMail(start, found);
    return name === 'content' ? cutFile(start, found) : { kind: 'kept' };
  }

  function take(piece: Buffer): void {
    if (piece.length === 0 || !body) return;
    if (body.kind === 'kept') return emit(piece);
    if (body.kind === 'cut') return body.feed(piece);
    body.parts.push(piece);
    body.bytes += piece.length;
    if (body.bytes <= shortestString) return;
    const held = body.parts;
    body = begin();
    held.forEach(take);
  }

  /** False if the string has to be read whole. */
  function endString(end: number): boolean {
    if (body?.kind === 'cut') {
      const instead = body.end(end - start);
      if (!instead) return false;
      emit(instead);
    } else if (body?.kind === 'held') {
      body.parts.forEach(emit);
      latest = body.bytes <= longestName ? Buffer.concat(body.parts).toString('latin1') : '';
    }
    body = undefined;
    isAfterString = true;
    return true;
  }

  for await (const chunk of chunks) {
    whole.update(chunk);
    for (let at = 0; at < chunk.length;) {
      if (!body) {
        const found = chunk.indexOf(quote, at);
        const end = found < 0 ? chunk.length : found;
        for (let seen = at; isAfterString && seen < end; seen++) {
          if (chunk[seen]! <= 0x20) continue;
          name = chunk[seen] === colon ? latest : '';
          isAfterString = false;
        }
        emit(chunk.subarray(at, Math.min(end + 1, chunk.length)));
        at = end + 1;
        if (found < 0) break;
        body = { kind: 'held', parts: [], bytes: 0 };
        start = offset + at;
        continue;
      }
      if (isEscaped) {
        take(chunk.subarray(at, ++at));
        isEscaped = false;
        continue;
      }
      const closing = chunk.indexOf(quote, at);
      const end = closing < 0 ? chunk.length : closing;
      const escape = chunk.subarray(at, end).indexOf(backslash);
      if (escape >= 0) {
        take(chunk.subarray(at, at + escape + 1));
        at += escape + 1;
        isEscaped = true;
        continue;
      }
      take(chunk.subarray(at, end));
      at = end;
      if (closing < 0) break;
      if (!endString(offset + end)) return undefined;
      emit(chunk.subarray(end, end + 1));
      at = end + 1;
    }
    offset += chunk.length;
    if (bytes > mostBytes) return undefined;
  }
  return body ? undefined : { line: Buffer.concat(parts), cuts, sha256: whole.digest('hex') };
}

function cutFile(start: number, found: (cut: Cut) => void): Body {
  const stream = createBase64Stream();
  const hash = createHash('sha256');
  let length = 0;
  const add = (bytes: Buffer) => {
    hash.update(bytes);
    length += bytes.length;
  };
  return {
    kind: 'cut',
    feed: (piece) => add(stream.feed(piece)),
    end(span) {
      const last = stream.end();
      if (!last) return undefined;
      add(last);
      const token = newToken();
      found({ token, start, span, length, sha256: hash.digest('hex') });
      return Buffer.from(token.toString('base64'));
    },
  };
}

function cutMail(start: number, found: (cut: Cut) => void): Body {
  const stream = createBase64Stream();
  const kept: Buffer[] = [];
  let bytes = 0;
  const mail = createMailOutline((part) => {
    bytes += part.length;
    // What is more is not needed: the line will be read whole.
    if (bytes <= mostBytes) kept.push(Buffer.from(part));
  });
  return {
    kind: 'cut',
    feed: (piece) => mail.feed(stream.feed(piece)),
    end(span) {
      const last = stream.end();
      if (!last) return undefined;
      mail.feed(last);
      const cuts: MailCut[] = mail.end();
      if (bytes > mostBytes) return undefined;
      for (const { offset, span: inSpan, ...file } of cuts) {
        // Where four characters are always three bytes, the mail need not be read from its start.
        const quads = stream.isPlain() ? Math.floor(offset / 3) : 0;
        const inMail = { offset: offset - quads * 3, span: inSpan };
        found({ ...file, start: start + quads * 4, span: span - quads * 4, inMail });
      }
      return Buffer.from(Buffer.concat(kept).toString('base64'));
    },
  };
}

/**
 * The bytes of a file that was cut out.
 *
 * @param body the bytes of the line from `start` on, `span` of them
 * @throws Error when they are not what the outline found
 */
export async function* contentOf(
  cut: Pick<Cut, 'inMail' | 'length' | 'sha256'>,
  body: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const stream = createBase64Stream();
  const hash = createHash('sha256');
  let length = 0;
  const inMail = cut.inMail && { skip: cut.inMail.offset, left: cut.inMail.span };
  const inner = createBase64Stream();
  const decoded = (bytes: Buffer): Buffer => {
    if (!inMail) return bytes;
    const skipped = Math.min(inMail.skip, bytes.length);
    inMail.skip -= skipped;
    const own = bytes.subarray(skipped, skipped + inMail.left);
    inMail.left -= own.length;
    return own.length > 0 ? inner.feed(own) : own;
  };
  const checked = (bytes: Buffer): Buffer => {
    hash.update(bytes);
    length += bytes.length;
    return bytes;
  };
  for await (const piece of body) {
    const bytes = decoded(stream.feed(piece));
    if (bytes.length > 0) yield checked(bytes);
    if (inMail?.left === 0) break;
  }
  const rest = inMail?.left === 0 ? undefined : stream.end();
  const bytes = rest && decoded(rest);
  if (bytes && bytes.length > 0) yield checked(bytes);
  const last = inMail && inner.end();
  if (last && last.length > 0) yield checked(last);
  if (length !== cut.length || hash.digest('hex') !== cut.sha256)
    throw new Error(`A file of an item has ${length} bytes instead of ${cut.length}, or other ones`);
}
