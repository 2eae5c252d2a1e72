import { decodeBytes } from './charset';
import { decodeRaw, decodeWords, encodedWordEnd } from './encoded-words';

/** A structured header value: `text/plain; charset=utf-8`. */
export interface StructuredValue {
  /** Lower case, without comments and blanks. */
  value: string;
  /** Decoded parameters by lower-case name; of two with one name, the first counts. */
  parameters: Map<string, string>;
}

/** Value of the quoted parameter that opens at `start`, and where the header continues. */
function readQuoted(text: string, start: number): [value: string, end: number] {
  let value = '';
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at);
    // In practice only `\"` and `\\` are escapes: the backslashes in `"C:\Users\x"` belong to the path.
    if (char === '\\' && /["\\]/.test(text.charAt(at + 1))) value += text.charAt(++at);
    else if (char === '"' && /^\s*(;|$|[\w*-]{1,40}=)/.test(text.slice(at + 1, at + 60)))
      return [value, at + 1];
    else value += char;
  }
  return [value.replace(/"$/, ''), text.length];
}

function readBare(text: string, start: number): [value: string, end: number] {
  let at = start;
  while (at < text.length && text.charAt(at) !== ';') at = Math.max(at + 1, encodedWordEnd(text, at));
  return [text.slice(start, at).trim(), at];
}

function rawParameters(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const name = /([^\s=;"]{1,100})\s*(=\s*)?/y;
  for (let at = 0; at < text.length;) {
    if (/[\s;]/.test(text.charAt(at))) {
      at++;
      continue;
    }
    name.lastIndex = at;
    const match = name.exec(text);
    if (!match) {
      at++;
      continue;
    }
    at = name.lastIndex;
    if (match[2] === undefined) continue;
    const [value, end] = text.charAt(at) === '"' ? readQuoted(text, at) : readBare(text, at);
    const key = (match[1] ?? '').toLowerCase();
    if (!found.has(key)) found.set(key, value);
    at = end;
  }
  return found;
}

function percentBytes(text: string): Buffer {
  const bytes: Buffer[] = [];
  for (const piece of text.split(/((?:%[0-9a-f]{2})+)/i)) {
    const escaped = /^%[0-9a-f]{2}/i.test(piece);
    bytes.push(escaped ? Buffer.from(piece.replaceAll('%', ''), 'hex') : Buffer.from(piece, 'utf8'));
  }
  return Buffer.concat(bytes);
}

interface Section {
  order: number;
  extended: boolean;
  text: string;
}

/** Joins the sections of one parameter (RFC 2231 sections 3 and 4). */
function joinSections(sections: Section[], fallback: string | undefined): string {
  sections.sort((a, b) => a.order - b.order);
  let charset: string | undefined;
  let value = '';
  let pending: Buffer[] = [];
  const flush = (): void => {
    // Adjacent sections are decoded together, because a character may be split between them.
    if (pending.length > 0) value += decodeBytes(Buffer.concat(pending), charset, fallback);
    pending = [];
  };
  sections.forEach((section, index) => {
    let text = section.text;
    if (section.extended) {
      const prefix = index === 0 ? /^([^']{0,80})'[^']{0,80}'/.exec(text) : null;
      if (prefix) {
        charset = prefix[1] || undefined;
        text = text.slice(prefix[0].length);
      }
      pending.push(percentBytes(text));
    } else {
      flush();
      value += text;
    }
  });
  flush();
  return decodeWords(value, fallback);
}

/** Each comment up to its first closing parenthesis; an open one is text. */
function withoutComments(text: string): string {
  let kept = '';
  for (let at = 0; at < text.length;) {
    const open = text.indexOf('(', at);
    const close = open < 0 ? -1 : text.indexOf(')', open);
    if (close < 0) return kept + text.slice(at);
    kept += text.slice(at, open);
    at = close + 1;
  }
  return kept;
}

/**
 * Reads a header such as Content-Type or Content-Disposition from its raw bytes (a Latin-1 string). Handles quoted and
 * bare values with blanks, Windows paths, continuations and charsets (RFC 2231), and encoded words inside values.
 * `charset` is that of the mail, for raw 8-bit values.
 */
export function readStructured(raw: string, charset?: string): StructuredValue {
  const text = decodeRaw(raw, charset);
  const semicolon = text.indexOf(';');
  const head = semicolon < 0 ? text : text.slice(0, semicolon);
  const value = (/^[^\s"]*/.exec(withoutComments(head).trimStart())?.[0] ?? '').toLowerCase();
  const sections = new Map<string, Section[]>();
  const whole = new Map<string, Section[]>();
  const parameters = new Map<string, string>();
  // Some senders write a blank instead of the semicolon after the value.
  for (const [key, content] of rawParameters(
    semicolon < 0 ? head.slice(value.length) : text.slice(semicolon),
  )) {
    const match = /^(.+?)\*(?:(\d{1,5})(\*?))?$/.exec(key);
    // A boundary is not text, even if it looks like an encoded word.
    if (!match) parameters.set(key, key === 'boundary' ? content : decodeWords(content, charset));
    else {
      const name = match[1] ?? '';
      const order = Number(match[2] ?? 0);
      const isWhole = match[2] === undefined;
      const lists = isWhole ? whole : sections;
      const list = lists.get(name) ?? [];
      list.push({ order, extended: isWhole || match[3] === '*', text: content });
      lists.set(name, list);
    }
  }
  // The plain form beside an extended one is for old software, so the extended form wins (RFC 6266 section 4.3).
  // Beside its own sections, a value in one piece says the same again.
  for (const [name, list] of [...sections, ...whole]) parameters.set(name, joinSections(list, charset));
  return { value, parameters };
}
