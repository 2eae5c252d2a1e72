import type { Party } from '../email/email';
import { cleanAddress, isAddress } from './address';
import { numberOfAccount, plainDigits, separatorClass } from './phone';

/** How words of a header that are not text yet are found and decoded (RFC 2047). */
export interface EncodedWords {
  /** Where the encoded word that begins at `start` ends, or `start` if none begins there. */
  end(text: string, start: number): number;
  decode(text: string): string;
}

const plainText: EncodedWords = { end: (_, start) => start, decode: (text) => text };

/**
 * Parties of an address list (RFC 5322 section 3.4, with its obsolete forms, and the eight formats in which TeleMessage
 * writes participants). Text inside a quoted string, a comment or an encoded word never becomes an address, and nothing
 * in a display name does where the party has an address of its own: that would put a record in a stranger's mailbox. A
 * phrase without an address before a comma belongs to the name of the next mailbox. A group gives its members. Names are
 * decoded; `address` is without dirt (`cleanAddress`), comments and source route, and may lack a domain; `number` is the
 * likeliest phone number in the name, or takes the place of the address.
 */
export function readParties(text: string, words: EncodedWords = plainText): Party[] {
  const parties: Party[] = [];
  const lastSemicolon = text.lastIndexOf(';');
  let tokens: Token[] = [];
  let glued = false;
  let inGroup = false;
  const finish = (): void => {
    for (const mailbox of mailboxesIn(tokens)) {
      const party = partyOf(mailbox, words);
      if (party) parties.push(party);
    }
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
      if (char === ',' && !endsMailbox(lastSegment(tokens))) {
        glued = true;
        push('comma', ',');
        glued = false;
      } else finish();
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
      const end = Math.max(wordEnd(text, at, words), at + 1);
      // Ignore a `>` without its `<`.
      if (text.slice(at, end) !== '>') push('text', text.slice(at, end));
      at = end;
    }
  }
  finish();
  return parties;
}

/** End of a run of plain characters; an encoded word or a domain literal is one run, whatever it contains. */
function wordEnd(text: string, start: number, words: EncodedWords): number {
  let at = start;
  while (at < text.length && !/[\s,;:"(<>]/.test(text.charAt(at))) {
    if (text.charAt(at) === '[' && text.charAt(at - 1) === '@') {
      const close = text.slice(at, at + 260).indexOf(']');
      at += close < 0 ? 1 : close + 1;
    } else at = Math.max(at + 1, words.end(text, at));
  }
  return at;
}

/** A piece of an address list; `glued` when no blank precedes it. */
interface Token {
  kind: 'text' | 'quoted' | 'comment' | 'angle' | 'comma';
  text: string;
  glued: boolean;
}

/** The tokens after the last comma. */
function lastSegment(tokens: readonly Token[]): Token[] {
  return tokens.slice(tokens.findLastIndex(({ kind }) => kind === 'comma') + 1);
}

/** What stands in the place of an address: an id of WeChat, or TeleMessage's word for a party that it does not know. */
const standsAlone = /^(?:UNKNOWN|(?=[a-z]*[\d_])[a-z][a-z\d_-]{5,})$/i;

/** Whether a mailbox ends with these tokens, so that a comma after them separates it from the next one. */
function endsMailbox(segment: readonly Token[]): boolean {
  if (segment.length === 0) return true;
  if (segment.some(({ kind }) => kind === 'angle') || onlyAddress(segment) !== undefined) return true;
  const [only, ...others] = segment;
  if (others.length === 0 && only!.kind === 'text' && standsAlone.test(only!.text)) return true;
  return segment.every(({ kind }) => kind === 'text') && isNumber(joinWords(segment));
}

/** One mailbox whose name may hold commas, or, where nothing in the list is a mailbox, one name for each phrase. */
function mailboxesIn(tokens: readonly Token[]): Token[][] {
  if (tokens.length === 0) return [];
  const last = lastSegment(tokens);
  const named = numberIn(joinWords(last.filter(({ kind }) => kind !== 'comment')));
  if (endsMailbox(last) ? last.length > 0 : named !== undefined) return [[...tokens]];
  const phrases: Token[][] = [[]];
  for (const token of tokens)
    if (token.kind === 'comma') phrases.push([]);
    else phrases.at(-1)!.push(token);
  return phrases.filter((phrase) => phrase.length > 0);
}

/** Unescaped text of the quoted string or comment that opens at `start`, and where the list continues. */
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
  value = value.replace(/\s+/g, '');
  return [cleanAddress(value.startsWith('@') ? value.slice(value.indexOf(':') + 1) : value), end];
}

/** The address when the tokens are one address and nothing else; blanks around `.` and `@` are allowed. */
function bareAddress(tokens: readonly Token[]): string | undefined {
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
  return at > 0 && at < address.length - 1 && !quotedOnly ? cleanAddress(address) : undefined;
}

/** The only address of a mailbox without angle brackets, and where it stands: -1 when it is all that there is. */
function onlyAddress(tokens: readonly Token[]): { address: string; at: number } | undefined {
  const written = tokens.filter(({ kind }) => kind !== 'comment');
  const bare = bareAddress(written);
  if (bare !== undefined) return { address: bare, at: -1 };
  // Any other @ shows that the rest is more than a name.
  const [only, ...others] = written.filter(({ text }) => text.includes('@'));
  if (!only || others.length > 0 || only.kind !== 'text' || mayHoldWord(only.text)) return undefined;
  const address = cleanAddress(only.text);
  return isAddress(address) ? { address, at: tokens.indexOf(only) } : undefined;
}

/** Whether an encoded word may be in the text. An expression would search to the end for each start of a word. */
function mayHoldWord(text: string): boolean {
  const open = text.indexOf('=?');
  return open >= 0 && text.lastIndexOf('?=') >= open + 3;
}

function joinWords(tokens: readonly Token[]): string {
  let joined = '';
  for (const { text, glued } of tokens) joined += (glued || joined === '' ? '' : ' ') + text;
  return joined;
}

/** A comma at the end separated the name from the address. An expression would search to the end for each blank. */
function withoutLastComma(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s,]/.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** Nothing but a phone number, in whatever notation, or the id of a WhatsApp account. */
const numberShape = new RegExp(`^[+\\d${separatorClass}]+$`, 'u');
const isNumber = (text: string) => numberShape.test(plainDigits(text)) || numberOfAccount(text) !== undefined;

/** Digits in parentheses beside a name, such as `(201) 555-0123`, are part of a number and not a comment. */
const numberPart = /^\+?[\d\s.-]{1,8}$/;

function partyOf(tokens: readonly Token[], encoded: EncodedWords): Party | undefined {
  // The last bracket counts, whatever it holds; an earlier `<` belongs to the name.
  const angleAt = tokens.findLastIndex(({ kind }) => kind === 'angle');
  const only = angleAt < 0 ? onlyAddress(lastSegment(tokens)) : undefined;
  const offset = tokens.length - lastSegment(tokens).length;
  const addressAt = only && only.at >= 0 ? only.at + offset : angleAt;
  const isBare = only !== undefined && only.at < 0;
  let address = angleAt >= 0 ? tokens[angleAt]?.text : only?.address;
  const words: Token[] = [];
  const comments: string[] = [];
  tokens.forEach((token, index) => {
    if (index === addressAt) return;
    if (token.kind === 'comment') {
      if (!isBare && numberPart.test(token.text)) words.push({ ...token, text: `(${token.text})` });
      else comments.push(token.text);
    } else if (token.kind === 'angle') words.push({ ...token, text: `<${token.text}>` });
    else if (!isBare || index < offset) words.push(token);
  });
  const raw = withoutLastComma(joinWords(words)).trim() || comments.join(' ').trim();
  const name = encoded
    .decode(raw)
    .replace(/[\r\n]+/g, ' ')
    .trim();
  address = address?.trim();
  if (name === '' && !address) return undefined;
  const account = address === undefined ? undefined : numberOfAccount(address);
  if (account !== undefined) return { name, number: account };
  const party = { name, ...(address ? { address } : {}) };
  // The number may take the place of the address.
  const last = joinWords(lastSegment(tokens));
  const written = angleAt < 0 && !address && tokens.every(({ kind }) => isPlain(kind)) ? last : address;
  const stated = written !== undefined && isNumber(written) ? numberIn(written) : undefined;
  if (stated !== undefined) {
    const rest = written === last ? withoutLastComma(joinWords(tokens.slice(0, offset))) : '';
    return { ...party, ...(rest === '' ? {} : { name: rest }), number: stated };
  }
  const named = numberIn(name) ?? numberIn(comments.join(' '));
  return named === undefined ? party : { ...party, number: named, numberInName: true };
}

const isPlain = (kind: Token['kind']) => kind === 'text' || kind === 'comma';

/** Names contain colons too, so a colon opens a group only if the group is closed or no bracket follows. */
function opensGroup(text: string, colon: number, lastSemicolon: number): boolean {
  if (lastSemicolon > colon) return true;
  const rest = text.slice(colon + 1, colon + 400);
  const comma = rest.indexOf(',');
  return !(comma < 0 ? rest : rest.slice(0, comma)).includes('<') && rest.includes('@');
}

const numberCandidate = new RegExp(`\\(?(?:\\+\\s?)?\\(?\\d(?:[${separatorClass}]{0,4}\\d)*`, 'gu');

/**
 * The phone-like run of digits in a display name such as `Li Wei +86 138 0013 8000`, without separators but with its
 * `+`; of several runs, the last one. Undefined when no run has five digits. The number may not exist. Digits inside a
 * word (`wxid_12345`, `user12345@host`) do not count.
 */
export function numberIn(name: string): string | undefined {
  const text = plainDigits(name);
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
