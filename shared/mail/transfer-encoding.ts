const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const equals = 0x3d;

const hexDigits = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  hexDigits['0123456789abcdef'.charCodeAt(i)] = i;
  hexDigits['0123456789ABCDEF'.charCodeAt(i)] = i;
}

const letter = 1;
const blank = 2;
const padding = 3;
/** The role of each byte in base64; 0 is junk. */
const base64Classes = new Uint8Array(256);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') {
  base64Classes[char.charCodeAt(0)] = letter;
}
for (const char of '\r\n\t ') base64Classes[char.charCodeAt(0)] = blank;
base64Classes[equals] = padding;

/** Skips junk between letters (RFC 2045 section 6.8); after padding, only a line of whole quads is data. */
function decodeBrokenBase64(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  const letters = Buffer.alloc(bytes.length);
  let length = 0;
  let padded = false;
  for (let i = 0; i < bytes.length; i++) {
    const kind = base64Classes[bytes[i] ?? 0];
    if (kind === padding) {
      // Software that encodes piece by piece writes padding in the middle.
      if (length > 0) chunks.push(Buffer.from(letters.toString('latin1', 0, length), 'base64'));
      if (length > 0) padded = true;
      length = 0;
    } else if (kind === letter) {
      if (padded && length === 0 && !isQuadLine(bytes, i)) {
        // A relay added a footer below the data.
        const next = bytes.indexOf(lineFeed, i);
        if (next < 0) break;
        i = next;
        continue;
      }
      letters[length++] = bytes[i] ?? 0;
    }
  }
  if (length > 0) chunks.push(Buffer.from(letters.toString('latin1', 0, length), 'base64'));
  return Buffer.concat(chunks);
}

/** Whether the rest of the line from `from` on is base64 and nothing else. */
function isQuadLine(bytes: Buffer, from: number): boolean {
  let length = 0;
  let end = from;
  for (; end < bytes.length && base64Classes[bytes[end] ?? 0] === letter; end++) length++;
  const next = bytes[end];
  if (next === equals) return length % 4 > 1;
  return length % 4 === 0 && (next === undefined || next === lineFeed || next === carriageReturn);
}

function decodeBase64(bytes: Buffer, text: boolean): Buffer {
  let letters = 0;
  let ends = 0;
  let junk = 0;
  for (let i = 0; i < bytes.length; i++) {
    const kind = base64Classes[bytes[i] ?? 0];
    if (kind === letter) {
      letters++;
      // The native decoder would stop before a letter that follows padding.
      if (ends > 0) junk++;
    } else if (kind === padding) ends++;
    else if (kind !== blank) junk++;
  }
  if (junk === 0 && letters % 4 !== 1) return Buffer.from(bytes.toString('latin1'), 'base64');
  const decoded = decodeBrokenBase64(bytes);
  // Plain text with a wrong "base64" label decodes to noise; the sender saw the text itself.
  return text && isNoise(decoded) && !isNoise(bytes) ? bytes : decoded;
}

function isNoise(bytes: Buffer): boolean {
  let controls = 0;
  for (const byte of bytes) if (byte < 9 || (byte > 13 && byte < 32 && byte !== 0x1b)) controls++;
  return controls * 50 > bytes.length;
}

function decodeQuotedPrintable(bytes: Buffer): Buffer {
  if (!bytes.includes(equals) && !/[ \t]\r?(\n|$)/.test(bytes.toString('latin1'))) return bytes;
  const out = Buffer.alloc(bytes.length);
  let length = 0;
  // Length without the blanks before the line break, which transport may have added (RFC 2045 section 6.7, rule 3).
  let solid = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === equals) {
      const high = hexDigits[bytes[i + 1] ?? 0] ?? -1;
      const low = hexDigits[bytes[i + 2] ?? 0] ?? -1;
      if (high >= 0 && low >= 0) {
        out[length++] = (high << 4) | low;
        solid = length;
        i += 2;
        continue;
      }
      let end = i + 1;
      while (bytes[end] === 0x20 || bytes[end] === 0x09) end++;
      if (bytes[end] === carriageReturn && bytes[end + 1] === lineFeed) end++;
      if (end >= bytes.length || bytes[end] === lineFeed) {
        i = end;
        solid = length;
        continue;
      }
    } else if (byte === lineFeed || (byte === carriageReturn && bytes[i + 1] === lineFeed)) {
      length = solid;
      while (bytes[i] === carriageReturn) out[length++] = bytes[i++] ?? 0;
      out[length++] = lineFeed;
      solid = length;
      continue;
    }
    out[length++] = byte;
    if (byte !== 0x20 && byte !== 0x09) solid = length;
  }
  return out.subarray(0, solid);
}

function decodeUuencode(bytes: Buffer): Buffer {
  const lines = bytes.toString('latin1').split('\n');
  const begin = lines.findIndex((line) => /^begin(-base64)? [0-7]{3,4} /.test(line));
  if (begin < 0) return bytes;
  const out = Buffer.alloc(bytes.length);
  let length = 0;
  for (const line of lines.slice(begin + 1)) {
    const count = (line.charCodeAt(0) - 32) & 63;
    if (line.startsWith('end') || line.trim() === '' || count === 0) break;
    for (let i = 0; i < count; i++) {
      const at = 1 + Math.floor(i / 3) * 4 + (i % 3);
      // Blanks at the end of a line may be lost, so a missing character counts as zero.
      const left = ((line.charCodeAt(at) || 32) - 32) & 63;
      const right = ((line.charCodeAt(at + 1) || 32) - 32) & 63;
      out[length++] =
        i % 3 === 0
          ? (left << 2) | (right >> 4)
          : i % 3 === 1
            ? (left << 4) | (right >> 2)
            : (left << 6) | right;
    }
  }
  return out.subarray(0, length);
}

/**
 * The bytes of a part before its transfer encoding (RFC 2045 section 6). 7bit, 8bit, binary, BinHex and unknown
 * encodings are returned as they are; the result may share memory with `bytes`. `text` is true if the part claims to
 * be text: then plain text with a wrong base64 label stays readable. Never throws.
 */
export function decodeTransfer(bytes: Buffer, encoding: string, text: boolean): Buffer {
  // Some senders write trailing blanks, comments or quotes around the name.
  const name = /[a-z0-9-]+/.exec(encoding.toLowerCase().replace(/\([^)]*\)/g, ''))?.[0] ?? '';
  if (name === 'base64' || name === 'base-64') return decodeBase64(bytes, text);
  if (name === 'quoted-printable') return decodeQuotedPrintable(bytes);
  return /^(x-)?uu(e|encode)?$/.test(name) ? decodeUuencode(bytes) : bytes;
}
