/** HTML of an archived item as text for a terminal. Only for display: it is no sanitiser. */
export const plainText = (html: string): string =>
  html
    .replace(/<style[^]*?<\/style>/gi, '')
    .replace(/<(br|\/p|\/div|\/tr|\/li)\b[^>]*>/gi, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&nbsp;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&#39;|&apos;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&')
    .replace(/[ \t]*\n\s*\n\s*/g, '\n\n')
    .trim();
