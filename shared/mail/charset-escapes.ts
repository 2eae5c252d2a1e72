/**
 * The 7-bit charsets that switch by escape sequences and that neither the runtime nor iconv-lite decodes:
 * ISO-2022-KR (RFC 1557), ISO-2022-CN (RFC 1922) and HZ (RFC 1843). Their two-byte text is that of EUC with
 * the eighth bit cleared, so the text is rewritten and decoded as EUC-KR or GB18030.
 */
import iconv from 'iconv-lite';

const escape = 0x1b;
const shiftOut = 0x0e;
const shiftIn = 0x0f;
const tilde = 0x7e;
const lineFeed = 0x0a;

/** Which escape-switched charset unlabelled 7-bit bytes are in; undefined when none. */
export function escapedCharset(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1');
  if (text.includes('\x1b$)C') || text.includes('\x1b$)A') || text.includes('\x1b$)G')) return 'escapes';
  return text.includes('\x1b$B') || text.includes('\x1b$@') || text.includes('\x1b(I')
    ? 'iso-2022-jp'
    : undefined;
}

/** Text of HZ, ISO-2022-KR or ISO-2022-CN bytes, told apart by their own escapes; undefined when broken. */
export function decodeEscaped(bytes: Buffer): string | undefined {
  const korean = bytes.includes('\x1b$)C');
  const chinese = !korean && bytes.includes('\x1b$');
  const hz = !korean && !chinese;
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
      // Both RFCs end the shift with the line; a lost shift-in must not spoil the rest of the mail.
      if (byte === lineFeed) shifted = false;
      const double =
        shifted && byte > 0x20 && byte < 0x7f && next !== undefined && next > 0x20 && next < 0x7f;
      out[length++] = double ? byte | 0x80 : byte;
      // Both bytes at once: in HZ the second one can be a tilde that is no escape.
      if (double) {
        out[length++] = next | 0x80;
        i++;
      }
    }
  }
  // SO designated to CNS 11643 (ESC $ ) G) is rare and comes out as wrong but visible characters.
  const text = iconv.decode(out.subarray(0, length), korean ? 'cp949' : 'gb18030');
  return text.includes('\ufffd') ? undefined : text;
}
