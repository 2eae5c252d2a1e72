import { decodeBytes, decoderName, soundText } from './charset';

interface Word {
  charset: string;
  base64: boolean;
  payload: string;
  end: number;
}

/** The encoded word whose `=?` is at `start`; undefined if it is not one. */
function wordAt(text: string, start: number, lastClose: number): Word | undefined {
  if (start > lastClose) return undefined;
  const head = /=\?([^?\s]{1,80})\?([bq])\?/iy;
  head.lastIndex = start;
  const match = head.exec(text);
  if (!match) return undefined;
  const from = head.lastIndex;
  // A word that reaches into the next one was never closed. Searching only as far as the next start also keeps the
  // time linear for a header of a hundred thousand unclosed words.
  const nextOpen = text.indexOf('=?', from);
  const limit = nextOpen < 0 ? text.length : nextOpen + 3;
  let close = text.slice(0, limit).indexOf('?=', from);
  if (close < 0) return undefined;
  const charset = (match[1] ?? '').split('*')[0] ?? '';
  const base64 = match[2]?.toLowerCase() === 'b';
  if (!base64) close = endOfQ(text, close, limit);
  return { charset, base64, payload: text.slice(from, close), end: close + 2 };
}

/**
 * Where a Q word ends: some senders leave `?` as it is, and `?=3F` is then a question mark and an encoded character.
 *
 * @param close the first `?=`
 */
function endOfQ(text: string, close: number, limit: number): number {
  for (let at = close; /^[0-9a-f]{2}/i.test(text.slice(at + 2, at + 4));) {
    const next = text.slice(at + 2, limit).search(/\?=|\s/);
    if (next < 0 || text.charAt(at + 2 + next) !== '?') return close;
    at += 2 + next;
    if (!/^[0-9a-f]{2}/i.test(text.slice(at + 2, at + 4))) return at;
  }
  return close;
}

function wordBytes(word: Word): Buffer {
  if (word.base64) return Buffer.from(word.payload, 'base64');
  const plain = word.payload
    .replace(/_/g, ' ')
    .replace(/=\s*([0-9a-f])\s*([0-9a-f])/gi, (_, high: string, low: string) =>
      String.fromCharCode(parseInt(high + low, 16)),
    );
  // Characters above U+00FF mean that the header's raw bytes are already decoded: keep them.
  return /[^\0-\xff]/.test(plain) ? Buffer.from(plain, 'utf8') : Buffer.from(plain, 'latin1');
}

/** Decodes adjacent words of one charset together, because senders split characters between words. */
function decodeRun(words: Word[], fallback: string | undefined): string {
  const chunks: Buffer[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (!word) continue;
    let payload = word.payload;
    // Some senders split the base64 text within a group of four.
    while (word.base64 && payload.length % 4 !== 0 && !payload.endsWith('=') && words[i + 1]?.base64) {
      payload += words[++i]?.payload ?? '';
    }
    chunks.push(wordBytes({ ...word, payload }));
  }
  const charset = words[0]?.charset;
  const joined = decodeBytes(Buffer.concat(chunks), charset, fallback);
  if (words.length === 1 || !joined.includes('\ufffd')) return joined;
  return chunks.map((chunk) => decodeBytes(chunk, charset, fallback)).join('');
}

/**
 * Text with its encoded words decoded (RFC 2047), also where the RFC forbids them but software writes them: inside
 * quoted strings, glued to other text, with blanks or raw bytes inside. Blanks between two words are removed.
 */
export function decodeWords(text: string, fallback?: string): string {
  const lastClose = text.lastIndexOf('?=');
  if (lastClose < 0) return text;
  let decoded = '';
  let run: Word[] = [];
  let from = 0;
  const flush = (): void => {
    if (run.length > 0) decoded += decodeRun(run, fallback);
    run = [];
  };
  for (let at = text.indexOf('=?'); at >= 0; at = text.indexOf('=?', Math.max(at + 2, from))) {
    const word = wordAt(text, at, lastClose);
    if (!word) continue;
    const between = text.slice(from, at);
    if (run.length === 0 || between.trim() !== '') {
      flush();
      decoded += between;
    } else if (run[0]?.charset.toLowerCase() !== word.charset.toLowerCase()) flush();
    run.push(word);
    from = word.end;
  }
  flush();
  return decoded + text.slice(from);
}

/** End of the encoded word that begins at `start`, or `start` itself if no word begins there; for tokenisers. */
export function encodedWordEnd(text: string, start: number): number {
  return text.startsWith('=?', start) ? (wordAt(text, start, text.length)?.end ?? start) : start;
}

/**
 * Decodes the raw 8-bit bytes of a header value (a Latin-1 string): as UTF-8, else `charset`, else the likeliest
 * charset. Encoded words remain, and raw bytes inside them become `=XX`, to be decoded by the word's own charset.
 */
export function decodeRaw(raw: string, charset?: string): string {
  const utf7 = decoderName(charset) === 'utf-7' && /\+[A-Za-z0-9/]+-/.test(raw);
  if (!utf7 && !/[\0\x1b\x80-\xff]/.test(raw)) return raw;
  let escaped = '';
  let from = 0;
  const lastClose = raw.lastIndexOf('?=');
  for (let at = raw.indexOf('=?'); at >= 0; at = raw.indexOf('=?', Math.max(at + 2, from))) {
    const word = wordAt(raw, at, lastClose);
    if (!word || word.base64) continue;
    const bytes = raw
      .slice(at, word.end)
      .replace(/[\x80-\xff]/g, (char) => '=' + char.charCodeAt(0).toString(16).toUpperCase());
    escaped += raw.slice(from, at) + bytes;
    from = word.end;
  }
  escaped += raw.slice(from);
  return soundText(decodeBytes(Buffer.from(escaped, 'latin1'), utf7 ? 'utf-7' : undefined, charset));
}

/** The decoded text, on one line, of a header value given as unfolded raw bytes in a Latin-1 string. */
export function decodeText(raw: string, charset?: string): string {
  return decodeWords(decodeRaw(raw, charset), charset)
    .replace(/[\r\n]+/g, ' ')
    .trim();
}
