import { createHash, randomBytes, type Hash } from 'node:crypto';
import { createDecoder } from './base64-stream';

/** A file within a mail: whole lines of base64, cut out. */
export interface MailCut {
  /** What stands in its place, decoded. */
  token: Buffer;
  /** The bytes of the mail with the base64, its line breaks included. */
  offset: number;
  span: number;
  /** Of the decoded bytes. */
  length: number;
  sha256: string;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const shortestLine = 40;
const longestLine = 4096;
/** Shorter files stay where they are. */
const shortestCut = 64 * 1024;
/** How far back the header of a part is looked for. */
const headerBytes = 16 * 1024;

const fullLine = /^[A-Za-z0-9+/]+$/;
const lastLine = /^[A-Za-z0-9+/]+={0,2}$/;

/** Texts that may become the body of the item; a part without a type is one too. */
function mayBeBody(before: string): boolean {
  const header = before.slice(before.lastIndexOf('\n--') + 1);
  if (/^content-disposition:\s*"?attachment\b/im.test(header)) return false;
  const type = /^content-type:\s*([^\s;]*)/im.exec(header)?.[1];
  return type === undefined || /^text(\/(plain|html|enriched|richtext))?$/i.test(type);
}

export const newToken = (): Buffer => randomBytes(48);

interface Run {
  offset: number;
  /** Characters of a line, and of its end. */
  line: number;
  end: number;
  hash: Hash;
  length: number;
  span: number;
}

/**
 * Cuts long runs of base64 lines out of a mail while its bytes pass, and puts a token in their place: one line of base64.
 * The reader of the remaining mail must find each token as the whole content of a file. If it does not, the cut was
 * wrong, and the mail has to be read whole.
 */
export function createMailOutline(emit: (bytes: Buffer) => void) {
  const cuts: MailCut[] = [];
  const decode = createDecoder();
  let space: Buffer = Buffer.alloc(0);
  /** What is not dealt with yet; within `space`. */
  let pending: Buffer = space;
  /** Offset of `pending` in the mail. */
  let offset = 0;
  let before = '';
  let run: Run | undefined;
  /** Within `pending`: the next line to look at, and the first of the lines that look like a file. */
  let next = 0;
  let first = -1;
  let shape = { line: 0, end: 0 };
  let isBody = false;

  function drop(count: number): void {
    pending = pending.subarray(count);
    offset += count;
    next = Math.max(0, next - count);
    if (first >= 0) first -= count;
  }
  function keep(count: number): void {
    if (count === 0) return;
    const bytes = pending.subarray(0, count);
    emit(bytes);
    before = (before + bytes.toString('latin1', Math.max(0, count - headerBytes))).slice(-headerBytes);
    drop(count);
  }
  function add(to: Run, bytes: Buffer, span: number): void {
    to.hash.update(bytes);
    to.length += bytes.length;
    to.span += span;
  }
  function close(ended: Run, isLineWhole: boolean): void {
    const { offset: start, span, length, hash } = ended;
    const token = newToken();
    cuts.push({ token, offset: start, span, length, sha256: hash.digest('hex') });
    const lineEnd = isLineWhole ? (ended.end === 2 ? '\r\n' : '\n') : '';
    emit(Buffer.from(token.toString('base64') + lineEnd));
    run = undefined;
    next = 0;
    first = -1;
  }

  /** Takes whole lines of the run; true if more of the mail is needed to go on. */
  function continueRun(current: Run, isEnd: boolean): boolean {
    const unit = current.line + current.end;
    const block = pending.subarray(0, pending.length - (pending.length % unit));
    const bytes = decodedLines(block, current, decode);
    if (bytes) {
      add(current, bytes, block.length);
      drop(block.length);
      return !isEnd;
    }
    for (let at = 0; ;) {
      const found = pending.indexOf(lineFeed, at);
      const isWhole = found >= 0;
      if (!isWhole && !isEnd && pending.length - at <= unit) {
        drop(at);
        return true;
      }
      const stop = isWhole ? found : pending.length;
      const end = isWhole && pending[stop - 1] === carriageReturn ? 2 : 1;
      const text = pending.toString(
        'latin1',
        at,
        Math.min(isWhole ? stop + 1 - end : stop, at + longestLine + 1),
      );
      if (isWhole && text.length === current.line && end === current.end && fullLine.test(text)) {
        add(current, Buffer.from(text, 'base64'), unit);
        at = stop + 1;
        continue;
      }
      const isLast = text.length <= current.line && text.length % 4 === 0 && lastLine.test(text);
      if (isLast) add(current, Buffer.from(text, 'base64'), text.length);
      drop(at + (isLast ? text.length : 0));
      close(current, !isLast);
      return false;
    }
  }

  /** Looks for the start of a run; true if more of the mail is needed to go on. */
  function searchLines(): boolean {
    for (;;) {
      const found = pending.indexOf(lineFeed, next);
      if (found < 0) {
        // A line without end is no base64 of a mail.
        if (pending.length - next > shortestCut) {
          first = -1;
          keep(pending.length);
          next = 0;
        } else if (first < 0) keep(next);
        return true;
      }
      const end = found > next && pending[found - 1] === carriageReturn ? 2 : 1;
      const line = found + 1 - end - next;
      const isFull =
        line % 4 === 0 &&
        line >= shortestLine &&
        line <= longestLine &&
        fullLine.test(pending.toString('latin1', next, next + line));
      if (!isFull) {
        first = -1;
        isBody = false;
      } else if (first < 0 || line !== shape.line || end !== shape.end) {
        first = next;
        shape = { line, end };
      }
      next = found + 1;
      if (first < 0 || isBody) {
        if (next > shortestCut) keep(next);
        if (isBody) first = -1;
        continue;
      }
      if (next - first <= shortestCut) continue;
      keep(first);
      if (mayBeBody(before)) {
        isBody = true;
        continue;
      }
      run = { offset, ...shape, hash: createHash('sha256'), length: 0, span: 0 };
      return false;
    }
  }

  function advance(isEnd: boolean): void {
    while (run ? pending.length > 0 && !continueRun(run, isEnd) : !searchLines());
  }

  return {
    feed(bytes: Buffer): void {
      const length = pending.length + bytes.length;
      const former = pending;
      if (space.length < length) space = Buffer.allocUnsafe(2 * length);
      former.copy(space);
      bytes.copy(space, former.length);
      pending = space.subarray(0, length);
      advance(false);
    },
    /** The files that were cut out, in their order. */
    end(): MailCut[] {
      advance(true);
      if (run) close(run, true);
      keep(pending.length);
      return cuts;
    },
  };
}

/** The bytes of a block that is nothing but lines of the run; undefined if it is not. */
function decodedLines(
  block: Buffer,
  { line, end }: Run,
  decode: (base64: string) => Buffer,
): Buffer | undefined {
  // The native decoder takes the URL alphabet too, and stops at padding.
  if (block.length === 0 || [0x2d, 0x5f, 0x3d].some((byte) => block.includes(byte))) return undefined;
  const unit = line + end;
  for (let at = unit - 1; at < block.length; at += unit)
    if (block[at] !== lineFeed || (end === 2 && block[at - 1] !== carriageReturn)) return undefined;
  const bytes = decode(block.toString('latin1'));
  // It skips what is no base64, which makes the result too short.
  return bytes.length === ((block.length / unit) * line * 3) / 4 ? bytes : undefined;
}
