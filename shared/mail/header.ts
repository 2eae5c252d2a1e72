/** The header of a mail or of one of its parts, read from bytes. */
export interface Headers {
  /** Names of the fields, lower case, each once. */
  names: readonly string[];
  /** Raw bytes of the first field of that name as a Latin-1 string, unfolded and trimmed; undefined when missing. */
  first(name: string): string | undefined;
  /** The same for all fields of that name, in order. */
  all(name: string): string[];
  /** Where the header block starts and ends in the bytes, and where the content begins. */
  start: number;
  end: number;
  bodyStart: number;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const colon = 0x3a;
const dash = 0x2d;

/** Field names that prove that lines of the form `word: text` are a header and not already the content. */
const known =
  /^(content-.*|x-.*|mime-version|from|to|cc|bcc|subject|date|message-id|received|return-path|reply-to|sender|references|in-reply-to|thread-.*|list-.*|resent-.*|arc-.*|dkim-.*|authentication-.*|received-.*|delivered-to|importance|priority|precedence|apparently-to|errors-to|status|lines|envelope-.*|disposition-.*|auto-.*|user-agent|organization|comments|keywords|return-receipt-to|original-.*)$/;

/** Name of the field that the line begins, in lower case; undefined when it begins no field. */
function fieldName(raw: Buffer, start: number, end: number): string | undefined {
  let at = start;
  for (; at < end; at++) {
    const byte = raw[at] ?? 0;
    if (byte === colon || byte < 0x21 || byte > 0x7e) break;
  }
  if (at === start) return undefined;
  const nameEnd = at;
  while (raw[at] === 0x20 || raw[at] === 0x09) at++;
  if (at >= end || raw[at] !== colon) return undefined;
  // `http://…` and `--boundary:` are not fields.
  if (raw[at + 1] === 0x2f && raw[at + 2] === 0x2f) return undefined;
  if (raw[start] === dash && raw[start + 1] === dash) return undefined;
  return raw.toString('latin1', start, nameEnd).toLowerCase();
}

/** The byte that ends lines. Old Macintosh software writes mails without any line feed. */
export const lineEndOf = (raw: Buffer): number => (raw.includes(lineFeed) ? lineFeed : carriageReturn);

interface Line {
  start: number;
  /** Before the line break. */
  end: number;
  next: number;
}

function lineAt(raw: Buffer, start: number, eol: number): Line {
  const at = raw.indexOf(eol, start);
  let end = at < 0 ? raw.length : at;
  const next = at < 0 ? raw.length : at + 1;
  while (end > start && raw[end - 1] === carriageReturn) end--;
  return { start, end, next };
}

function isBlank(raw: Buffer, line: Line): boolean {
  for (let at = line.start; at < line.end; at++) if (raw[at] !== 0x20 && raw[at] !== 0x09) return false;
  return true;
}

function startsKnownField(raw: Buffer, start: number, eol: number): boolean {
  if (start >= raw.length) return false;
  const line = lineAt(raw, start, eol);
  return known.test(fieldName(raw, line.start, line.end) ?? '');
}

/** The line that some mailbox files and gateways put before a header. `From :` is a field (RFC 5322 section 4.5). */
const envelopeLine = /^>?From (?! *:)/;

/** Start of the header after a byte-order mark, blank lines and the envelope line of an mbox file. */
function skipEnvelope(raw: Buffer, start: number, eol: number): number {
  let at = raw[start] === 0xef && raw[start + 1] === 0xbb && raw[start + 2] === 0xbf ? start + 3 : start;
  let enveloped = false;
  for (;;) {
    const line = lineAt(raw, at, eol);
    const envelope = envelopeLine.test(raw.toString('latin1', at, Math.min(at + 80, line.end)));
    if (line.next >= raw.length || !(envelope || isBlank(raw, line))) break;
    enveloped ||= envelope;
    at = line.next;
  }
  if (startsKnownField(raw, at, eol)) return at;
  // After an envelope line any field may begin the header; its end will tell whether it is one.
  const first = lineAt(raw, at, eol);
  return enveloped && fieldName(raw, first.start, first.end) !== undefined ? at : start;
}

interface Field {
  name: string;
  lines: string[];
}

interface Block {
  fields: Field[];
  start: number;
  end: number;
  bodyStart: number;
}

/**
 * Reads the header at `start` (RFC 5322 section 2.2). An empty line ends it; a line of blanks is a fold (section 4.2).
 * Without an empty line after it, it ends before the first line that cannot belong to it; text that only looks like a
 * header (`Note: …`) is content. A header that goes on with its Content-Type behind a gap of empty lines is read on.
 * `eol` is the byte that ends lines; `whole` is true for a mail and false for a part. Time is linear in the header's
 * length.
 */
export function readHeaders(raw: Buffer, start: number, eol: number, whole: boolean): Headers {
  const begin = whole ? skipEnvelope(raw, start, eol) : start;
  let block = readBlock(raw, begin, eol, false);
  // No empty line anywhere: then a line of blanks separated header and content.
  if (block.bodyStart >= raw.length && block.fields.length > 0) block = readBlock(raw, begin, eol, true);
  if (block.fields.length > 0 && !block.fields.some(({ name }) => known.test(name)))
    block = { fields: [], start, end: start, bodyStart: start };
  return headersOf(withFieldsBehindGap(raw, block, eol, whole));
}

/** @param endsAtBlanks whether a line of nothing but blanks ends the header too */
function readBlock(raw: Buffer, begin: number, eol: number, endsAtBlanks: boolean): Block {
  const fields: Field[] = [];
  let at = begin;
  let end = begin;
  while (at < raw.length) {
    const line = lineAt(raw, at, eol);
    if (line.start === line.end || ((endsAtBlanks || fields.length === 0) && isBlank(raw, line))) {
      at = line.next;
      break;
    }
    const folded = raw[at] === 0x20 || raw[at] === 0x09;
    const last = fields.at(-1);
    const name = folded ? undefined : fieldName(raw, line.start, line.end);
    const text = raw.toString('latin1', line.start, line.end);
    if (folded && last) last.lines.push(text.slice(1));
    else if (name) {
      fields.push({ name, lines: [text.slice(text.indexOf(':') + 1)] });
    } else {
      const boundary = raw[at] === dash && raw[at + 1] === dash;
      // A fold that lost its blank, or garbage between two fields; anything else is content without a line before it.
      const goesOn = startsKnownField(raw, line.next, eol) || (last && lostFold.test(text));
      if (boundary || folded || !goesOn) break;
      // A damaged field must not add its people to the one before it.
      if (last && (!addressFields.test(last.name) || /,\s*$/.test(last.lines.at(-1) ?? '')))
        last.lines.push(text);
    }
    at = line.next;
    end = at;
  }
  return { fields, start: begin, end, bodyStart: at };
}

const addressFields = /^(?:resent-)?(?:from|sender|to|cc|bcc|reply-to)$|^apparently-to$/;

/** How the second line of a folded field begins, and hardly any content. */
const lostFold =
  /^(?:=\?[^?\s]{1,40}\?[bq]\?|(?:boundary|charset|name|filename|format|type)\*?=["\w]|<[^<>\s@]+@[^<>\s@]+>,?\s*$)/i;

/** Longer gaps are not an accident of one header. */
const maxGapLines = 20;

/** The header with the fields behind empty lines, if it lacks its Content-Type and goes on with it. */
function withFieldsBehindGap(raw: Buffer, block: Block, eol: number, whole: boolean): Block {
  const { fields } = block;
  const has = (wanted: string) => fields.some(({ name }) => name === wanted);
  if (has('content-type') || (whole && !has('mime-version')) || (!whole && fields.length > 0)) return block;
  let at = block.bodyStart;
  for (let lines = 0; lines < maxGapLines && at < raw.length; lines++) {
    const line = lineAt(raw, at, eol);
    if (!isBlank(raw, line)) break;
    at = line.next;
  }
  const line = lineAt(raw, at, eol);
  if (at >= raw.length || fieldName(raw, line.start, line.end) !== 'content-type') return block;
  const rest = readBlock(raw, at, eol, false);
  const isWholeHeader = rest.bodyStart > rest.end;
  if (!isWholeHeader || !rest.fields.every(({ name }) => /^content-|^mime-/.test(name))) return block;
  return { ...rest, fields: [...fields, ...rest.fields], start: block.start };
}

function headersOf({ fields, start, end, bodyStart }: Block): Headers {
  const values = new Map<string, string[]>();
  for (const { name, lines } of fields) {
    // A fold becomes one blank, whatever the next line begins with: software that folds writes blanks or tabs.
    const value = (lines.length === 1 ? (lines[0] ?? '') : lines.join(' ')).trim();
    const sameName = values.get(name);
    if (sameName) sameName.push(value);
    else values.set(name, [value]);
  }
  const all = (name: string): string[] => values.get(name) ?? [];
  return { names: [...values.keys()], first: (name) => all(name)[0], all, start, end, bodyStart };
}
