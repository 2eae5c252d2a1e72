/** Elements whose text nobody sees. */
const hidden = /^(style|script|title|template)$/;
/** Elements that a reader sees or hears without any text. */
const shown = /^(img|image|svg|video|audio|object|embed|iframe|picture|canvas|input)$/;

/** Text with nothing to read in it, invisible characters included. */
export function isBlankText(text: string): boolean {
  return !/[^\s\0\u00ad\u200b-\u200f\u2060\ufeff\ufffd]/.test(text);
}

/**
 * True when an HTML text shows neither text nor picture. Stops at the first thing that shows; linear even
 * where comments and elements are never closed.
 */
export function isBlankHtml(html: string): boolean {
  for (let at = 0; at < html.length;) {
    const open = html.indexOf('<', at);
    const text = html.slice(at, open < 0 ? html.length : open);
    if (
      !isBlankText(
        text.replace(/&(nbsp|zwnj|zwj|shy|ensp|emsp|thinsp|#160|#xa0|#8203|#x200b|#65279|#xfeff);?/gi, ' '),
      )
    ) {
      return false;
    }
    if (open < 0) return true;
    const name = /^<\/?([a-z][a-z0-9:]*)/i.exec(html.slice(open, open + 60))?.[1]?.toLowerCase();
    if (html.startsWith('<!--', open)) at = after(html, '-->', open + 4);
    else if (!name && !/^<[!?/]/.test(html.slice(open, open + 2))) return false;
    else if (name && shown.test(name)) return false;
    else if (name && hidden.test(name) && html.charAt(open + 1) !== '/') at = closing(html, name, open);
    else at = after(html, '>', open);
  }
  return true;
}

function after(html: string, text: string, from: number): number {
  const at = html.indexOf(text, from);
  return at < 0 ? html.length : at + text.length;
}

function closing(html: string, name: string, from: number): number {
  const close = new RegExp(`</${name}`, 'gi');
  close.lastIndex = from;
  return close.test(html) ? after(html, '>', close.lastIndex) : html.length;
}

/** Content-Ids that an HTML text refers to by `cid:` (RFC 2392), percent-decoded, lower case. */
export function contentIdsOf(html: string): Set<string> {
  const ids = new Set<string>();
  for (const match of html.matchAll(/\bcid:([^"'\s<>)]{1,500})/gi)) {
    const written = (match[1] ?? '').replace(/&amp;/g, '&').replace(/&quot;?$/, '');
    ids.add(written.toLowerCase());
    try {
      ids.add(decodeURIComponent(written).toLowerCase());
    } catch {
      // A bare percent sign: the id as it stands.
    }
  }
  return ids;
}
