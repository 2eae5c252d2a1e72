import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { connectorIds, connectors } from '../../shared/connectors';
import { itemPointer } from '../../shared/item';
import { backfillRequest } from '../../shared/pipeline/backfill-window';
import { run } from '../../shared/storage/manifest';
import { batchPartition, batchRow, positionRow } from '../../shared/storage/outcomes';
import { createTeleMessage } from '../../shared/telemessage/client';

/** Traps that were measured elsewhere. */

it('a page of 300 KB that unpacks to 300 MB costs the memory of the page limit, not of its contents', async () => {
  const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024));
  expect(bomb.length).toBeLessThan(400 * 1024);
  const server = createServer((_request, response) => {
    response.writeHead(200, {
      'content-type': 'application/x-ndjson',
      'content-encoding': 'gzip',
      'x-message-count': '1',
      'x-end-of-messages': 'true',
    });
    response.end(bomb);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const client = createTeleMessage({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pageItems: 1,
    pageMaxBytes: 4 * 1024 * 1024,
    timeoutMs: 10_000,
    credentials: { read: () => Promise.resolve({ username: 'u', password: 'p' }) },
    now: Date.now,
    random: Math.random,
  });
  let stored = 0;
  const before = process.memoryUsage().rss;
  const credentials = { usernameSecret: 'u', passwordSecret: 'p' };
  const page = client.fetchPage(
    { connector: connectors.wechat, credentials, from: '2026-11-20T00:00:00Z', to: '2026-11-21T00:00:00Z' },
    async (content) => {
      for await (const chunk of content) stored += chunk.length;
    },
  );
  await expect(page).rejects.toThrow('PAGE_MAX_MB');
  expect(stored).toBeLessThanOrEqual(4 * 1024 * 1024);
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

it("no field of a queue message has a name that would replace the host's own metadata", () => {
  const metadata = [
    'id',
    'dequeuecount',
    'popreceipt',
    'expirationtime',
    'insertiontime',
    'nextvisibletime',
    'queuetrigger',
  ];
  for (const { shape } of [itemPointer, backfillRequest])
    for (const field of Object.keys(shape)) expect(metadata).not.toContain(field.toLowerCase());
});

it('no key of a table row can contain a character that the service refuses', () => {
  const refused = /[/\\#?\p{Cc}]/u;
  for (const connector of connectorIds)
    for (const key of [connector, batchPartition(connector, 7), batchRow(7), positionRow(7)])
      expect(key).not.toMatch(refused);
  const window = { cause: 'backfill', from: '2026-11-20T00:00:00Z', to: '2026-11-21T00:00:00Z' };
  for (const name of ['a/b', 'a\\b', 'a#b', 'a?b', '../a', 'a\u0000', ''])
    expect(run.safeParse({ ...window, name }).success).toBe(false);
});
