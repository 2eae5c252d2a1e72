/**
 * Text from the bytes of a mail, in whatever charset they are. The order of this file: decide which charset the bytes
 * are in, map labels to decoders, decode, then the charsets that neither the runtime nor iconv-lite decodes well
 * (windows-1252, UTF-7, UTF-32, HZ, ISO-2022-KR and -CN), and last the guess for bytes without a usable label.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';

/**
 * Text of bytes from a mail. `label` is the charset that the part or encoded word declares, `fallback` the one
 * that the rest of the mail uses. Declared charsets are often wrong or missing, so the bytes overrule the label.
 * Never throws, and loses no visible text. A byte-order mark is removed; NUL and lone surrogates become U+FFFD.
 */
export function decodeBytes(bytes: Uint8Array, label?: string, fallback?: string): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = decodeMarked(buffer) ?? decodeBest(buffer, label, fallback);
  return soundText(text.startsWith('\ufeff') ? text.slice(1) : text);
}

/** The text with NUL and lone surrogates as U+FFFD: JSON, XML and Exchange refuse them. */
export function soundText(text: string): string {
  return /[\0\ud800-\udfff]/.test(text) ? text.replace(/\0|\p{Surrogate}/gu, '\ufffd') : text;
}

/** The decoder for a charset label, such as `utf-7` or `iconv:big5`; undefined for an unknown label. */
export function decoderName(label: string | undefined): string | undefined {
  const name = label?.replace(/["'\s]/g, '').toLowerCase();
  if (!name || name.length > 40) return undefined;
  for (const [pattern, decoder] of decoders) if (pattern.test(name)) return decoder;
  if (textDecoder(name)) return name;
  // iconv-lite also lists transfer encodings, which are not charsets.
  const isCharset = !/^(base64|hex|binary|internal)$/.test(name.replace(/[^a-z0-9]/g, ''));
  return isCharset && iconv.encodingExists(name) ? `iconv:${name}` : undefined;
}

// Which charset the bytes are in.

/** Text of bytes that begin with a byte-order mark; undefined without one, or where the bytes contradict it. */
function decodeMarked(bytes: Buffer): string | undefined {
  const start = bytes.toString('hex', 0, 4);
  // UTF-32 first: its little-endian mark begins with the mark of UTF-16.
  if (/^(fffe0000|0000feff)/.test(start)) {
    const text = decodeUtf32(bytes);
    if (text) return text;
  }
  if (start.startsWith('efbbbf')) return decodeStrictly(bytes, 'utf-8');
  if (start.startsWith('fffe')) return decodeStrictly(bytes, 'utf-16le');
  return start.startsWith('feff') ? decodeStrictly(bytes, 'utf-16be') : undefined;
}

/** Text in the first of these that fits: proven UTF-8, the declared charset, the mail's charset, the likeliest one. */
function decodeBest(bytes: Buffer, label: string | undefined, fallback: string | undefined): string {
  const declared = decoderName(label);
  const sevenBit = /^(iso-2022|hz|utf-(7|16|32))/.test(declared ?? '');
  if (!sevenBit && isAscii(bytes)) {
    const escaped = bytes.includes(0x1b) ? escapedCharset(bytes) : undefined;
    return (escaped && decodeStrictly(bytes, escaped)) ?? bytes.toString('latin1');
  }
  const unsure = declared === undefined || declared === 'windows-1252';
  // ASCII has none of these bytes, so such a label says nothing about them.
  if (declared && (declared !== 'windows-1252' || /1252|8859|latin/i.test(label ?? ''))) {
    const text = decodeStrictly(bytes, declared);
    if (text !== undefined && !(isUtf8(bytes) && isOverruled(bytes, declared, text))) return text;
  }
  if (isUtf8(bytes)) return bytes.toString('utf8');
  if (declared === 'utf-8' || isSplitInHalves(bytes)) {
    const text = decodeDamagedUtf8(bytes);
    if (text !== undefined) return text;
  }
  // In other charsets a few byte pairs look like UTF-8 by chance, but not most of them.
  if (utf8Share(bytes) > 0.8) return decodeMixed(bytes);
  const others = decoderName(fallback);
  if (others && others !== 'windows-1252' && others !== declared) {
    const text = decodeStrictly(bytes, others);
    if (text !== undefined) return text;
  }
  if (declared && !unsure && !/^(utf-(7|8|32)|iso-2022|hz)/.test(declared)) {
    const text = decodeLeniently(bytes, declared);
    // A few broken characters do not disprove the declared charset.
    if ((text.match(/\ufffd/g)?.length ?? 0) * 10 <= text.length) return text;
  }
  const guessed = guessCharset(bytes);
  return (guessed && decodeStrictly(bytes, guessed)) ?? decodeWindows1252(bytes);
}

/**
 * Whether bytes that are valid both in the declared charset and as UTF-8 are UTF-8 all the same: the declared reading is
 * plainly no text, and the UTF-8 one is too long to be chance. One sequence proves nothing in a short text: `É®` of
 * ISO-8859-1 is one, and so are many pairs of letters in Cyrillic and Thai charsets.
 *
 * @param reading the bytes in the declared charset
 */
function isOverruled(bytes: Buffer, declared: string, reading: string): boolean {
  if (declared === 'utf-8' || declared.startsWith('utf-16') || declared.startsWith('utf-32')) return false;
  const text = bytes.toString('utf8');
  if (/gb18030|cp949|big5|shift_jis|euc-jp/.test(declared)) {
    const long = text.match(/[\u0800-\uffff\u{10000}-\u{10ffff}]/gu)?.length ?? 0;
    return long >= 2 && commonness(text) > commonness(reading);
  }
  const sequences = text.match(/[^\0-\x7f]/gu) ?? [];
  const weight = sequences.reduce((sum, char) => sum + Buffer.byteLength(char) - 1, 0);
  const isChance = new Set(sequences).size < 2 && weight < 2;
  return !isChance && weight >= 2 && noise(reading) * 5 >= weight * 2;
}

/**
 * What no text has: signs between letters where a charset has its letters, and small letters before capitals. Bytes of
 * UTF-8 that are read in a single-byte charset are full of both.
 */
function noise(text: string): number {
  const signs =
    text.match(/[^\0-\x7f\p{L}\p{M}\p{Nd}\u00a0\u00ab\u00bb\u2013\u2014\u2018-\u201e\u2026]/gu)?.length ?? 0;
  const marks =
    text.match(/[^\0-\x7f\P{L}][\u00a0\u00ab\u00bb\u2013\u2014\u2018-\u201e\u2026]/gu)?.length ?? 0;
  const capitals = text.match(/[^\0-\x7f\P{Ll}](?=[^\0-\x7f\P{Lu}])/gu)?.length ?? 0;
  return signs + marks + capitals;
}

/** Share of the characters beyond ASCII that are among the commonest of Chinese, Korean and Japanese, 0 to 1. */
function commonness(text: string): number {
  const high = text.match(/[^\0-\x7f]/gu) ?? [];
  const common = high.filter(
    (char) =>
      commonHanzi.has(char) ||
      commonSyllables.has(char) ||
      /[\u3040-\u30ff\u3000-\u3002\uff01-\uff1f]/.test(char),
  );
  return high.length === 0 ? 0 : common.length / high.length;
}

/** The smallest share of sound bytes among those above 0x7F with which a text is still UTF-8 with some damage. */
const soundShare = 0.7;

/**
 * Text of bytes that are UTF-8 but for a small part: halves of surrogate pairs that were encoded one by one (CESU-8)
 * are joined, and what is broken becomes U+FFFD. Undefined where too much is broken for UTF-8.
 */
function decodeDamagedUtf8(bytes: Buffer): string | undefined {
  const joined = joinHalves(bytes);
  const cut = cutCharacter(joined);
  const whole = joined.subarray(0, joined.length - cut);
  const share = utf8Share(whole);
  // One byte at the end may be the last letter of a word in another charset.
  const isCutOnly = isUtf8(whole) && (cut > 1 || !isAscii(whole));
  return isCutOnly || share >= soundShare ? new TextDecoder('utf-8').decode(joined) : undefined;
}

const isSplitInHalves = (bytes: Buffer) => halves.test(bytes.toString('latin1')) && isUtf8(joinHalves(bytes));

/** A high and a low surrogate, each as three bytes of UTF-8. One without the other becomes U+FFFD. */
const halves = /\xed([\xa0-\xaf])([\x80-\xbf])\xed([\xb0-\xbf])([\x80-\xbf])/;

function joinHalves(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  if (!text.includes('\xed')) return bytes;
  const joined = text.replace(new RegExp(halves, 'g'), (pair) => {
    const unit = (at: number) =>
      0xd000 | ((pair.charCodeAt(at) & 0x3f) << 6) | (pair.charCodeAt(at + 1) & 0x3f);
    return Buffer.from(String.fromCharCode(unit(1), unit(4)), 'utf8').toString('latin1');
  });
  return Buffer.from(joined.replace(/\xed[\xa0-\xbf][\x80-\xbf]/g, '\xef\xbf\xbd'), 'latin1');
}

/** Length of the beginning of a character at the end of the bytes, 0 to 3. */
function cutCharacter(bytes: Buffer): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const byte = bytes[bytes.length - length]!;
    if (byte >= 0xc2) return length < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) ? length : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

/** Share of the bytes above 0x7F that belong to well-formed UTF-8 sequences, 0 to 1. */
function utf8Share(bytes: Buffer): number {
  let high = 0;
  let sound = 0;
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i] ?? 0;
    if (lead < 0x80) {
      i++;
      continue;
    }
    const length = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length > 1 && i + length <= bytes.length && isUtf8(bytes.subarray(i, i + length))) {
      high += length;
      sound += length;
      i += length;
    } else {
      high++;
      i++;
    }
  }
  return high === 0 ? 0 : sound / high;
}

// Labels and their decoders.

/**
 * Labels that mails use in another sense than the runtime does. Mails name a subset and use its superset, so the
 * superset decodes both (GB18030 for GB2312, CP949 for EUC-KR). ICU's `euc-kr` and `big5` turn unassigned pairs into
 * control characters, so iconv-lite reads those.
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
  [/^(cs)?iso-?2022-?kr/, 'iso-2022-kr'],
  [/^(cs)?iso-?2022-?cn/, 'iso-2022-cn'],
  [/^hz(-gb-?2312)?$/, 'hz'],
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
    // Senders choose the labels, so an unbounded cache would grow with hostile mails.
    if (!decoder || textDecoders.size > 200) return decoder;
    textDecoders.set(name, decoder);
  }
  return textDecoders.get(name);
}

// Decoding.

/** Undefined unless all of the bytes are valid in that charset. */
function decodeStrictly(bytes: Buffer, decoder: string): string | undefined {
  if (decoder === 'windows-1252') return decodeWindows1252(bytes);
  if (decoder === 'utf-8') return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  if (decoder === 'iso-2022-jp') return decodeJis(bytes);
  if (decoder === 'hz' || decoder.startsWith('iso-2022')) return decodeEscaped(bytes, decoder);
  if (decoder === 'utf-7') return decodeUtf7(bytes);
  if (decoder.startsWith('utf-32')) return decodeUtf32(bytes, decoder === 'utf-32le');
  if (decoder.startsWith('utf-16')) {
    if (isPlainAscii(bytes)) return bytes.toString('latin1');
    decoder = decoder === 'utf-16' ? byteOrder(bytes) : decoder;
  }
  try {
    if (!decoder.startsWith('iconv:')) return textDecoder(decoder)?.decode(bytes);
    const text = iconv.decode(bytes, decoder.slice(6));
    return text.includes('\ufffd') ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Bytes that are invalid in that charset become U+FFFD. */
function decodeLeniently(bytes: Buffer, decoder: string): string {
  if (decoder.startsWith('iconv:')) return iconv.decode(bytes, decoder.slice(6));
  const name = decoder === 'utf-16' ? byteOrder(bytes) : decoder;
  return new TextDecoder(name).decode(bytes);
}

/** Valid sequences as UTF-8, all other bytes as windows-1252: one bad byte must not spoil a whole text. */
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
    // A character cut off at the very end was already lost before the mail arrived.
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

/** A mail that says "unicode" but is plain ASCII would turn into nonsense Chinese. */
function isPlainAscii(bytes: Buffer): boolean {
  if (!isAscii(bytes) || bytes.includes(0)) return false;
  const usual = bytes.toString('latin1').match(/[\w\s.,:;!?()'"<>=/-]/g)?.length ?? 0;
  return usual * 20 >= bytes.length * 19;
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

// Several Node releases decode windows-1252 as plain Latin-1, so 0x80 to 0x9F are decoded here.
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

function decodeWindows1252(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (char) => windows1252.charAt(char.charCodeAt(0) - 0x80));
}

// UTF-7 and UTF-32: iconv-lite decodes them whatever the bytes are, so a wrong label would destroy the text.

/**
 * Text of UTF-7 bytes (RFC 2152); undefined unless all of them are valid. Under a wrong label nearly every `+` of
 * an ASCII text begins a run that no encoder writes: bits left over, half a surrogate pair.
 */
function decodeUtf7(bytes: Buffer): string | undefined {
  if (!isAscii(bytes)) return undefined;
  let valid = true;
  const text = bytes
    .toString('latin1')
    .replace(/\+([A-Za-z0-9+/]*)(-?)/g, (_, letters: string, end: string) => {
      if (letters === '') {
        valid &&= end === '-';
        return '+';
      }
      const units = Buffer.from(letters, 'base64');
      const canonical = units.toString('base64').replace(/=+$/, '') === letters;
      if (!canonical || units.length === 0 || units.length % 2 !== 0) {
        valid = false;
        return '';
      }
      const run = units.swap16().toString('utf16le');
      valid &&= !/\p{Cs}/u.test(run);
      return run;
    });
  return valid ? text : undefined;
}

/**
 * Text of UTF-32 bytes in the byte order that gives valid characters, little-endian first if `littleEndian`;
 * undefined if neither order does. A character cut off at the end becomes U+FFFD.
 */
function decodeUtf32(bytes: Buffer, littleEndian = false): string | undefined {
  if (bytes.length < 4) return undefined;
  return utf32InOrder(bytes, littleEndian) ?? utf32InOrder(bytes, !littleEndian);
}

function utf32InOrder(bytes: Buffer, littleEndian: boolean): string | undefined {
  const pieces: string[] = [];
  let piece = '';
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const point = littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    piece += String.fromCodePoint(point);
    if (piece.length > 10_000) {
      pieces.push(piece);
      piece = '';
    }
  }
  return pieces.join('') + piece + (bytes.length % 4 === 0 ? '' : '\ufffd');
}

// ISO-2022-JP (RFC 1468, RFC 1554, and Microsoft's CP50220 to CP50222).

/** The character sets that escape sequences switch to; 'kana' is half-width, 'jis0212' the supplementary kanji. */
const jisSets: Readonly<Record<string, 'ascii' | 'kana' | 'jis0208' | 'jis0212' | 'gb' | 'ks'>> = {
  ...{ '(B': 'ascii', '(J': 'ascii', '(H': 'ascii', '(I': 'kana' },
  ...{ '$@': 'jis0208', $B: 'jis0208', '$(@': 'jis0208', '$(B': 'jis0208', '$(D': 'jis0212' },
  ...{ $A: 'gb', '$(A': 'gb', '$(C': 'ks' },
};

/**
 * Text of ISO-2022-JP bytes, rewritten as the EUC charset of each run: the runtime's decoder knows neither the
 * supplementary kanji nor runs without any character. Undefined when broken.
 */
function decodeJis(bytes: Buffer): string | undefined {
  let text = '';
  let set: (typeof jisSets)[string] = 'ascii';
  let isShifted = false;
  for (const piece of bytes.toString('latin1').split(/(\x1b(?:\$\([A-D@]|\$[AB@]|\([BHIJ])|[\x0e\x0f\n])/)) {
    const switched = piece.startsWith('\x1b') ? jisSets[piece.slice(1)] : undefined;
    if (switched) set = switched;
    else if (piece === '\x0e' || piece === '\x0f') isShifted = piece === '\x0e';
    else if (piece === '\n') {
      // A lost escape sequence must not spoil the next line: every line begins in ASCII.
      text += piece;
      [set, isShifted] = ['ascii', false];
    } else if (piece !== '') {
      const run = decodeJisRun(Buffer.from(piece, 'latin1'), isShifted ? 'kana' : set);
      if (run === undefined) return undefined;
      text += run;
    }
  }
  return text;
}

function decodeJisRun(run: Buffer, set: (typeof jisSets)[string]): string | undefined {
  if (set === 'ascii') {
    // Bytes above 0x7F are half-width kana, as old mobile phones write them.
    return isAscii(run) ? run.toString('latin1') : decodeStrictly(run, 'shift_jis');
  }
  const characters = Buffer.from(run.filter((byte) => byte > 0x20).map((byte) => byte | 0x80));
  if (set === 'gb') return decodeStrictly(characters, 'gb18030');
  if (set === 'ks') return decodeStrictly(characters, 'iconv:cp949');
  if (set === 'jis0208') return decodeStrictly(characters, 'euc-jp');
  const [prefix, width] = set === 'kana' ? [0x8e, 1] : [0x8f, 2];
  const prefixed: number[] = [];
  characters.forEach((byte, index) => prefixed.push(...(index % width === 0 ? [prefix, byte] : [byte])));
  return decodeStrictly(Buffer.from(prefixed), 'euc-jp');
}

// HZ (RFC 1843), ISO-2022-KR (RFC 1557), ISO-2022-CN (RFC 1922): 7-bit charsets that switch by escape sequences. Their
// two-byte characters are those of EUC without the eighth bit, so the bytes are rewritten and decoded as CP949 or
// GB18030.

const escape = 0x1b;
const shiftOut = 0x0e;
const shiftIn = 0x0f;
const tilde = 0x7e;
const lineFeed = 0x0a;

/** The escape-switched charset of unlabelled 7-bit bytes; undefined for other bytes. */
function escapedCharset(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1');
  if (text.includes('\x1b$)C')) return 'iso-2022-kr';
  if (text.includes('\x1b$)A') || text.includes('\x1b$)G')) return 'iso-2022-cn';
  return /\x1b(?:\$[@B]|\$\(D|\(I)/.test(text) ? 'iso-2022-jp' : undefined;
}

/**
 * Text of HZ, ISO-2022-KR or ISO-2022-CN bytes; the escapes in them count for more than the label. Korean needs none: its
 * designator stands once in a text, and a word of a header may be without. Undefined when broken.
 */
function decodeEscaped(bytes: Buffer, label: string): string | undefined {
  const named = escapedCharset(bytes);
  const korean = (named ?? label) === 'iso-2022-kr';
  const hz = !korean && (named ?? label) !== 'iso-2022-cn' && !bytes.includes('\x1b$');
  const out = Buffer.alloc(bytes.length);
  let length = 0;
  let shifted = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    const next = bytes[i + 1];
    if (hz && byte === tilde && next !== undefined) {
      if (next === 0x7b || next === 0x7d) shifted = next === 0x7b;
      else if (next === tilde) out[length++] = tilde;
      else if (next !== lineFeed) continue;
      i++;
    } else if (!hz && byte === escape && next === 0x24) i += 3;
    else if (!hz && (byte === shiftOut || byte === shiftIn)) shifted = byte === shiftOut;
    else {
      // A lost shift-in must not spoil the rest of the mail: by both RFCs the shift ends with the line.
      if (byte === lineFeed) shifted = false;
      const double =
        shifted && byte > 0x20 && byte < 0x7f && next !== undefined && next > 0x20 && next < 0x7f;
      out[length++] = double ? byte | 0x80 : byte;
      // Take both bytes together: in HZ the second one can be a tilde that is not an escape.
      if (double) {
        out[length++] = next | 0x80;
        i++;
      }
    }
  }
  // Characters of CNS 11643 (ESC $ ) G), which are rare, come out wrong but visible.
  const text = iconv.decode(out.subarray(0, length), korean ? 'cp949' : 'gb18030');
  return text.includes('\ufffd') ? undefined : text;
}

// Guessing.

/**
 * The East Asian charset that unlabelled bytes are most likely in; undefined means windows-1252. Decides by where
 * each charset keeps its common characters: kana rows, the Hangul rows B0 to C8 of KS X 1001, second bytes below
 * 0x80, which GB 2312 never has. Bytes that do not pair up are not East Asian text.
 */
function guessCharset(bytes: Buffer): string | undefined {
  let pairs = 0;
  let lowTrails = 0;
  let hangul = 0;
  let kana = 0;
  let shiftedKana = 0;
  let eucPairs = 0;
  let big5 = 0;
  for (let i = 0; i < bytes.length; i++) {
    const lead = bytes[i] ?? 0;
    if (lead < 0x80) continue;
    const trail = bytes[++i] ?? 0;
    if (trail < 0x30 || trail === 0x7f || trail === 0xff || lead === 0x80 || lead === 0xff) return undefined;
    pairs++;
    if (trail < 0x80) lowTrails++;
    if (lead >= 0xa1 && trail >= 0xa1) eucPairs++;
    if (lead >= 0xb0 && lead <= 0xc8 && trail >= 0xa1) hangul++;
    if ((lead === 0xa4 || lead === 0xa5) && trail >= 0xa1) kana++;
    if ((lead === 0x82 && trail >= 0x9f) || (lead === 0x83 && trail <= 0x96)) shiftedKana++;
    if (lead >= 0xa1 && lead <= 0xc6 && trail >= 0x40 && (trail <= 0x7e || trail >= 0xa1)) big5++;
  }
  if (pairs === 0) return undefined;
  if (shiftedKana * 4 >= pairs) return 'shift_jis';
  if (eucPairs === pairs) {
    if (kana * 3 >= pairs && pairs >= 4) return 'euc-jp';
    if (hangul * 20 >= pairs * 19 && pairs >= 2) return koreanOrChinese(bytes.subarray(0, 10_000));
    // Two accents side by side in Latin text pair up too, but seldom in all of the text.
    return pairs >= 2 ? 'gb18030' : undefined;
  }
  // Big5 has half of its second bytes below 0x80 and its common characters in the lower rows.
  if (big5 === pairs && (lowTrails < pairs || isDense(bytes, pairs)) && lowTrails * 5 >= pairs)
    return 'iconv:big5';
  // GBK beyond GB 2312 has rare characters among common ones; accented letters before plain ones are Latin.
  return eucPairs * 2 >= pairs && eucPairs >= 2 ? 'gb18030' : undefined;
}

/** True when the text is almost nothing but pairs; in Latin text, signs such as `°C` are far apart. */
function isDense(bytes: Buffer, pairs: number): boolean {
  let blanks = 0;
  for (const byte of bytes) if (byte <= 0x20) blanks++;
  return pairs >= 2 && pairs * 2 * 5 >= (bytes.length - blanks) * 4;
}

/**
 * Korean in EUC-KR and Chinese in GB 2312 use the same bytes: the reading with more common characters wins. Bytes
 * outside the Hangul rows are Chinese.
 */
function koreanOrChinese(bytes: Buffer): string {
  const common = (charset: string, characters: Set<string>): number => {
    let count = 0;
    for (const character of iconv.decode(bytes, charset)) if (characters.has(character)) count++;
    return count;
  };
  return common('cp949', commonSyllables) > common('gb18030', commonHanzi) ? 'iconv:cp949' : 'gb18030';
}

/** The commonest characters of Chinese and of Korean. They make up half of a text, and a twentieth of noise. */
const commonHanzi = new Set(
  '的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后' +
    '小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长' +
    '知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最' +
    '间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市' +
    '眼体别处总才场师书比住员性通目华报立活难数件安表原车白应路期提感金何更反合放做系计司利受光果及今务制' +
    '解各任记边共接许特服题建度统请交认算论元社结指思非流管连资带快条变联权展该领传近周保达办运完区即求品' +
    '转量空技程告基式写收钱未持取设始双商改议形委早房据导网专包组集编谈随格讲调局根准团段终级精客证照费足' +
    '群推晚称待约选吧参复备价规确批送附',
);
const commonSyllables = new Set(
  '이다는의에가고을를한하지은도로서기사시자어나일리대해정인아있그수들부구전라장보게스상제주원과안만여동' +
    '모요면니용공회신었으생위국거우성경관유비조미오양연세화후내실등진물습민없학중무소방바계적와분금간강통' +
    '러본말드마더선결약확개반직행발운체권업할입증건문현산당때같또호영것음식명최합단녕갑감출료김박저네예매' +
    '납품월견송첨파련',
);
