import iconv from 'iconv-lite';

/**
 * Builds RFC 5322 messages byte by byte, so that they can be as irregular as the messages of real senders: in the
 * character sets of many countries, and with every form of encoding.
 */

/** RFC 1468: an escape sequence begins two-byte JIS X 0208 characters, another one goes back to ASCII. */
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

/** Whether the character set has all characters of the text. */
export function canEncode(text: string, charset: string): boolean {
  const name = charset.toLowerCase() === 'iso-2022-jp' ? 'euc-jp' : charset;
  return iconv.decode(iconv.encode(text, name), name) === text;
}

const hexByte = (byte: number) => byte.toString(16).toUpperCase().padStart(2, '0');

/**
 * The text as encoded words (RFC 2047), folded, each of at most 75 characters and of whole characters. ASCII text
 * stays as it is.
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

/** A parameter in the form of RFC 2231: percent-encoded UTF-8, in numbered sections if it is long. */
function extendedParameter(key: string, value: string): string {
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

function quotedPrintable(bytes: Buffer): Buffer {
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

/** Base64 in lines of 76 characters. A 10 MB file has 184,000 lines, so it copies slices instead of joining text. */
function base64Lines(bytes: Buffer): Buffer {
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

/** A header's name and value. A `Buffer` is written as it is, for headers in 8-bit character sets. */
export type Header = [name: string, value: string | Buffer];

export interface Part {
  headers: Header[];
  body: Buffer;
}

const crlf = Buffer.from('\r\n');

const headerBlock = (headers: Header[]) =>
  Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from(`${name}: `), Buffer.from(value), crlf]));

const bytesOf = (part: Part) => Buffer.concat([headerBlock(part.headers), crlf, part.body]);

type TransferEncoding = '7bit' | '8bit' | 'quoted-printable' | 'base64';

function transferEncoded(bytes: Buffer, encoding: TransferEncoding): Buffer {
  if (encoding === 'base64') return base64Lines(bytes);
  return encoding === 'quoted-printable' ? quotedPrintable(bytes) : bytes;
}

export function textPart(
  text: string,
  options: { charset?: string; encoding?: TransferEncoding; subtype?: 'plain' | 'html' } = {},
): Part {
  const { charset = 'UTF-8', encoding = 'base64', subtype = 'plain' } = options;
  return {
    headers: [
      ['Content-Type', `text/${subtype}; charset=${charset}`],
      ['Content-Transfer-Encoding', encoding],
    ],
    body: transferEncoded(encode(text.replaceAll(/\r?\n/g, '\r\n'), charset), encoding),
  };
}

/** How the header gives the file name: by RFC 2231, as a quoted encoded word, as raw UTF-8, or not at all. */
export type NameStyle = 'extended' | 'encodedWord' | 'raw' | 'none';

function nameParameter(key: string, name: string, style: NameStyle): string {
  if (style === 'none') return '';
  const quoted = (value: string) => `;\r\n ${key}="${value.replaceAll(/["\\]/g, '\\$&')}"`;
  if (/^[\x20-\x7e]*$/.test(name)) return quoted(name);
  if (style === 'extended') return `;\r\n ${extendedParameter(key, name)}`;
  return quoted(style === 'encodedWord' ? encodedWords(name) : name);
}

export function filePart(file: {
  name: string;
  contentType: string;
  content: Buffer;
  nameStyle?: NameStyle;
  /** Without angle brackets; makes the part inline. */
  contentId?: string;
}): Part {
  const style = file.nameStyle ?? 'extended';
  const disposition = file.contentId === undefined ? 'attachment' : 'inline';
  return {
    headers: [
      ['Content-Type', file.contentType + nameParameter('name', file.name, style)],
      ['Content-Disposition', disposition + nameParameter('filename', file.name, style)],
      ...(file.contentId === undefined ? [] : [['Content-ID', `<${file.contentId}>`] satisfies Header]),
      ['Content-Transfer-Encoding', 'base64'],
    ],
    body: base64Lines(file.content),
  };
}

/** A whole mail as a part of another mail. */
export const mailPart = (mail: Buffer): Part => ({
  headers: [
    ['Content-Type', 'message/rfc822'],
    ['Content-Disposition', 'attachment'],
  ],
  body: mail,
});

export function multipart(
  type: string,
  boundary: string,
  parts: Part[],
  options: { closed?: boolean } = {},
): Part {
  const chunks = parts.flatMap((part) => [Buffer.from(`--${boundary}\r\n`), bytesOf(part), crlf]);
  if (options.closed !== false) chunks.push(Buffer.from(`--${boundary}--\r\n`));
  return {
    headers: [['Content-Type', `multipart/${type};\r\n boundary="${boundary}"`]],
    body: Buffer.concat(chunks),
  };
}

/** The whole mail: its own headers, then the headers and the body of its only or outermost part. */
export const message = (headers: Header[], part: Part): Buffer =>
  bytesOf({ headers: [...headers, ['MIME-Version', '1.0'], ...part.headers], body: part.body });

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The value of a `Date` header, in the time zone of the offset. */
export function mailDate(atMs: number, offsetHours: number): string {
  const local = new Date(atMs + offsetHours * 3_600_000);
  const zone = `${offsetHours < 0 ? '-' : '+'}${String(Math.abs(offsetHours)).padStart(2, '0')}00`;
  const clock = local.toISOString().slice(11, 19);
  const day = `${local.getUTCDate()} ${months[local.getUTCMonth()]} ${local.getUTCFullYear()}`;
  return `${days[local.getUTCDay()]}, ${day} ${clock} ${zone}`;
}
