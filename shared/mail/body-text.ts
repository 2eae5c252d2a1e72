import type { Email } from '../email/email';

type EnrichedType = 'text/enriched' | 'text/richtext';

/** True for the two types of text that hold formatting commands in angle brackets. */
export function isEnriched(type: string): type is EnrichedType {
  return type === 'text/enriched' || type === 'text/richtext';
}

/** The text or HTML that a reader sees in a text part; undefined when there is nothing to see. */
export function bodyOf(type: string, text: string): Email['body'] | undefined {
  if (type === 'text/html') return isBlankHtml(text) ? undefined : { type: 'html', content: text };
  const content = isEnriched(type) ? enrichedText(text, type) : text;
  return isBlankText(content) ? undefined : { type: 'text', content };
}

/**
 * Whether bytes that claim to be text are text; `text` is their decoded form. Many control characters say no. So does a
 * NUL byte: only UTF-16 and UTF-32 use it in characters, and then it leaves no U+FFFD in the text.
 */
export function isReadable(bytes: Buffer, text: string): boolean {
  if (bytes.includes(0) && text.includes('\ufffd')) return false;
  let controls = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // Texts contain line ends, tabs and terminal escapes.
    if (unit < 0x09 || (unit > 0x0d && unit < 0x20 && unit !== 0x1b)) controls++;
  }
  return controls * 50 <= text.length;
}

/** Content-Ids that the HTML refers to by `cid:` (RFC 2392), in lower case, as written and percent-decoded. */
export function contentIdsOf(html: string): Set<string> {
  const ids = new Set<string>();
  for (const match of html.matchAll(/\bcid:([^"'\s<>)]{1,500})/gi)) {
    const written = (match[1] ?? '').replace(/&amp;/g, '&').replace(/&quot;?$/, '');
    ids.add(written.toLowerCase());
    try {
      ids.add(decodeURIComponent(written).toLowerCase());
    } catch {
      // A bare percent sign: only the id as written counts.
    }
  }
  return ids;
}

/** Elements whose text is not displayed. */
const hiddenElements = /^(style|script|title|template)$/;
/** Elements that a reader sees or hears although they hold no text. */
const shownElements = /^(img|image|svg|video|audio|object|embed|iframe|picture|canvas|input)$/;

/** True when the text has nothing to read; invisible characters count as nothing. */
function isBlankText(text: string): boolean {
  return !/[^\s\0\u00ad\u200b-\u200f\u2060\ufeff\ufffd]/.test(text);
}

/** True when the HTML shows neither text nor picture. Linear, even if comments and elements never close. */
function isBlankHtml(html: string): boolean {
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
    if (html.startsWith('<!--', open)) at = endOf(html, '-->', open + 4);
    else if (!name && !/^<[!?/]/.test(html.slice(open, open + 2))) return false;
    else if (name && shownElements.test(name)) return false;
    else if (name && hiddenElements.test(name) && html.charAt(open + 1) !== '/')
      at = closing(html, name, open);
    else at = endOf(html, '>', open);
  }
  return true;
}

function endOf(html: string, text: string, from: number): number {
  const at = html.indexOf(text, from);
  return at < 0 ? html.length : at + text.length;
}

function closing(html: string, name: string, from: number): number {
  const close = new RegExp(`</${name}`, 'gi');
  close.lastIndex = from;
  return close.test(html) ? endOf(html, '>', close.lastIndex) : html.length;
}

/**
 * The text of `format=flowed` (RFC 3676) with its lines joined to paragraphs: a line that ends in a blank goes on in the
 * next one of the same quotation depth, except the signature separator `-- `. With `delSp` that blank is no part of the
 * text, as between two characters of one word.
 */
export function unflowed(text: string, delSp: boolean): string {
  const lines = text.split('\n');
  const joined: string[] = [];
  let open: { depth: number } | undefined;
  lines.forEach((written, index) => {
    const end = written.endsWith('\r') ? '\r' : '';
    const [, quotes = '', stuffed = ''] = /^(>*)(.*)$/s.exec(end ? written.slice(0, -1) : written) ?? [];
    const line = stuffed.startsWith(' ') ? stuffed.slice(1) : stuffed;
    const isSignature = line === '-- ';
    const goesOn = line.endsWith(' ') && !isSignature && index < lines.length - 1;
    const shown = goesOn && delSp ? line.slice(0, -1) : line;
    const rest = shown + (goesOn ? '' : end);
    if (open?.depth === quotes.length && !isSignature) joined[joined.length - 1] += rest;
    else {
      // A paragraph that never ended: the depth changed.
      if (open) joined[joined.length - 1] += end;
      joined.push((quotes === '' ? '' : `${quotes} `) + rest);
    }
    open = goesOn ? { depth: quotes.length } : undefined;
  });
  return joined.join('\n');
}

/** A command has at most 60 characters (RFC 1896 section 2); a longer one, or one that never closes, is text. */
const enrichedToken = /<<|<(\/?[a-z0-9-]{1,60})>|(?:\r\n|\r|\n)+/gi;

function lineBreaks(run: string): number {
  return run.match(/\r\n|\r|\n/g)?.length ?? 0;
}

/** Where the text continues after the closing command; undefined when nothing closes it. */
function afterClosing(text: string, name: string, from: number): number | undefined {
  const closing = new RegExp(`</${name}>`, 'gi');
  closing.lastIndex = from;
  return closing.test(text) ? closing.lastIndex : undefined;
}

/**
 * The text that a reader of `text/enriched` sees (RFC 1896): commands are removed, `<param>` with its content; `<<` is
 * `<`; a single line break joins two lines and n + 1 of them become n, except inside `<nofill>`. In `text/richtext`
 * (RFC 1341 section 7.1.3) `<nl>` breaks the line, `<lt>` is `<` and `<comment>` is hidden. Everything else stays word
 * for word. Linear in the text's length.
 */
export function enrichedText(text: string, type: EnrichedType): string {
  const rich = type === 'text/richtext';
  const hidden = rich ? 'comment' : 'param';
  let shown = '';
  let from = 0;
  let unfilled = 0;
  let closes = true;
  enrichedToken.lastIndex = 0;
  for (let match = enrichedToken.exec(text); match; match = enrichedToken.exec(text)) {
    shown += text.slice(from, match.index);
    from = enrichedToken.lastIndex;
    const name = match[1]?.toLowerCase();
    if (name === undefined) {
      if (match[0] === '<<' && rich) {
        // In richtext the second `<` may begin a command.
        shown += '<';
        from--;
      } else if (match[0] === '<<') shown += '<';
      else if (unfilled > 0 || from === text.length) shown += match[0];
      else if (rich) shown += ' ';
      else shown += '\n'.repeat(lineBreaks(match[0]) - 1) || ' ';
    } else if (name === hidden && closes) {
      const end = afterClosing(text, hidden, from);
      closes = end !== undefined;
      from = end ?? from;
    } else if (name === 'nofill') unfilled++;
    else if (name === '/nofill') unfilled = Math.max(0, unfilled - 1);
    else if (rich && name === 'lt') shown += '<';
    else if (rich && /^(nl|np|\/paragraph)$/.test(name)) shown += '\n';
    enrichedToken.lastIndex = from;
  }
  return shown + text.slice(from);
}
