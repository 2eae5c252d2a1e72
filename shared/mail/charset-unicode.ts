/** The Unicode encodings that the runtime does not decode, and iconv-lite decodes whatever the bytes are. */
import { isAscii } from 'node:buffer';

/**
 * Text of UTF-7 bytes (RFC 2152), or undefined where they are not wholly valid. Under a wrong label nearly every
 * `+` of an ASCII text begins a run that no encoder writes: bits left over, half a surrogate pair.
 */
export function decodeUtf7(bytes: Buffer): string | undefined {
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
 * Text of UTF-32 bytes in the order that makes characters of them, `littleEndian` tried first where it is set;
 * undefined where neither order does. What is left of a character cut off at the end becomes U+FFFD.
 */
export function decodeUtf32(bytes: Buffer, littleEndian = false): string | undefined {
  if (bytes.length < 4) return undefined;
  return inOrder(bytes, littleEndian) ?? inOrder(bytes, !littleEndian);
}

function inOrder(bytes: Buffer, littleEndian: boolean): string | undefined {
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
