import type { Party } from '../email/email';
import { decodeRaw, decodeWords, encodedWordEnd } from './encoded-words';

/**
 * Parties of an address header (RFC 5322 section 3.4, with its obsolete forms), given as raw bytes in a Latin-1
 * string. Text inside a display name, quoted string, comment or encoded word never becomes an address: that would put
 * a record in a stranger's mailbox. A group gives its members. Names are decoded; `address` is as written, without
 * comments and source route, and may lack a domain; `number` is the likeliest phone number in the name, or takes the
 * place of the address.
 */
export function readAddresses(raw: string, charset?: string): Party[] {
  const text = decodeRaw(raw, charset);
  const parties: Party[] = [];
  const lastSemicolon = text.lastIndexOf(';');
  let tokens: Token[] = [];
  let glued = false;
  let inGroup = false;
  const finish = (): void => {
    const party = tokens.length > 0 ? partyOf(tokens, charset) : undefined;
    if (party) parties.push(party);
    tokens = [];
    glued = false;
  };
  const push = (kind: Token['kind'], value: string): void => {
    tokens.push({ kind, text: value, glued: glued && tokens.length > 0 });
    glued = true;
  };
  for (let at = 0; at < text.length;) {
    const char = text.charAt(at);
    if (/\s/.test(char)) {
      glued = false;
      at++;
    } else if (char === ',' || char === ';') {
      if (char === ';') inGroup = false;
      finish();
      at++;
    } else if (char === '"' || char === '(') {
      const [value, end] = readDelimited(text, at, char === '"' ? '"' : ')');
      push(char === '"' ? 'quoted' : 'comment', value);
      at = end;
    } else if (char === '<') {
      const [value, end] = readAngle(text, at);
      push('angle', value);
      at = end;
    } else if (char === ':' && !inGroup && opensGroup(text, at, lastSemicolon)) {
      inGroup = true;
      tokens = [];
      glued = false;
      at++;
    } else {
      const end = Math.max(wordEnd(text, at), at + 1);
      // Ignore a `>` without its `<`.
      if (text.slice(at, end) !== '>') push('text', text.slice(at, end));
      at = end;
    }
  }
  finish();
  return parties;
}

/** End of a run of plain characters; an encoded word or a domain literal is one run, whatever it contains. */
function wordEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && !/[\s,;:"(<>]/.test(text.charAt(at))) {
    if (text.charAt(at) === '[' && text.charAt(at - 1) === '@') {
      const close = text.slice(at, at + 260).indexOf(']');
      at += close < 0 ? 1 : close + 1;
    } else at = Math.max(at + 1, encodedWordEnd(text, at));
  }
  return at;
}

/** A piece of an address header; `glued` when no blank precedes it. */
interface Token {
  kind: 'text' | 'quoted' | 'comment' | 'angle';
  text: string;
  glued: boolean;
}

/** Unescaped text of the quoted string or comment that opens at `start`, and where the header continues. */
function readDelimited(text: string, start: number, close: string): [value: string, end: number] {
  const open = text.charAt(start);
  let value = '';
  let depth = 1;
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '\\' && at + 1 < text.length) {
      value += text.charAt(++at);
      continue;
    }
    if (char === close && --depth === 0) return [value, at + 1];
    if (char === open && open !== close) depth++;
    value += char;
  }
  return [value, text.length];
}

/** The content of angle brackets without comments, blanks and source route; `end` is after the `>`. */
function readAngle(text: string, start: number): [value: string, end: number] {
  let value = '';
  let at = start + 1;
  for (; at < text.length && text.charAt(at) !== '>'; at++) {
    const char = text.charAt(at);
    if (char === '"') {
      // The quotes of a quoted local part belong to the address.
      const [quoted, end] = readDelimited(text, at, '"');
      value += `"${quoted.replace(/["\\]/g, '\\$&')}"`;
      at = end - 1;
    } else if (char === '(') at = readDelimited(text, at, ')')[1] - 1;
    // A second `<`, or a separator outside a source route, shows that the `>` is missing.
    else if (char === '<' || ((char === ',' || char === ';') && !value.startsWith('@'))) break;
    else value += char;
  }
  const end = text.charAt(at) === '>' ? at + 1 : at;
  value = value.replace(/\s+/g, '').replace(/^mailto:/i, '');
  return [value.startsWith('@') ? value.slice(value.indexOf(':') + 1) : value, end];
}

/** The address when the tokens are one address and nothing else; blanks around `.` and `@` are allowed. */
function bareAddress(tokens: Token[]): string | undefined {
  let address = '';
  for (const token of tokens) {
    const joins = token.glued || /[.@]$/.test(address) || /^[.@]/.test(token.text);
    if (address !== '' && !joins) return undefined;
    // A quoted string can be a local part only at the start.
    if (token.kind === 'quoted' && address !== '') return undefined;
    if (token.kind === 'text' && mayHoldWord(token.text)) return undefined;
    address += token.kind === 'quoted' ? `"${token.text.replace(/["\\]/g, '\\$&')}"` : token.text;
  }
  const at = address.lastIndexOf('@');
  const quotedOnly = address.startsWith('"') && !/"@[^"]*$/.test(address);
  return at > 0 && at < address.length - 1 && !quotedOnly ? address : undefined;
}

/** Whether an encoded word may be in the text. An expression would search to the end for each start of a word. */
function mayHoldWord(text: string): boolean {
  const open = text.indexOf('=?');
  return open >= 0 && text.lastIndexOf('?=') >= open + 3;
}

function joinWords(tokens: Token[]): string {
  return tokens.reduce((text, token) => text + (token.glued || text === '' ? '' : ' ') + token.text, '');
}

/** Nothing but a phone number, in whatever notation. */
const onlyNumber = /^[+\d\s().\-/\u2010-\u2015\u00a0\u200b-\u200f\u202a-\u202e\uff0b\uff10-\uff19]+$/;

/** Digits in parentheses beside a name, such as `(201) 555-0123`, are part of a number and not a comment. */
const numberPart = /^\+?[\d\s.-]{1,8}$/;

function partyOf(tokens: Token[], charset: string | undefined): Party | undefined {
  // The last bracket counts, whatever it holds; an earlier `<` belongs to the name.
  const angleAt = tokens.findLastIndex(({ kind }) => kind === 'angle');
  const words: Token[] = [];
  const comments: string[] = [];
  const bare = tokens.filter((token) => token.kind !== 'comment');
  let address = angleAt >= 0 ? tokens[angleAt]?.text : bareAddress(bare);
  const isBare = angleAt < 0 && address !== undefined;
  tokens.forEach((token, index) => {
    if (index === angleAt) return;
    if (token.kind === 'comment') {
      if (!isBare && numberPart.test(token.text)) words.push({ ...token, text: `(${token.text})` });
      else comments.push(token.text);
    } else if (token.kind === 'angle') words.push({ ...token, text: `<${token.text}>` });
    else if (!isBare) words.push(token);
  });
  const raw = joinWords(words).trim() || comments.join(' ').trim();
  const name = decodeWords(raw, charset)
    .replace(/[\r\n]+/g, ' ')
    .trim();
  address = address?.trim();
  if (name === '' && !address) return undefined;
  const party = { name, ...(address ? { address } : {}) };
  // The number may take the place of the address.
  const written = angleAt < 0 && !address && tokens.every(({ kind }) => kind === 'text') ? name : address;
  const stated = written !== undefined && onlyNumber.test(written) ? numberIn(written) : undefined;
  if (stated !== undefined) return { ...party, number: stated };
  const named = numberIn(name) ?? numberIn(comments.join(' '));
  return named === undefined ? party : { ...party, number: named, numberInName: true };
}

/** Names contain colons too, so a colon opens a group only if the group is closed or no bracket follows. */
function opensGroup(text: string, colon: number, lastSemicolon: number): boolean {
  if (lastSemicolon > colon) return true;
  const rest = text.slice(colon + 1, colon + 400);
  const comma = rest.indexOf(',');
  return !(comma < 0 ? rest : rest.slice(0, comma)).includes('<') && rest.includes('@');
}

const separators = '[\\s().\\-/\\u2010-\\u2015\\u00a0]';
const numberCandidate = new RegExp(`\\(?(?:\\+\\s?)?\\(?\\d(?:${separators}{0,4}\\d)*`, 'g');

/**
 * The phone-like run of digits in a display name such as `Li Wei +86 138 0013 8000`, without separators but with its
 * `+`; of several runs, the last one. Undefined when no run has five digits. The number may not exist. Digits inside a
 * word (`wxid_12345`, `user12345@host`) do not count.
 */
export function numberIn(name: string): string | undefined {
  // Phones put direction marks around copied numbers; East Asian keyboards write full-width digits.
  const text = name.replace(/[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, '').normalize('NFKC');
  let found: string | undefined;
  for (const match of text.matchAll(numberCandidate)) {
    const before = text.charAt(match.index - 1);
    const after = text.charAt(match.index + match[0].length);
    if (/[\w@]/.test(before) || /[A-Za-z_@]/.test(after)) continue;
    found = tidyNumber(match[0]) ?? found;
  }
  return found;
}

function tidyNumber(run: string): string | undefined {
  const words = run.trim().split(/\s+/);
  const last = words.at(-1) ?? '';
  const count = (part: string): number => part.replace(/\D/g, '').length;
  // `Store 7 13800138000`: a full number in one piece is separate from the digits before it.
  const international = /^\(?\+/;
  const alone = international.test(run) ? count(run) > 15 : words.length > 1 && count(last) >= 10;
  const number = alone ? last : run;
  // `+44 (0)20 …`: the zero is dialled only within the country.
  const digits = (international.test(number) ? number.replace('(0)', '') : number).replace(/\D/g, '');
  if (digits.length < 5) return undefined;
  return international.test(number) ? `+${digits}` : digits;
}
