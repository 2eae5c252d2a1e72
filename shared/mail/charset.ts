import { isAscii, isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';
import { decodeEscaped, escapedCharset } from './charset-escapes';
import { guessCharset, utf8Share } from './charset-guess';
import { decodeUtf32, decodeUtf7 } from './charset-unicode';

/**
 * Labels whose decoder differs from what a runtime takes the label for. Superset decoders stand in for
 * their subsets (GB18030 for GB2312, CP949 for EUC-KR), because mails name the subset and use the superset.
 * ICU's `euc-kr` and `big5` let unassigned pairs pass as control characters, so iconv-lite reads those.
 */
const decoders: readonly (readonly [label: RegExp, decoder: string])[] = [
  [/^(unicode-?1-?1-?)?utf-?8/, 'utf-8'],
  [
    /^(us-)?ascii|^ansi|^(iso[-_]?8859[-_]?1|latin-?1|l1)$|^iso_8859-1:1987|^(windows-|x-|ms)?(cp-?)?1252$/,
    'windows-1252',
  ],
  [/^(x-)?(gb18030|gbk|gb[-_]?2312|euc-?cn|(cp|ms|windows-?)936|chinese|csgb)/, 'gb18030'],
  [/^(x-)?(euc-?kr|ks[-_]?c|korean|uhc|cseuckr)|949$/, 'iconv:cp949'],
  [/^(x-)?(x-)?(big-?5|cn-big5|csbig5)|950$/, 'iconv:big5'],
  [/^(x-)?(shift[-_]?jis|sjis|ms_kanji|csshiftjis)|932$|^windows-31j/, 'shift_jis'],
  [/^(x-)?euc-?jp|^cseucpkdfmtjapanese/, 'euc-jp'],
  [/^(cs)?iso-?2022-?jp|5022\d$/, 'iso-2022-jp'],
  [/^(cs)?iso-?2022-?(kr|cn)|^hz(-gb-?2312)?$/, 'escapes'],
  [/^(x-)?(cs)?(unicode-?1-?1-?)?utf-?7/, 'utf-7'],
  [/^utf-?16-?be|^ucs-?2-?be/, 'utf-16be'],
  [/^utf-?16-?le|^ucs-?2-?le/, 'utf-16le'],
  [/^utf-?16|^ucs-?2|^unicode$|^iso-10646-ucs-2/, 'utf-16'],
  [/^(utf[-_]?32|ucs-?4)[-_]?le/, 'utf-32le'],
  [/^utf[-_]?32|^(iso-10646-|cs)?ucs-?4/, 'utf-32'],
];

const textDecoders = new Map<string, TextDecoder | undefined>();

function textDecoder(name: string): TextDecoder | undefined {
  if (!textDecoders.has(name)) {
    let decoder: TextDecoder | undefined;
    try {
      decoder = new TextDecoder(name, { fatal: true });
    } catch {
      // Not a label of the Encoding standard.
    }
    // Labels come from strangers: the table must not grow with them.
    if (!decoder || textDecoders.size > 200) return decoder;
    textDecoders.set(name, decoder);
  }
  return textDecoders.get(name);
}

function decoderName(label: string | undefined): string | undefined {
  const name = label?.replace(/["'\s]/g, '').toLowerCase();
  if (!name || name.length > 40) return undefined;
  for (const [pattern, decoder] of decoders) if (pattern.test(name)) return decoder;
  if (textDecoder(name)) return name;
  // iconv-lite also knows transfer encodings by name; they are no charsets.
  const charset = !/^(base64|hex|binary|internal)$/.test(name.replace(/[^a-z0-9]/g, ''));
  return charset && iconv.encodingExists(name) ? `iconv:${name}` : undefined;
}

// The 0x80–0x9F block by hand: several Node releases decode windows-1252 as plain Latin-1.
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

function decodeWindows1252(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (char) => windows1252.charAt(char.charCodeAt(0) - 0x80));
}

function byteOrder(bytes: Buffer): string {
  let even = 0;
  let odd = 0;
  for (let i = 0; i + 1 < Math.min(bytes.length, 2000); i += 2) {
    if (bytes[i] === 0) even++;
    if (bytes[i + 1] === 0) odd++;
  }
  // Big-endian unless the zeros say otherwise (RFC 2781 section 4.3).
  return odd > even ? 'utf-16le' : 'utf-16be';
}

/** A mail that says "unicode" and is plain ASCII would turn into nonsense Chinese. */
function isPlainAscii(bytes: Buffer): boolean {
  if (!isAscii(bytes) || bytes.includes(0)) return false;
  const usual = bytes.toString('latin1').match(/[\w\s.,:;!?()'"<>=/-]/g)?.length ?? 0;
  return usual * 20 >= bytes.length * 19;
}

/** Joined encoded words switch to ASCII and back with nothing between, which the Encoding standard forbids. */
function withoutIdleEscapes(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(/\x1b[($][@BIJ](?=\x1b)/g, ''), 'latin1');
}

/** Undefined where the bytes are not wholly valid in that charset. */
function decodeStrictly(bytes: Buffer, decoder: string): string | undefined {
  if (decoder === 'windows-1252') return decodeWindows1252(bytes);
  if (decoder === 'utf-8') return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  if (decoder === 'escapes') return decodeEscaped(bytes);
  if (decoder === 'utf-7') return decodeUtf7(bytes);
  if (decoder.startsWith('utf-32')) return decodeUtf32(bytes, decoder === 'utf-32le');
  if (decoder.startsWith('utf-16')) {
    if (isPlainAscii(bytes)) return bytes.toString('latin1');
    decoder = decoder === 'utf-16' ? byteOrder(bytes) : decoder;
  }
  try {
    if (decoder === 'iso-2022-jp') bytes = withoutIdleEscapes(bytes);
    if (!decoder.startsWith('iconv:')) return textDecoder(decoder)?.decode(bytes);
    const text = iconv.decode(bytes, decoder.slice(6));
    return text.includes('\ufffd') ? undefined : text;
  } catch {
    return undefined;
  }
}

function decodeLeniently(bytes: Buffer, decoder: string): string {
  if (decoder.startsWith('iconv:')) return iconv.decode(bytes, decoder.slice(6));
  const name = decoder === 'utf-16' ? byteOrder(bytes) : decoder;
  return new TextDecoder(name).decode(bytes);
}

/** UTF-8 where the bytes are UTF-8, windows-1252 where they are not: one bad byte must not spoil a whole text. */
function decodeMixed(bytes: Buffer): string {
  let text = '';
  let from = 0;
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i] ?? 0;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (
      lead < 0x80 ||
      (lead >= 0xc2 && i + length <= bytes.length && isUtf8(bytes.subarray(i, i + length)))
    ) {
      i += length;
      continue;
    }
    text += bytes.toString('utf8', from, i);
    // A character cut off at the very end was lost before it came here.
    const rest = bytes.subarray(i + 1);
    if (
      lead >= 0xc2 &&
      rest.length > 0 &&
      rest.length + 1 < length &&
      rest.every((byte) => byte >> 6 === 2)
    ) {
      return text + '\ufffd';
    }
    text += decodeWindows1252(bytes.subarray(i, i + 1));
    from = ++i;
  }
  return text + bytes.toString('utf8', from);
}

/**
 * Whether valid UTF-8 beyond ASCII outweighs the declared charset. Text in a charset of single bytes is never
 * valid UTF-8 by chance; pairs of an East Asian one can be, but not for long.
 */
function provesUtf8(bytes: Buffer, declared: string | undefined): boolean {
  if (!/gb18030|cp949|big5|shift_jis|euc-jp/.test(declared ?? '')) return true;
  let long = 0;
  for (const byte of bytes) if (byte >= 0xe0) long++;
  return long >= 2;
}

function decodeBest(bytes: Buffer, label: string | undefined, fallback: string | undefined): string {
  const declared = decoderName(label);
  const sevenBit = /^(escapes|utf-(7|16|32))/.test(declared ?? '');
  if (!sevenBit && isAscii(bytes)) {
    const escaped = bytes.includes(0x1b) ? escapedCharset(bytes) : undefined;
    return (escaped && decodeStrictly(bytes, escaped)) ?? bytes.toString('latin1');
  }
  const unsure = declared === undefined || declared === 'windows-1252';
  if (!sevenBit && isUtf8(bytes) && provesUtf8(bytes, declared)) return bytes.toString('utf8');
  if (declared && (declared !== 'windows-1252' || /1252|8859|latin/i.test(label ?? ''))) {
    const text = decodeStrictly(bytes, declared);
    if (text !== undefined) return text;
  }
  if (isUtf8(bytes)) return bytes.toString('utf8');
  // Pairs of other charsets look like UTF-8 by chance, a few of them.
  if (utf8Share(bytes) > 0.8) return decodeMixed(bytes);
  const others = decoderName(fallback);
  if (others && others !== 'windows-1252' && others !== declared) {
    const text = decodeStrictly(bytes, others);
    if (text !== undefined) return text;
  }
  if (declared && !unsure && !/^(utf-(7|8|32)|escapes)/.test(declared)) {
    const text = decodeLeniently(bytes, declared);
    // A broken character here and there: still that charset.
    if ((text.match(/\ufffd/g)?.length ?? 0) * 10 <= text.length) return text;
  }
  const guessed = guessCharset(bytes);
  return (guessed && decodeStrictly(bytes, guessed)) ?? decodeWindows1252(bytes);
}

/** Text that JSON, XML and Exchange all take: no NUL, no lone surrogate. */
export function soundText(text: string): string {
  return /[\0\ud800-\udfff]/.test(text) ? text.replace(/\0|\p{Surrogate}/gu, '\ufffd') : text;
}

/** The name of a charset as this module decodes it, or undefined when it knows none by that label. */
export function knownCharset(label: string | undefined): string | undefined {
  return decoderName(label);
}

/**
 * Text of bytes from a mail. `label` is the charset that the part or encoded word declares, `fallback` the one
 * that the rest of the mail uses. Declared charsets are wrong or missing often enough that the bytes have the
 * last word; never throws, and no visible text is lost. A byte-order mark is taken off, NUL and lone
 * surrogates become U+FFFD.
 */
export function decodeBytes(bytes: Uint8Array, label?: string, fallback?: string): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let mark: string | undefined;
  const marked32 = /^(fffe0000|0000feff)/.test(buffer.toString('hex', 0, 4)) && decodeUtf32(buffer);
  if (buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf) mark = 'utf-8';
  else if (buffer[0] === 0xff && buffer[1] === 0xfe) mark = 'utf-16le';
  else if (buffer[0] === 0xfe && buffer[1] === 0xff) mark = 'utf-16be';
  // The mark of UTF-32 begins like that of UTF-16.
  const marked = marked32 || (mark && decodeStrictly(buffer, mark));
  const text = marked ?? decodeBest(buffer, label, fallback);
  return soundText(text.startsWith('\ufeff') ? text.slice(1) : text);
}
