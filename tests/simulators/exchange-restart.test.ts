import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { file, itemKeyId, openTenant, receivedItem, users, type Client } from '../support/exchange-tenant';

const base = `/users/${users.ada.id}`;
const immutable = { prefer: 'IdType="ImmutableId"' };

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'exchange-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

describe('a restart of the simulated Exchange', () => {
  const everything = async (client: Client) => {
    const folders = await client.get(`${base}/mailFolders?$top=100&includeHiddenFolders=true`);
    const expand = `$expand=${encodeURIComponent(`singleValueExtendedProperties($filter=id eq '${itemKeyId}'),attachments`)}`;
    const messages = await client.get(`${base}/messages?$top=100&${expand}`, immutable);
    const deleted = await client.get(`${base}/mailFolders/recoverableitemsdeletions/messages`, immutable);
    return [folders.json.value, messages.json.value, deleted.json.value];
  };

  it('keeps folders, messages, attachments, changes and all ids', async () => {
    const first = await openTenant({ dataDir });
    const folder = (await first.post(`${base}/mailFolders`, { displayName: 'Mine' })).json.id;
    const gone = (await first.post(`${base}/mailFolders`, { displayName: 'Gone' })).json.id;
    const at = `${base}/mailFolders/${folder}/messages`;
    const attachments = [file('a', Buffer.from('inline'))];
    const kept = (await first.post(at, receivedItem('1', { attachments }), immutable)).json.id;
    await first.post(`${base}/messages/${kept}/attachments`, file('b', Buffer.from('later')));
    await first.patch(`${base}/messages/${kept}`, { categories: ['Red'], isRead: false });
    const deleted = (await first.post(at, receivedItem('2'))).json.id;
    await first.delete(`${base}/messages/${deleted}`);
    await first.post(`${base}/mailFolders/${gone}/messages`, receivedItem('3'));
    await first.delete(`${base}/mailFolders/${gone}`);
    await first.delete(`${base}/mailFolders/${gone}`);
    await first.patch(`${base}/mailFolders/${folder}`, { displayName: 'Renamed' });
    const before = await everything(first);
    await first.exchange.close();

    const second = await openTenant({ dataDir });
    const after = await everything(second);
    expect(JSON.stringify(after)).toBe(JSON.stringify(before));
    expect(after[2]).toHaveLength(2);

    const more = await second.post(at, receivedItem('4'), immutable);
    const ids = [...after[1], ...after[2]].map((message: { id: string }) => message.id);
    expect(ids).not.toContain(more.json.id);
    expect(second.exchange.stats().mailboxes['ada@contoso.com']).toMatchObject({ created: 4, messages: 2 });
    await second.exchange.close();
  });

  it('drops the half line that a killed process left, and nothing else', async () => {
    const first = await openTenant({ dataDir });
    await first.post(`${base}/mailFolders/inbox/messages`, receivedItem('1'));
    await first.exchange.close();
    appendFileSync(join(dataDir, 'journal.ndjson'), '{"op":"message","user":"');
    for (const created of [1, 2]) {
      const next = await openTenant({ dataDir });
      expect(next.exchange.stats().mailboxes['ada@contoso.com']).toMatchObject({ created });
      await next.post(`${base}/mailFolders/inbox/messages`, receivedItem('x'));
      await next.exchange.close();
    }
  });

  it('gives other ids in another data folder, as in another tenant', async () => {
    const [one, other] = [await openTenant({ dataDir }), await openTenant()];
    const id = async (client: Client) => (await client.get(`${base}/mailFolders/inbox`)).json.id;
    expect(await id(one)).not.toBe(await id(other));
    await Promise.all([one.exchange.close(), other.exchange.close()]);
  });

  it('keeps everything that was answered, even with many mailboxes served at the same time', async () => {
    const client = await openTenant({ dataDir });
    const lanes = Object.values(users).filter(({ mailbox, inScope, quotaBytes }) => {
      return mailbox === 'normal' && inScope !== false && quotaBytes === undefined;
    });
    await Promise.all(
      lanes.map(async ({ id }) => {
        for (let count = 0; count < 100; count++) {
          const reply = await client.post(
            `/users/${id}/mailFolders/inbox/messages`,
            receivedItem(`${count}`),
          );
          expect(reply.status).toBe(201);
        }
      }),
    );
    await client.exchange.close();
    const again = await openTenant({ dataDir });
    const { mailboxes } = again.exchange.stats();
    expect(Object.values(mailboxes).map(({ created }) => created)).toEqual(lanes.map(() => 100));
    await again.exchange.close();
  });
});

describe('the process of the simulated Exchange', () => {
  it('reports its origin, and ends on SIGTERM or without its parent', async () => {
    for (const end of ['SIGTERM', 'disconnect'] as const) {
      const child = fork(join(__dirname, '../../dist/local/exchange.js'), {
        env: { ...process.env, PART_OPTIONS: JSON.stringify({ dataDir }) },
      });
      const [{ origin }] = (await once(child, 'message')) as [{ origin: string }];
      expect((await fetch(`${origin}/_control/stats`)).status).toBe(200);
      expect((await fetch(`${origin}/v1.0/users`)).status).toBe(401);
      const exit = once(child, 'exit');
      if (end === 'disconnect') child.disconnect();
      else child.kill(end);
      expect(await exit).toEqual([0, null]);
    }
  });
});
