/** At most 60 characters (RFC 1896 section 2); what is longer, or never closed, is text. */
const token = /<<|<(\/?[a-z0-9-]{1,60})>|(?:\r\n|\r|\n)+/gi;

function lineBreaks(run: string): number {
  return run.match(/\r\n|\r|\n/g)?.length ?? 0;
}

/** Where the content of a command that is not shown ends, and after it the closing command. */
function afterClosing(text: string, name: string, from: number): number | undefined {
  const closing = new RegExp(`</${name}>`, 'gi');
  closing.lastIndex = from;
  return closing.test(text) ? closing.lastIndex : undefined;
}

/**
 * The words of a `text/enriched` (RFC 1896): commands are taken out, `<param>` with what it holds; `<<` is `<`;
 * a single line break joins lines and n + 1 of them are n, save between `<nofill>` and its end. The same of a
 * `text/richtext` (RFC 1341 section 7.1.3), where `<nl>` breaks the line, `<lt>` is `<` and `<comment>` is not
 * shown. Everything else stands word for word. Linear in the text's length.
 */
export function enrichedWords(text: string, type: 'text/enriched' | 'text/richtext'): string {
  const rich = type === 'text/richtext';
  const unseen = rich ? 'comment' : 'param';
  let words = '';
  let from = 0;
  let unfilled = 0;
  let closes = true;
  token.lastIndex = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    words += text.slice(from, match.index);
    from = token.lastIndex;
    const name = match[1]?.toLowerCase();
    if (name === undefined) {
      if (match[0] === '<<' && rich) {
        // In richtext the second one may begin a command.
        words += '<';
        from--;
      } else if (match[0] === '<<') words += '<';
      else if (unfilled > 0 || from === text.length) words += match[0];
      else if (rich) words += ' ';
      else words += '\n'.repeat(lineBreaks(match[0]) - 1) || ' ';
    } else if (name === unseen && closes) {
      const end = afterClosing(text, unseen, from);
      closes = end !== undefined;
      from = end ?? from;
    } else if (name === 'nofill') unfilled++;
    else if (name === '/nofill') unfilled = Math.max(0, unfilled - 1);
    else if (rich && name === 'lt') words += '<';
    else if (rich && /^(nl|np|\/paragraph)$/.test(name)) words += '\n';
    token.lastIndex = from;
  }
  return words + text.slice(from);
}
