import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FaultOptions } from '../../simulators/telemessage/page-faults';
import { basic, from, password, to, username, useSite, type Ask } from '../support/telemessage-site';

const lines = Array.from({ length: 20 }, (_, index) => ({
  gatewayReceivedDate: new Date(Date.parse(from) + index).toISOString(),
  line: Buffer.from(`{"messageId":"m${index}","text":"${'x'.repeat(500)}"}\n`),
}));

const site = useSite({ sources: () => lines }, '8');
const start = (faults: FaultOptions, now?: () => number) => site.start({ faults, now });
const ask = (query: Record<string, string> = {}, rest: Ask = {}) => site.ask({ query, ...rest });

const identity = { headers: { 'accept-encoding': 'identity' } };
const lineCount = (body: string) => body.split('\n').length - 1;

describe('the faults of the simulated TeleMessage site', () => {
  it.each([
    ['unavailable', 503],
    ['throttled', 429],
    ['serverError', 500],
    ['unauthorized', 401],
  ] as const)('answer once (%s as %d), and let the next request have the page', async (kind, status) => {
    await start({ script: [{ kind }] });
    const response = await ask();
    expect(response.status).toBe(status);
    expect(await response.json()).toHaveProperty('resultDescription');
    expect((await ask()).status).toBe(200);
  });

  it('give Retry-After in seconds, as a date, or not at all', async () => {
    const kind = 'unavailable' as const;
    const script = [
      { kind, retryAfterSeconds: 7 },
      { kind, retryAfterSeconds: 60, retryAfterForm: 'date' as const },
      { kind, retryAfterForm: 'none' as const },
    ];
    const nowMs = Date.parse('2026-11-21T10:00:00Z');
    await start({ script }, () => nowMs);
    expect((await ask()).headers.get('retry-after')).toBe('7');
    expect((await ask()).headers.get('retry-after')).toBe('Sat, 21 Nov 2026 10:01:00 GMT');
    expect((await ask()).headers.has('retry-after')).toBe(false);
  });

  it('reset the connection before any header', async () => {
    await start({ script: [{ kind: 'reset' }] });
    await expect(ask()).rejects.toThrow('fetch failed');
  });

  it.each(['identity', 'gzip'])(
    'break the connection in the middle of a body with encoding %s',
    async (encoding) => {
      await start({ script: [{ kind: 'truncated' }] });
      const response = await ask({}, { headers: { 'accept-encoding': encoding } });
      expect(response.status).toBe(200);
      await expect(response.text()).rejects.toThrow();
    },
  );

  it('cut the gzip stream short although the transfer ends normally', async () => {
    await start({ script: [{ kind: 'truncatedGzip' }] });
    // The built-in fetch tolerates the missing end, so only the count shows it.
    const response = await ask({}, { headers: { 'accept-encoding': 'gzip' } });
    expect(response.headers.get('x-message-count')).toBe('8');
    expect(lineCount(await response.text())).toBeLessThan(8);
  });

  it('end the body normally, one line short of its count', async () => {
    await start({ script: [{ kind: 'fewerLines' }] });
    const response = await ask();
    expect(response.headers.get('x-message-count')).toBe('8');
    expect(lineCount(await response.text())).toBe(7);
  });

  it('end the body normally, without its last line feed', async () => {
    await start({ script: [{ kind: 'noLineEnd' }] });
    expect((await (await ask()).text()).endsWith('}')).toBe(true);
  });

  it('send half of a body and then nothing', async () => {
    await start({ script: [{ kind: 'stalled' }] });
    const leave = new AbortController();
    const response = await ask({}, { ...identity, signal: leave.signal });
    const reader = response.body!.getReader();
    const half = lines
      .slice(0, 4)
      .reduce((sum, { line }) => sum + line.length, Math.ceil(lines[4]!.line.length / 2));
    for (let bytes = 0; bytes < half;) bytes += (await reader.read()).value?.length ?? Infinity;
    const rest = reader.read();
    leave.abort();
    await expect(rest).rejects.toThrow(/abort/i);
    const stats = async () =>
      (await (await fetch(`${site.origin}/_control/stats`)).json()) as { pages: number; cutShort: number };
    while ((await stats()).cutShort === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await stats()).pages).toBe(0);
  });

  it('send lines until the client closes the connection', async () => {
    await start({ script: [{ kind: 'endless' }] });
    const reader = (await ask({}, identity)).body!.getReader();
    let bytes = 0;
    while (bytes < 20_000_000) bytes += (await reader.read()).value?.length ?? Infinity;
    expect(bytes).toBeLessThan(Infinity);
    await reader.cancel();
  });

  it('make a cursor expire in the middle of the window, but never on its first page', async () => {
    await start({ script: [{ kind: 'cursorExpired' }] });
    const first = await ask();
    expect(first.status).toBe(200);
    const lastId = first.headers.get('x-last-id')!;
    expect((await ask({ lastId })).status).toBe(409);
  });

  it('begin a page with messages of the page before, and lose none', async () => {
    await start({ script: [{ kind: 'repeated', onRequest: 2 }] });
    const first = await ask();
    const body = await (await ask({ lastId: first.headers.get('x-last-id')! })).text();
    expect(lineCount(body)).toBe(8);
    const ids = body.split('\n').map((line) => /"m(\d+)"/.exec(line)?.[1]);
    expect(ids.slice(0, 8)).toEqual(['3', '4', '5', '6', '7', '8', '9', '10']);
  });

  it('redirect to another origin', async () => {
    const other = createServer((_request, response) => response.end('[]')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    await start({ script: [{ kind: 'redirect', location }] });
    const response = await ask();
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toMatch(`${location}/archive/v1/wechat/messages?`);
    other.close();
  });

  it('are the same for the same seed, and limited in number for each page', async () => {
    const outcomes = async (seed: number) => {
      await start({ seed, rates: { unavailable: 0.5, throttled: 0.3 }, mostPerPage: 6 });
      const statuses: number[] = [];
      for (let time = 0; time < 20; time++) statuses.push((await ask()).status);
      return statuses;
    };
    const first = await outcomes(7);
    expect(await outcomes(7)).toEqual(first);
    expect(await outcomes(8)).not.toEqual(first);
    expect(first.filter((status) => status !== 200)).toHaveLength(6);
  });

  it('can be set over HTTP if they are known, and are counted', async () => {
    await start({});
    const post = (body: unknown) =>
      fetch(`${site.origin}/_control/faults`, { method: 'POST', body: JSON.stringify(body) });
    expect((await post({ script: [{ kind: 'explosion' }] })).status).toBe(400);
    expect((await post({ rates: { reset: 0.8, throttled: 0.3 } })).status).toBe(400);
    expect((await post({ script: [{ kind: 'serverError', source: 'wechat', onRequest: 2 }] })).status).toBe(
      200,
    );
    for (const status of [200, 500, 200]) {
      const response = await ask();
      expect(response.status).toBe(status);
      await response.arrayBuffer();
    }
    const stats = (await (await fetch(`${site.origin}/_control/stats`)).json()) as object;
    expect(stats).toMatchObject({ requests: 3, pages: 2, lines: 16, faults: { serverError: 1 } });
    expect(stats).toMatchObject({ statuses: { 200: 2, 500: 1 } });
  });
});

describe('the process of the simulated TeleMessage site', () => {
  it('serves the sample days, and ends with its parent', async () => {
    const child = fork(join(__dirname, '../../dist/local/telemessage.js'), {
      env: { ...process.env, PART_OPTIONS: JSON.stringify({ username, password }) },
    });
    const [{ origin }] = (await once(child, 'message')) as [{ origin: string }];
    const url = `${origin}/archive/v1/whatsapp/messages?${new URLSearchParams({ from, to, limit: '3' })}`;
    const response = await fetch(url, { headers: { authorization: basic() } });
    expect(response.headers.get('x-message-count')).toBe('3');
    expect(lineCount(await response.text())).toBe(3);
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
