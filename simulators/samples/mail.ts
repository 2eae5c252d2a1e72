import { base64Lines, encode, encodedWords, extendedParameter, quotedPrintable } from './charsets';

/** Builds RFC 5322 messages byte by byte, so that the odd ones can be as odd as real senders make them. */

/** A header and its value; a `Buffer` goes out raw, for headers in 8-bit character sets. */
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

/** How the file name stands in the header: RFC 2231, an encoded word inside quotes, raw UTF-8, or nowhere. */
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

/** A whole mail as a part of another. */
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

/** The mail: its own headers, then those of its only or outermost part. */
export const message = (headers: Header[], part: Part): Buffer =>
  bytesOf({ headers: [...headers, ['MIME-Version', '1.0'], ...part.headers], body: part.body });

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A `Date` header value in the zone that the offset gives. */
export function mailDate(atMs: number, offsetHours: number): string {
  const local = new Date(atMs + offsetHours * 3_600_000);
  const zone = `${offsetHours < 0 ? '-' : '+'}${String(Math.abs(offsetHours)).padStart(2, '0')}00`;
  const clock = local.toISOString().slice(11, 19);
  const day = `${local.getUTCDate()} ${months[local.getUTCMonth()]} ${local.getUTCFullYear()}`;
  return `${days[local.getUTCDay()]}, ${day} ${clock} ${zone}`;
}
