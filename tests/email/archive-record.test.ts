import { chromium as browsers, type Browser, type Page } from 'playwright-core';
import chromium from '@sparticuz/chromium';
import { mailboxItem } from '../../shared/email/mailbox-item';
import { connectors } from '../../shared/connectors';
import { anEmail, aProvenance } from '../support/email-fixtures';

/** The archive record below foreign HTML, as a browser shows it: nothing in the HTML may hide, cover or move it. */

let browser: Browser;
let page: Page;
let requests: string[] = [];
beforeAll(async () => {
  browser = await browsers.launch({
    executablePath: await chromium.executablePath(),
    // In a single process, the browser ends with its first page.
    args: [...chromium.args.filter((one) => one !== '--single-process'), '--no-sandbox'],
    headless: true,
  });
  page = await browser.newPage();
  page.on('request', (request) => requests.push(request.url()));
});
afterAll(() => browser.close());

const corpus = [
  '<p>plain</p>',
  '<div hidden>',
  '<div style="display:none">',
  '<div style="visibility:hidden">',
  '<div style="position:fixed;inset:0;background:white;z-index:9999">x</div>',
  '<div style="height:0;overflow:hidden">',
  '<div style="font-size:0">',
  '<div style="opacity:0;transform:scale(0)">',
  '<div style="float:left;width:100%;height:100%">',
  '<div style="margin-bottom:-9999px">x',
  '<style>hr,div{display:none!important}</style>',
  '<style>',
  '<!--',
  '<script>document.body.innerHTML=""</script>',
  '<script>',
  '<iframe>',
  '<iframe srcdoc="<p>x">',
  '<noembed>',
  '<noframes>',
  '<noscript>',
  '<datalist>',
  '<select><option>',
  '<template>',
  '<textarea>',
  '<title>',
  '<xmp>',
  '<plaintext>',
  '<details><summary>x</summary>',
  '<dialog>',
  '<object data="x">',
  '<video controls>',
  '<svg><foreignObject><style>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;">',
  '<table><tr><td',
  '<p title="',
  "<a href='",
  '<frameset>',
  '<base href="https://x/"><link rel=stylesheet href=x>',
  '<marquee>x',
  '<b><i><u><font size=7><h1><blockquote><pre>',
  '</div></div></body></html>',
  '<body style="display:none" hidden>',
  '<html style="display:none">',
  `${'<div>'.repeat(600)}deep`,
];

it.each(corpus)('is visible, on top and in its place below %s', async (html) => {
  const email = anEmail({ body: { type: 'html', content: `${html}text` } });
  const { json } = mailboxItem(email, [], aProvenance(), connectors.wechat, {
    itemClass: 'IPM.ExternalData.WeChat',
    itemKey: 'a'.repeat(64),
    users: [],
  });
  const { content } = json['body'] as { content: string };
  requests = [];
  await page.setContent(content);
  const record = page.locator('hr ~ div', { hasText: 'Archived from' }).last();
  await record.scrollIntoViewIfNeeded();
  expect(await record.isVisible()).toBe(true);
  const isOnTop = await record.evaluate((element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const at = element.ownerDocument.elementFromPoint(
      left + Math.min(5, width / 2),
      top + Math.min(5, height / 2),
    );
    return at !== null && (at === element || element.contains(at));
  });
  expect(isOnTop).toBe(true);
  expect(await record.evaluate((element) => element.parentElement?.tagName)).toBe('BODY');
  expect(requests.filter((url) => /^https?:/.test(url))).toEqual([]);
});
