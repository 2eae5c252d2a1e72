import iconv from 'iconv-lite';

/** Writing text into e-mail the way senders of many countries do. */

/** RFC 1468: two-byte JIS characters between an escape into JIS X 0208 and one back to ASCII. */
function iso2022Jp(text: string): Buffer {
  const bytes: number[] = [];
  let inJis = false;
  for (const char of text) {
    const euc = iconv.encode(char, 'euc-jp');
    const isJis = euc.length === 2;
    if (isJis !== inJis) bytes.push(0x1b, ...(isJis ? [0x24, 0x42] : [0x28, 0x42]));
    inJis = isJis;
    for (const byte of euc) bytes.push(byte & 0x7f);
  }
  if (inJis) bytes.push(0x1b, 0x28, 0x42);
  return Buffer.from(bytes);
}

export function encode(text: string, charset: string): Buffer {
  if (charset.toLowerCase() === 'utf-8') return Buffer.from(text);
  return charset.toLowerCase() === 'iso-2022-jp' ? iso2022Jp(text) : iconv.encode(text, charset);
}

/** Whether the text survives the character set. */
export function canEncode(text: string, charset: string): boolean {
  const name = charset.toLowerCase() === 'iso-2022-jp' ? 'euc-jp' : charset;
  return iconv.decode(iconv.encode(text, name), name) === text;
}

const hexByte = (byte: number) => byte.toString(16).toUpperCase().padStart(2, '0');

/**
 * Encoded words (RFC 2047) of at most 75 characters, folded; no character is split between two words.
 * Text that is ASCII stays as it is.
 */
export function encodedWords(text: string, charset = 'UTF-8', encoding: 'B' | 'Q' = 'B'): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const word = (part: string) => {
    const bytes = encode(part, charset);
    const body =
      encoding === 'B'
        ? bytes.toString('base64')
        : Array.from(bytes, (byte) =>
            /[A-Za-z0-9]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `=${hexByte(byte)}`,
          ).join('');
    return `=?${charset}?${encoding}?${body}?=`;
  };
  const words: string[] = [];
  let part = '';
  for (const char of text) {
    if (word(part + char).length > 75) {
      words.push(word(part));
      part = '';
    }
    part += char;
  }
  return [...words, word(part)].join('\r\n ');
}

/** A parameter as RFC 2231 writes it: percent-encoded UTF-8, in numbered sections when long. */
export function extendedParameter(key: string, value: string): string {
  const encoded = Array.from(Buffer.from(value), (byte) =>
    /[A-Za-z0-9._-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${hexByte(byte)}`,
  );
  if (encoded.join('').length <= 60) return `${key}*=UTF-8''${encoded.join('')}`;
  const sections: string[] = [];
  for (let at = 0; at < encoded.length; at += 18) {
    const head = at === 0 ? "UTF-8''" : '';
    sections.push(`${key}*${sections.length}*=${head}${encoded.slice(at, at + 18).join('')}`);
  }
  return sections.join(';\r\n ');
}

export function quotedPrintable(bytes: Buffer): Buffer {
  const lines: string[] = [];
  let line = '';
  const flush = (end: string) => {
    lines.push(line + end);
    line = '';
  };
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === 0x0d && bytes[at + 1] === 0x0a) {
      line = line.replace(/ $/, '=20');
      flush('\r\n');
      at++;
      continue;
    }
    if (line.length > 70) flush('=\r\n');
    const printable = byte >= 0x20 && byte <= 0x7e && byte !== 0x3d;
    line += printable ? String.fromCharCode(byte) : `=${hexByte(byte)}`;
  }
  return Buffer.from(lines.join('') + line, 'latin1');
}

/** Base64 in lines of 76 characters; copies in slices, since a 10 MB file has 184,000 lines. */
export function base64Lines(bytes: Buffer): Buffer {
  const flat = Buffer.from(bytes.toString('base64'), 'latin1');
  const count = Math.ceil(flat.length / 76);
  const lines = Buffer.alloc(flat.length + count * 2);
  for (let line = 0; line < count; line++) {
    const end = Math.min(flat.length, (line + 1) * 76);
    const ended = flat.copy(lines, line * 78, line * 76, end) + line * 78;
    lines[ended] = 0x0d;
    lines[ended + 1] = 0x0a;
  }
  return lines;
}
