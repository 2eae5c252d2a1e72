/** Text that Exchange accepts: it refuses a request that contains NUL or half a surrogate pair. */

const refused = /[\0\p{Cs}]/gu;
const controls = /[\p{Cc}\u2028\u2029]+/gu;

/** The text word for word, but NUL and lone surrogates become U+FFFD, so that their loss is visible. */
export function acceptable(text: string): string {
  return text.replace(refused, '\uFFFD');
}

/**
 * `acceptable` text on one line: line breaks and other control characters become a space, so that a name from a chat
 * cannot forge a line. NUL remains visible as U+FFFD.
 */
export function oneLine(text: string): string {
  return acceptable(text).replace(controls, ' ').trim();
}

/** The first `limit` UTF-16 units of the text, without cutting a surrogate pair in half. */
export function cutTo(limit: number, text: string): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** The text as HTML shows it, in an element or an attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/** The first entries that, joined by the separator, fit into `limitBytes` of UTF-8. */
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
