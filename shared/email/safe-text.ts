/** Text that Exchange accepts: it refuses a request in which NUL or half a surrogate pair stands. */

const refused = /[\0\p{Cs}]/gu;
const controls = /[\p{Cc}\u2028\u2029]+/gu;

/** The text word for word, with NUL and lone surrogates shown as U+FFFD instead of vanishing. */
export function acceptable(text: string): string {
  return text.replace(refused, '\uFFFD');
}

/**
 * `acceptable`, and on one line: line breaks and other control characters become a space, so that a name
 * from a chat can forge no line of its own. NUL stays visible as U+FFFD.
 */
export function oneLine(text: string): string {
  return acceptable(text).replace(controls, ' ').trim();
}

/** At most `limit` UTF-16 units of the text; a character outside the basic plane is never cut in half. */
export function cutTo(limit: number, text: string): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}

/** As many whole entries from the front as fit into `limitBytes` of UTF-8 once joined by the separator. */
export function firstWithin(limitBytes: number, entries: readonly string[], separator: string): string[] {
  let bytes = 0;
  const kept: string[] = [];
  for (const entry of entries) {
    bytes += Buffer.byteLength(entry) + (kept.length > 0 ? Buffer.byteLength(separator) : 0);
    if (bytes > limitBytes) break;
    kept.push(entry);
  }
  return kept;
}

/**
 * Whether bytes that claim to be text are text, `text` being what was decoded of them. NUL bytes are half of a
 * character in UTF-16 and UTF-32 alone, where none is left in the text; and no text is full of control characters.
 */
export function isReadable(bytes: Buffer, text: string): boolean {
  if (bytes.includes(0) && text.includes('\ufffd')) return false;
  let controls = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // Line ends, tabs and the escapes of terminals occur in texts.
    if (unit < 0x09 || (unit > 0x0d && unit < 0x20 && unit !== 0x1b)) controls++;
  }
  return controls * 50 <= text.length;
}
