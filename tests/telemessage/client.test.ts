import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import type { FaultOptions } from '../../simulators/telemessage/page-faults';
import { startTeleMessage, type TeleMessage as Site } from '../../simulators/telemessage/server';
import { connectors } from '../../shared/connectors';
import { DeploymentError } from '../../shared/errors';
import { createTeleMessage, type PageRequest } from '../../shared/telemessage/client';
import { createCredentialStore } from '../../shared/telemessage/credentials.client';

const lines = Array.from({ length: 7 }, (_, n) =>
  Buffer.from(
    JSON.stringify({
      messageId: `1763600000000_${n}`,
      gatewayReceivedDate: `2026-11-20T00:00:0${n}Z`,
      sourceType: 'WECHAT',
      usersEmailAddress: [],
      text: '微信'.repeat(500),
    }),
  ),
);
const sourceLines = lines.map((line, n) => ({ gatewayReceivedDate: `2026-11-20T00:00:0${n}Z`, line }));
const page = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const secrets = { 'telemessage-username': 'reader', 'telemessage-password': 'right' } as Record<
  string,
  string
>;
let reads = 0;
const vault = {
  getSecret(name: string) {
    reads++;
    return Promise.resolve({ value: secrets[name] });
  },
};
beforeEach(() => {
  reads = 0;
  Object.assign(secrets, { 'telemessage-username': 'reader', 'telemessage-password': 'right' });
});

const site = async (faults?: FaultOptions): Promise<Site> => {
  const started = await startTeleMessage({
    username: 'reader',
    password: 'right',
    sources: (source) => (source === 'wechat' ? sourceLines : undefined),
    faults,
  });
  open.push(started);
  return started;
};
const client = (origin: string, options: Partial<Parameters<typeof createTeleMessage>[0]> = {}) =>
  createTeleMessage({
    baseUrl: origin,
    pageItems: 100,
    pageMaxBytes: 1024 * 1024,
    timeoutMs: 2000,
    credentials: createCredentialStore(vault),
    now: Date.now,
    random: () => 0,
    ...options,
  });
const request: PageRequest = {
  connector: connectors.wechat,
  credentials: { usernameSecret: 'telemessage-username', passwordSecret: 'telemessage-password' },
  from: '2026-11-20T00:00:00.000Z',
  to: '2026-11-21T00:00:00.000Z',
};

/** A store that keeps only complete pages, as the write-once blobs do. */
const store = () => {
  const stored: Buffer[] = [];
  let attempts = 0;
  return {
    stored,
    attempts: () => attempts,
    async take(content: AsyncIterable<Buffer>) {
      attempts++;
      const parts: Buffer[] = [];
      for await (const chunk of content) parts.push(Buffer.from(chunk));
      stored.push(Buffer.concat(parts));
    },
  };
};

describe('the TeleMessage client', () => {
  it('stores a page byte for byte and describes it', async () => {
    const kept = store();
    const fetched = await client((await site()).origin).fetchPage(request, kept.take);
    expect(kept.stored).toEqual([page]);
    expect(fetched).toMatchObject({
      kind: 'page',
      items: 7,
      bytes: page.length,
      sha256: createHash('sha256').update(page).digest('hex'),
      end: true,
    });
  });

  it('reads page by page to the end of the window', async () => {
    const kept = store();
    const telemessage = client((await site()).origin, { pageItems: 3 });
    let lastId: string | undefined;
    const counts: number[] = [];
    for (let end = false; !end;) {
      const fetched = await telemessage.fetchPage({ ...request, lastId }, kept.take);
      if (fetched.kind !== 'page') throw new Error('the cursor expired');
      counts.push(fetched.items);
      ({ lastId, end } = fetched);
    }
    expect(counts).toEqual([3, 3, 1]);
    expect(Buffer.concat(kept.stored)).toEqual(page);
  });

  it.each(['truncated', 'fewerLines', 'noLineEnd', 'truncatedGzip', 'reset', 'serverError'] as const)(
    'fetches a page again after the fault "%s", and stores only the complete one',
    async (kind) => {
      const kept = store();
      const { origin } = await site({ script: [{ kind }] });
      await expect(client(origin).fetchPage(request, kept.take)).resolves.toMatchObject({ items: 7 });
      expect(kept.stored).toEqual([page]);
    },
  );

  it.each([
    ['seconds', 'throttled'],
    ['seconds', 'unavailable'],
    ['date', 'throttled'],
    ['date', 'unavailable'],
  ] as const)(
    'waits as long as Retry-After asks in %s after the fault "%s"',
    async (retryAfterForm, kind) => {
      const { origin } = await site({ script: [{ kind, retryAfterForm, retryAfterSeconds: 60 }] });
      const waits: number[] = [];
      const sleep = (delayMs: number) => Promise.resolve(void waits.push(delayMs));
      // Whole seconds, as in a date: otherwise the wait would depend on the fraction of the present second.
      const nowMs = Math.floor(Date.now() / 1000) * 1000;
      await client(origin, { sleep, now: () => nowMs }).fetchPage(request, store().take);
      expect(waits).toHaveLength(1);
      if (retryAfterForm === 'seconds') expect(waits).toEqual([60_000]);
      // A busy machine answers some seconds later, but never earlier.
      else expect(waits[0]).toBeGreaterThanOrEqual(60_000);
    },
  );

  it('gives up when the site asks for a longer wait than one run allows', async () => {
    const { origin } = await site({
      script: [{ kind: 'unavailable', retryAfterForm: 'seconds', retryAfterSeconds: 3600 }],
    });
    await expect(client(origin).fetchPage(request, store().take)).rejects.toThrow('failed after 1 attempts');
  });

  it('reports an expired cursor', async () => {
    const { origin } = await site({ script: [{ kind: 'cursorExpired' }] });
    const telemessage = client(origin, { pageItems: 3 });
    const first = await telemessage.fetchPage(request, store().take);
    const lastId = first.kind === 'page' ? first.lastId : undefined;
    await expect(telemessage.fetchPage({ ...request, lastId }, store().take)).resolves.toEqual({
      kind: 'cursorExpired',
    });
  });

  it('refuses a redirect and never sends the account elsewhere', async () => {
    let strangers = 0;
    const other = createServer((_, response) => {
      strangers++;
      response.end();
    });
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
    open.push({ close: () => new Promise((closed) => other.close(() => closed())) });
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { origin } = await site({ script: [{ kind: 'redirect', location }] });
    await expect(client(origin).fetchPage(request, store().take)).rejects.toThrow('redirect');
    expect(strangers).toBe(0);
  });

  it('does not store a page above the size limit, and does not try it again', async () => {
    const kept = store();
    const { origin } = await site();
    await expect(client(origin, { pageMaxBytes: 100 }).fetchPage(request, kept.take)).rejects.toThrow(
      'PAGE_MAX_MB',
    );
    expect(kept.stored).toEqual([]);
    expect(kept.attempts()).toBe(1);
  });

  it('does not store a page with more lines than it names, and does not try it again', async () => {
    const kept = store();
    const { origin } = await site({ script: [{ kind: 'endless' }] });
    await expect(client(origin).fetchPage(request, kept.take)).rejects.toThrow('more lines than the');
    expect(kept.stored).toEqual([]);
    expect(kept.attempts()).toBe(1);
  });

  it('refuses more messages than it asked for before it reads one', async () => {
    const kept = store();
    const server = createServer((_request, response) => {
      response.writeHead(200, {
        'x-message-count': '16000000',
        'x-end-of-messages': 'true',
        'content-encoding': 'gzip',
      });
      response.end(gzipSync(Buffer.alloc(16_000_000, '\n')));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await expect(client(origin).fetchPage(request, kept.take)).rejects.toThrow(
        /X-Message-Count is 16000000, more than the \d+ that were asked for/,
      );
      expect(kept.attempts()).toBe(0);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('takes blank lines for no messages', async () => {
    const kept = store();
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'x-message-count': '1', 'x-end-of-messages': 'true' });
      response.end(`\n \t\r\n{"messageId":"1_1"}\n\n`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect(await client(origin).fetchPage(request, kept.take)).toMatchObject({ kind: 'page', items: 1 });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('ends with the time that the caller has, whatever the site does', async () => {
    const { origin } = await site({ script: [{ kind: 'stalled', times: 100 }] });
    const late = client(origin).fetchPage({ ...request, withinMs: 300 }, store().take);
    await expect(late).rejects.toThrow('Fetching a page failed after 1 attempts');
  });

  it('gives up a silent transfer after the time-out, and fetches the page again', async () => {
    const kept = store();
    const { origin } = await site({ script: [{ kind: 'stalled' }] });
    await client(origin, { timeoutMs: 500 }).fetchPage(request, kept.take);
    expect(kept.stored).toEqual([page]);
  });

  it('alarms on a refused account and does not try it again', async () => {
    const { origin } = await site();
    secrets['telemessage-password'] = 'wrong';
    const telemessage = client(origin);
    await expect(telemessage.fetchPage(request, store().take)).rejects.toThrow(DeploymentError);
    await expect(telemessage.fetchPage(request, store().take)).rejects.toThrow('not tried again');
    const stats = (await (await fetch(`${origin}/_control/stats`)).json()) as object;
    expect(JSON.stringify(stats)).toContain('401');
  });

  it('reads the secrets again after a 401, and continues with a changed password', async () => {
    const { origin } = await site();
    secrets['telemessage-password'] = 'old';
    const telemessage = client(origin);
    await expect(telemessage.fetchPage(request, store().take)).rejects.toThrow(DeploymentError);
    secrets['telemessage-password'] = 'right';
    await expect(telemessage.fetchPage(request, store().take)).resolves.toMatchObject({ items: 7 });
  });

  it('reads the secrets once for many pages', async () => {
    const telemessage = client((await site()).origin);
    for (let n = 0; n < 3; n++) await telemessage.fetchPage(request, store().take);
    expect(reads).toBe(2);
  });

  it.each([['unknown source', connectors.whatsapp, '404']])(
    'alarms on an %s',
    async (_, connector, status) => {
      const { origin } = await site();
      await expect(client(origin).fetchPage({ ...request, connector }, store().take)).rejects.toThrow(status);
    },
  );

  it('throws what its store throws, without another attempt', async () => {
    const { origin } = await site();
    let attempts = 0;
    await expect(
      client(origin).fetchPage(request, () => {
        attempts++;
        return Promise.reject(new Error('the disk is full'));
      }),
    ).rejects.toThrow('the disk is full');
    expect(attempts).toBe(1);
  });

  it.each([
    [{ 'x-end-of-messages': 'true' }, 'X-Message-Count'],
    [{ 'x-message-count': '0' }, 'X-End-Of-Messages'],
    [{ 'x-message-count': '0', 'x-end-of-messages': 'false' }, 'X-Last-Id is missing'],
    [{ 'x-message-count': '0', 'x-end-of-messages': 'false', 'x-last-id': 'same' }, 'X-Last-Id repeats'],
  ])('refuses an answer that breaks the contract: %j', async (headers, message) => {
    const broken = createServer((_, response) =>
      response.writeHead(200, headers as Record<string, string>).end(),
    );
    await new Promise<void>((listening) => broken.listen(0, '127.0.0.1', listening));
    open.push({ close: () => new Promise((closed) => broken.close(() => closed())) });
    const origin = `http://127.0.0.1:${(broken.address() as AddressInfo).port}`;
    await expect(client(origin).fetchPage({ ...request, lastId: 'same' }, store().take)).rejects.toThrow(
      message,
    );
  });
});

describe('the credential store', () => {
  it('does not remember a failed read of the vault', async () => {
    let failing = true;
    const credentials = createCredentialStore({
      getSecret: () =>
        failing
          ? Promise.reject(Object.assign(new Error('throttled'), { statusCode: 429 }))
          : Promise.resolve({ value: 'x' }),
    });
    const names = { usernameSecret: 'u', passwordSecret: 'p' };
    await expect(credentials.read(names)).rejects.toThrow('"u" from Key Vault failed (429)');
    failing = false;
    await expect(credentials.read(names)).resolves.toEqual({ username: 'x', password: 'x' });
  });
});
