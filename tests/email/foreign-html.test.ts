import { containedHtml } from '../../shared/email/foreign-html';

/** What becomes of the HTML of a stranger. */

it.each<[string, string, string]>([
  ['formatting stays', '<p align=center>a <b>b</b><br>c</p>', '<p align="center">a <b>b</b><br>c</p>'],
  ['a whole document gives its body', '<html><head><title>t</title></head><body>x</body></html>', 'x'],
  [
    'what is left open is closed',
    '<b><table><tr><td>x',
    '<b><table><tbody><tr><td>x</td></tr></tbody></table></b>',
  ],
  ['scripts and style sheets go', '<style>div{display:none}</style><script>x()</script>y', 'y'],
  [
    'a style keeps what only formats',
    '<p style="color:red;position:fixed;top:0">x</p>',
    '<p style="color:red">x</p>',
  ],
  ['a style loads nothing', '<p style="background-color:url(http://x)">x</p>', '<p>x</p>'],
  ['hidden text is shown', '<div hidden style="display:none">x</div>', '<div>x</div>'],
  ['text without scripts is shown', '<noscript>x</noscript>', 'x'],
  ['what a frame would hide is shown', '<iframe>x</iframe><noembed>y</noembed>', 'xy'],
  [
    'what a form would hide is shown',
    '<datalist><option>x</datalist><textarea>y</textarea>',
    '<div>x</div><div>y</div>',
  ],
  ['a closed disclosure is open', '<details><summary>x</summary>y</details>', '<div><div>x</div>y</div>'],
  ['handlers go', '<a href="https://x" onclick="y()">z</a>', '<a href="https://x">z</a>'],
  ['a link that runs goes', '<a href=" JavaScript:x">z</a>', '<a>z</a>'],
  ['an image of the mail stays', '<img src="cid:1" width=20 height=99999>', '<img src="cid:1" width="20">'],
  [
    'a remote image is named, not loaded',
    '<img src="https://t/x.gif" alt="a">',
    '<img title="https://t/x.gif" alt="a">',
  ],
  ['an attribute left open is text', '<p title="x', ''],
  ['names from prototypes are names', '<constructor __proto__=x>y</constructor>', 'y'],
  ['text is escaped', '&lt;b&gt; "q" \'q\' &amp;', '&lt;b&gt; &quot;q&quot; &#39;q&#39; &amp;'],
])('%s', (_, html, expected) => {
  expect(containedHtml(html)).toBe(`<div>${expected}</div>`);
});

it('HTML that is nested without reason is shown as source, whatever its depth', () => {
  const html = '<div>'.repeat(200_000);
  const shown = containedHtml(`${html}x`);
  expect(shown.startsWith('<div><pre>&lt;div&gt;')).toBe(true);
  expect(shown.endsWith('x</pre></div>')).toBe(true);
});
