import { gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import type { SourceLine } from '../../simulators/telemessage/page';
import { basic, from, to, useSite } from '../support/telemessage-site';

const startMs = Date.parse(from);

const lineAt = (atMs: number, name: string): SourceLine => ({
  gatewayReceivedDate: new Date(atMs).toISOString(),
  line: Buffer.from(`{"messageId":"${name}"}\n`),
});
/** Twenty-six lines, one an hour: the first is an hour before the window, the last at its end. */
const hourly = Array.from({ length: 26 }, (_, hour) =>
  lineAt(startMs + (hour - 1) * 3_600_000, `m${hour - 1}`),
);

const site = useSite(
  {
    sources: (source) => (['wechat', 'whatsapp', 'signal'].includes(source) ? hourly : undefined),
    unlicensed: ['signal'],
  },
  '10',
);
const { start, ask } = site;

const ids = (body: string) =>
  body
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { messageId: string }).messageId);

async function allPages(query: Record<string, string> = {}) {
  const pages: string[][] = [];
  for (let lastId: string | null = null; ;) {
    const response: Response = await ask({ query: { ...query, ...(lastId ? { lastId } : {}) } });
    const body = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get('x-message-count')).toBe(String(ids(body).length));
    pages.push(ids(body));
    lastId = response.headers.get('x-last-id');
    if (response.headers.get('x-end-of-messages') === 'true') return pages;
    expect(lastId).toBeTruthy();
  }
}

describe('the simulated TeleMessage site', () => {
  it('serves the lines that arrived in the window, without its end, page by page', async () => {
    await start();
    const pages = await allPages();
    expect(pages.map((page) => page.length)).toEqual([10, 10, 4]);
    expect(pages.flat()).toEqual(Array.from({ length: 24 }, (_, hour) => `m${hour}`));
    const day = await ask();
    expect(day.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    await day.arrayBuffer();
  });

  it('marks a page as the last if it contains exactly the rest', async () => {
    await start();
    expect((await allPages({ limit: '12' })).map((page) => page.length)).toEqual([12, 12]);
  });

  it('answers an empty window with one page without lines and without a cursor', async () => {
    await start();
    const response = await ask({ query: { from: '2025-01-01T00:00:00Z', to: '2025-01-02T00:00:00Z' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-message-count')).toBe('0');
    expect(response.headers.get('x-end-of-messages')).toBe('true');
    expect(response.headers.has('x-last-id')).toBe(false);
    expect(await response.text()).toBe('');
  });

  it('ends a page before the line that would exceed the size limit, and serves a larger line alone', async () => {
    const sizes = [40, 40, 300, 40];
    const lines = sizes.map((bytes, index) => ({
      gatewayReceivedDate: new Date(startMs + index).toISOString(),
      bytes,
      line: () => Buffer.from(JSON.stringify({ messageId: `m${index}` }).padEnd(bytes - 1)),
    }));
    await start({ sources: () => lines, pageBytes: 100 });
    expect(await allPages()).toEqual([['m0', 'm1'], ['m2'], ['m3']]);
  });

  it('compresses only for a client that accepts gzip', async () => {
    await start();
    const raw = (encoding: string) =>
      new Promise<{ encoding: string | undefined; body: Buffer }>((resolve, reject) => {
        const url = `${site.origin}/archive/v1/wechat/messages?${new URLSearchParams({ from, to, limit: '5' })}`;
        const headers = { authorization: basic(), 'accept-encoding': encoding };
        const sent = request(url, { headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({ encoding: response.headers['content-encoding'], body: Buffer.concat(chunks) }),
          );
        });
        sent.on('error', reject).end();
      });
    const plain = await raw('gzip;q=0, identity');
    expect(plain.encoding).toBeUndefined();
    const packed = await raw('br, gzip');
    expect(packed.encoding).toBe('gzip');
    expect(gunzipSync(packed.body)).toEqual(plain.body);
  });

  it.each([
    ['an unknown parameter', { page: '2' }],
    ['a local time', { from: '2026-11-20T00:00:00' }],
    ['a time zone other than UTC', { from: '2026-11-20T01:00:00+01:00' }],
    ['a day that does not exist', { from: '2026-02-30T00:00:00Z' }],
    ['a window that ends before it begins', { from: to, to: from }],
    ['a limit of 0', { limit: '0' }],
    ['a limit above a thousand', { limit: '1001' }],
    ['a limit that is not a number', { limit: '10x' }],
    ['an empty cursor', { lastId: '' }],
  ])('refuses %s with 400 and says why', async (_what, query) => {
    await start();
    const response = await ask({ query });
    expect(response.status).toBe(400);
    const body: unknown = await response.json();
    expect(body).toEqual({
      resultCode: expect.any(Number) as number,
      resultDescription: expect.any(String) as string,
    });
  });

  it('refuses missing and repeated parameters', async () => {
    await start();
    for (const search of ['', `from=${from}&to=${to}`, `from=${from}&from=${from}&to=${to}&limit=1`]) {
      expect((await ask({ search })).status).toBe(400);
    }
  });

  it('refuses unknown and unlicensed sources, other methods and other formats, each with its own status', async () => {
    await start();
    expect((await ask({ source: 'telegram' })).status).toBe(404);
    expect((await ask({ source: 'signal' })).status).toBe(403);
    expect((await ask({ method: 'POST' })).status).toBe(405);
    expect((await ask({ headers: { accept: 'application/xml' } })).status).toBe(406);
  });

  it('accepts a cursor for its own source and window only', async () => {
    await start();
    const first = await ask();
    await first.arrayBuffer();
    const lastId = first.headers.get('x-last-id')!;
    expect((await ask({ query: { lastId } })).status).toBe(200);
    // The same instant in another form is the same window.
    expect((await ask({ query: { lastId, from: '2026-11-20T00:00:00.000+00:00' } })).status).toBe(200);
    expect((await ask({ query: { lastId }, source: 'whatsapp' })).status).toBe(409);
    expect((await ask({ query: { lastId, to: '2026-11-20T12:00:00Z' } })).status).toBe(409);
    expect((await ask({ query: { lastId: `${lastId.slice(0, -4)}AAA=` } })).status).toBe(409);
    expect((await ask({ query: { lastId: '17' } })).status).toBe(409);
  });

  it('accepts a cursor after a restart, but not after its lifetime', async () => {
    await start();
    const first = await ask();
    await first.arrayBuffer();
    const lastId = first.headers.get('x-last-id')!;
    await start();
    const again = await ask({ query: { lastId } });
    expect(ids(await again.text())[0]).toBe('m10');
    await start({ cursorLifetimeMs: 0 });
    expect((await ask({ query: { lastId } })).status).toBe(409);
    const issuedMs = Date.now();
    let laterMs = 0;
    await start({ cursorLifetimeMs: 60_000, now: () => issuedMs + laterMs });
    const timed = await ask();
    await timed.arrayBuffer();
    const timedId = timed.headers.get('x-last-id')!;
    laterMs = 59_999;
    expect((await ask({ query: { lastId: timedId } })).status).toBe(200);
    laterMs = 60_000;
    expect((await ask({ query: { lastId: timedId } })).status).toBe(409);
  });

  it('accepts Basic authentication only, with the current password', async () => {
    await start({ lockAfter: 100 });
    for (const authorization of ['', 'Bearer x', `Basic ${btoa('nobody:x')}`, basic('wrong')]) {
      const response = await ask({ headers: { authorization } });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic /);
    }
    const changed = await fetch(`${site.origin}/_control/password`, {
      method: 'POST',
      body: '{"password":"new"}',
    });
    expect(changed.status).toBe(200);
    expect((await ask()).status).toBe(401);
    expect((await ask({ headers: { authorization: basic('new') } })).status).toBe(200);
  });

  it('locks the account after refusals in a row, even for the right password, and unlocks it later', async () => {
    let nowMs = Date.now();
    await start({ lockAfter: 3, lockMs: 60_000, now: () => nowMs });
    const wrong = { authorization: basic('wrong') };
    expect((await ask({ headers: wrong })).status).toBe(401);
    expect((await ask({ headers: wrong })).status).toBe(401);
    expect((await ask()).status).toBe(200);
    for (let time = 0; time < 3; time++) expect((await ask({ headers: wrong })).status).toBe(401);
    expect((await ask()).status).toBe(403);
    nowMs += 59_999;
    expect((await ask()).status).toBe(403);
    nowMs += 1;
    expect((await ask()).status).toBe(200);
  });

  it('makes each line when it is sent, no faster than the client reads', async () => {
    let made = 0;
    const megabyte = Buffer.alloc(1_048_576, 0x20);
    const lines = Array.from({ length: 200 }, (_, index) => ({
      gatewayReceivedDate: new Date(startMs + index).toISOString(),
      bytes: megabyte.length,
      line: () => {
        made++;
        return megabyte;
      },
    }));
    await start({ sources: () => lines, pageBytes: 1e9 });
    const response = await ask({ query: { limit: '1000' }, headers: { 'accept-encoding': 'identity' } });
    const reader = response.body!.getReader();
    await reader.read();
    // The lines that are on their way fill the buffers of both sockets; then the counter stops.
    let before = -1;
    while (made !== before) {
      before = made;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(made).toBeLessThan(60);
    await reader.cancel();
  });
});
