import { defaultTreeAdapter, parse, type DefaultTreeAdapterMap } from 'parse5';
import { escapeHtml } from './safe-text';

/**
 * Makes a stranger's HTML safe to display. It is parsed as a browser would, and written again from the tree, so that no
 * element stays open, runs, loads anything or leaves its container. The text stays; the archived bytes are the evidence.
 */

type Node = DefaultTreeAdapterMap['node'];
type Element = DefaultTreeAdapterMap['element'];

/** Elements that only format. Of any other element, its content is shown and the element is not. */
const kept = new Set(
  (
    'a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em ' +
    'figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q rp rt ruby s ' +
    'samp section small span strike strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr'
  ).split(' '),
);
/** Elements whose content is no text: a browser never shows it. */
const withoutText = new Set(['script', 'style', 'template', 'title']);
/** Elements that stand on lines of their own. */
const blocks = new Set(
  'article aside details dialog fieldset form hgroup legend nav optgroup option search select summary textarea'.split(
    ' ',
  ),
);
const empty = new Set(['br', 'hr', 'img', 'col', 'wbr']);

const attributes = new Set(
  'align alt bgcolor border cellpadding cellspacing color colspan dir face lang rowspan size title valign'.split(
    ' ',
  ),
);
const measures = new Set(['width', 'height']);
const properties = new Set(
  (
    'background-color border border-bottom border-collapse border-color border-left border-right border-style ' +
    'border-top border-width color font font-family font-style font-variant font-weight list-style-type ' +
    'text-align text-decoration vertical-align white-space'
  ).split(' '),
);
/** No function, escape, URL or quotation mark: nothing that could load or reach outside. */
const plainValue = /^[\w\s#%.,-]{1,200}$/;
/** As large as a screen. */
const measure = /^\d{1,3}%?$|^1\d{3}$/;
const link = /^(?:https?:|mailto:|tel:|#)/i;
const localImage = /^(?:cid:|data:image\/(?:png|jpe?g|gif|webp|bmp);base64,)/i;

/** Deeper HTML is no message, and each further level costs a parser more than the one before. */
const maxDepth = 512;

class TooDeepError extends Error {}

/**
 * The HTML in a container of its own: balanced, without scripts, style sheets, forms, frames and positions, and without
 * anything that a mail program would fetch. An image at a remote address is not shown, because opening an archived item
 * must not tell its sender; its text and address stay readable. HTML that is nested without reason is shown as source.
 */
export function containedHtml(html: string): string {
  try {
    return `<div>${shown(parseBounded(html))}</div>`;
  } catch (error) {
    if (!(error instanceof TooDeepError)) throw error;
    return `<div><pre>${escapeHtml(html)}</pre></div>`;
  }
}

function parseBounded(html: string): Node {
  let depth = 0;
  return parse(html, {
    // Without scripts, the content of `noscript` is what a reader sees.
    scriptingEnabled: false,
    treeAdapter: {
      ...defaultTreeAdapter,
      onItemPush: () => {
        if (++depth > maxDepth) throw new TooDeepError();
      },
      onItemPop: () => void depth--,
    },
  });
}

/** Serializes the tree. A loop, because the tree can be deeper than the call stack. */
function shown(root: Node): string {
  const parts: string[] = [];
  const open: (Node | string)[] = [root];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string') parts.push(next);
    else if ('value' in next) parts.push(escapeHtml(next.value));
    else if ('childNodes' in next) {
      const name = 'tagName' in next ? next.tagName : '';
      if (withoutText.has(name)) continue;
      if (kept.has(name)) {
        parts.push(startTag(next as Element));
        if (empty.has(name)) continue;
        open.push(`</${name}>`);
      } else if (blocks.has(name)) {
        parts.push('<div>');
        open.push('</div>');
      }
      for (const child of next.childNodes.toReversed()) open.push(child);
    }
  }
  return parts.join('');
}

function startTag({ tagName, attrs }: Element): string {
  const written = new Map<string, string>();
  for (const { name, value } of attrs) {
    if (attributes.has(name)) written.set(name, value);
    else if (measures.has(name) && measure.test(value.trim())) written.set(name, value.trim());
    else if (name === 'style') written.set(name, styleOf(value));
    else if (name === 'href' && tagName === 'a' && link.test(value.trim())) written.set(name, value.trim());
    else if (name === 'src' && tagName === 'img') {
      const source = value.trim();
      if (localImage.test(source)) written.set(name, source);
      else written.set('title', source);
    }
  }
  const texts = [...written].map(([name, value]) => (value === '' ? '' : ` ${name}="${escapeHtml(value)}"`));
  return `<${tagName}${texts.join('')}>`;
}

function styleOf(style: string): string {
  return style
    .split(';')
    .flatMap((declaration) => {
      const colon = declaration.indexOf(':');
      const name = declaration.slice(0, Math.max(0, colon)).trim().toLowerCase();
      const value = declaration.slice(colon + 1).trim();
      return properties.has(name) && plainValue.test(value) ? [`${name}:${value}`] : [];
    })
    .join(';');
}
