import { decodeBytes, decoderName, soundText } from './charset';

interface Word {
  charset: string;
  base64: boolean;
  payload: string;
  end: number;
}

/** The encoded word that starts at `start`, or undefined. `=?` stands there. */
function wordAt(text: string, start: number, lastClose: number): Word | undefined {
  if (start > lastClose) return undefined;
  const head = /=\?([^?\s]{1,80})\?([bq])\?/iy;
  head.lastIndex = start;
  const match = head.exec(text);
  if (!match) return undefined;
  const from = head.lastIndex;
  // A word that would swallow the start of the next one was never closed. Looking no further than that start
  // also keeps a header of a hundred thousand unclosed words linear.
  const nextOpen = text.indexOf('=?', from);
  const close = nextOpen < 0 ? text.indexOf('?=', from) : text.slice(0, nextOpen + 3).indexOf('?=', from);
  if (close < 0) return undefined;
  const charset = (match[1] ?? '').split('*')[0] ?? '';
  const base64 = match[2]?.toLowerCase() === 'b';
  return { charset, base64, payload: text.slice(from, close), end: close + 2 };
}

function wordBytes(word: Word): Buffer {
  if (word.base64) return Buffer.from(word.payload, 'base64');
  const plain = word.payload
    .replace(/_/g, ' ')
    .replace(/=\s*([0-9a-f])\s*([0-9a-f])/gi, (_, high: string, low: string) =>
      String.fromCharCode(parseInt(high + low, 16)),
    );
  // Characters above U+00FF can only come from a header that was decoded before: they stand for themselves.
  return /[^\0-\xff]/.test(plain) ? Buffer.from(plain, 'utf8') : Buffer.from(plain, 'latin1');
}

/** Adjacent words of one charset are decoded together: senders split characters between words. */
function decodeRun(words: Word[], fallback: string | undefined): string {
  const chunks: Buffer[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (!word) continue;
    let payload = word.payload;
    // Some split the base64 text itself, within a group of four.
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
 * Text with its encoded words decoded (RFC 2047), also where software put them against the rules: inside
 * quoted strings, glued to other text, with blanks or raw bytes inside. Blanks between two words are dropped.
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

/** End of the encoded word that starts at `start`, or `start` when none does: for tokenisers. */
export function encodedWordEnd(text: string, start: number): number {
  return text.startsWith('=?', start) ? (wordAt(text, start, text.length)?.end ?? start) : start;
}

/**
 * A header value, given as its raw bytes in a Latin-1 string, as text in which encoded words still stand:
 * raw 8-bit bytes are decoded (UTF-8, else `charset`, else the likeliest), those inside an encoded word are
 * left to that word's own charset.
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

/** A header value in plain text on one line: unfolded raw bytes in, decoded text out. */
export function decodeText(raw: string, charset?: string): string {
  return decodeWords(decodeRaw(raw, charset), charset)
    .replace(/[\r\n]+/g, ' ')
    .trim();
}
