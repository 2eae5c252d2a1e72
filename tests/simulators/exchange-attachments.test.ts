import { randomBytes } from 'node:crypto';
import { file, openTenant, receivedItem, users, useTenant, type Json } from '../support/exchange-tenant';
import { until } from '../support/until';

const MB = 1024 * 1024;
const base = `/users/${users.ada.id}`;
const item = (size: number, rest: object = {}) => ({
  AttachmentItem: { attachmentType: 'file', name: 'big.bin', size, ...rest },
});

describe('attachments of the simulated Exchange', () => {
  const client = useTenant();
  let message: string;
  beforeEach(async () => {
    message = await newMessage();
  });

  async function newMessage(): Promise<string> {
    const reply = await client.post(`${base}/mailFolders/inbox/messages`, receivedItem());
    return `${base}/messages/${reply.json.id}`;
  }
  const newSession = async (size: number, at = message): Promise<string> =>
    (await client.post(`${at}/attachments/createUploadSession`, item(size))).json.uploadUrl;
  const put = (url: string, bytes: Buffer, from: number, total: number, headers = {}) =>
    client.raw(
      'PUT',
      url,
      { 'content-range': `bytes ${from}-${from + bytes.length - 1}/${total}`, ...headers },
      bytes,
    );

  it('are sent in the create call and come back byte for byte', async () => {
    const content = randomBytes(1000);
    const attachments = [
      file('文件.bin', content),
      file('empty.txt', Buffer.alloc(0), { contentType: 'text/plain' }),
      file('p.png', content, { isInline: true, contentId: 'p1' }),
    ];
    const made = await client.post(`${base}/mailFolders/inbox/messages`, receivedItem('k', { attachments }));
    expect(made.json.hasAttachments).toBe(true);
    const list = (await client.get(`${base}/messages/${made.json.id}/attachments`)).json.value;
    expect(list).toMatchObject([
      {
        '@odata.type': '#microsoft.graph.fileAttachment',
        name: '文件.bin',
        isInline: false,
        contentId: null,
      },
      { name: 'empty.txt', contentType: 'text/plain', contentBytes: '' },
      { name: 'p.png', isInline: true, contentId: 'p1' },
    ]);
    const value = await client.get(`${base}/messages/${made.json.id}/attachments/${list[0].id}/$value`);
    expect(value.bytes).toEqual(content);
    const one = await client.get(`${base}/messages/${made.json.id}/attachments/${list[2].id}`);
    expect(Buffer.from(one.json.contentBytes, 'base64')).toEqual(content);
    const expanded = await client.get(`${base}/messages?$expand=attachments($select=name)&$top=1`);
    expect(expanded.json.value[0].attachments.map((a: Json) => a.name)).toEqual([
      '文件.bin',
      'empty.txt',
      'p.png',
    ]);
    expect(expanded.json.value[0].attachments[0]).not.toHaveProperty('contentBytes');
  });

  it('do not make hasAttachments true if all of them are inline', async () => {
    const attachments = [file('p.png', Buffer.from('x'), { isInline: true })];
    const made = await client.post(`${base}/mailFolders/inbox/messages`, receivedItem('k', { attachments }));
    expect(made.json.hasAttachments).toBe(false);
  });

  it('need a type, a name and bytes in base64', async () => {
    const bad: object[] = [
      { ...file('a', Buffer.from('x')), '@odata.type': undefined },
      { ...file('a', Buffer.from('x')), '@odata.type': '#microsoft.graph.itemAttachment' },
      { ...file('', Buffer.from('x')) },
      { ...file('a', Buffer.from('x')), name: undefined },
      { ...file('a', Buffer.from('x')), contentBytes: 'x$' },
      { ...file('a', Buffer.from('x')), contentBytes: undefined },
      { ...file('a', Buffer.from('x')), size: 1 },
    ];
    for (const attachment of bad) {
      expect((await client.post(`${message}/attachments`, attachment)).code).toBe('RequestBodyRead');
      const inline = receivedItem('k', { attachments: [attachment] });
      expect((await client.post(`${base}/mailFolders/inbox/messages`, inline)).code).toBe('RequestBodyRead');
    }
    expect((await client.get(`${message}/attachments`)).json.value).toEqual([]);
  });

  it('can be added to a received item, but not to a deleted one', async () => {
    expect((await client.post(`${message}/attachments`, file('a', Buffer.from('x')))).status).toBe(201);
    expect((await client.get(message)).json.hasAttachments).toBe(true);
    await client.delete(message);
    const late = await client.post(`${message}/attachments`, file('a', Buffer.from('x')));
    expect([late.status, late.code]).toEqual([404, 'ErrorItemNotFound']);
  });

  it('are listed with a $select of base properties only', async () => {
    await client.post(`${message}/attachments`, file('a', Buffer.from('x')));
    const some = await client.get(`${message}/attachments?$select=id,name`);
    expect(some.json.value[0]).not.toHaveProperty('contentBytes');
    expect((await client.get(`${message}/attachments?$select=contentBytes`)).code).toBe('BadRequest');
    expect((await client.get(`${message}/attachments?$select=contentId`)).code).toBe('BadRequest');
    expect((await client.get(`${message}/attachments?$filter=name eq 'a'`)).code).toBe('BadRequest');
  });

  it('of 3 MB are refused in a single request; just below 3 MB their JSON is too large', async () => {
    const added = await client.post(`${message}/attachments`, file('a', Buffer.alloc(3 * MB - 300)));
    expect(added.status).toBe(201);
    expect((await client.post(`${message}/attachments`, file('a', Buffer.alloc(3 * MB - 60)))).status).toBe(
      413,
    );
    expect((await client.post(`${message}/attachments`, file('a', Buffer.alloc(3 * MB)))).status).toBe(413);
  });

  it('cannot be written to one message two at a time', async () => {
    let steps = 0;
    const slow = await openTenant({
      // Step 1 is the message, 2 and 3 are the arrivals of both attachments. Step 4 writes the first of them, and
      // ends when the second is refused.
      work() {
        const step = ++steps;
        const isDone = () => (step <= 3 ? steps >= 3 : slow.exchange.stats().answers['412'] === 1);
        return step === 1 ? Promise.resolve() : until('the other upload', isDone);
      },
    });
    const reply = await slow.post(`${base}/mailFolders/inbox/messages`, receivedItem());
    const at = `${base}/messages/${reply.json.id}/attachments`;
    const both = await Promise.all(['a', 'b'].map((name) => slow.post(at, file(name, Buffer.from('x')))));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 412]);
    expect((await slow.get(at)).json.value).toHaveLength(1);
    await slow.exchange.close();
  });

  describe('in an upload session', () => {
    it('are taken in order: 200 for each part, and an empty 201 with a Location for the last', async () => {
      const content = randomBytes(5 * MB);
      const total = content.length;
      const created = await client.post(
        `${message}/attachments/createUploadSession`,
        item(total, { contentType: 'a/b' }),
      );
      expect(created.status).toBe(201);
      expect(created.json).toMatchObject({
        nextExpectedRanges: ['0-'],
        expirationDateTime: expect.any(String),
      });
      const url = created.json.uploadUrl;

      const first = await put(url, content.subarray(0, 3 * MB), 0, total);
      expect(first.status).toBe(200);
      expect(parseInt(first.json.nextExpectedRanges[0])).toBe(3 * MB);
      expect((await client.raw('GET', url)).json.nextExpectedRanges).toEqual(first.json.nextExpectedRanges);
      expect((await client.get(`${message}/attachments`)).json.value).toEqual([]);

      const last = await put(url, content.subarray(3 * MB), 3 * MB, total);
      expect([last.status, last.bytes.length]).toEqual([201, 0]);
      const location = last.headers.get('location')!;
      expect((await client.get(`${location}/$value`)).bytes.equals(content)).toBe(true);
      expect((await client.get(`${location}?$select=name,contentType`)).json).toMatchObject({
        name: 'big.bin',
        contentType: 'a/b',
      });
      expect((await client.get(message)).json).toMatchObject({ isDraft: false, hasAttachments: true });
      expect((await put(url, content.subarray(0, 10), 0, total)).status).toBe(404);
    });

    it('are refused if they are too small, too large or wrongly described', async () => {
      const code = async (body: object) =>
        (await client.post(`${message}/attachments/createUploadSession`, body)).code;
      expect(await code(item(3 * MB - 1))).toBe('ErrorAttachmentSizeShouldNotBeLessThanMinimumSize');
      expect(await code(item(150 * MB + 1))).toBe('ErrorAttachmentSizeLimitExceeded');
      expect(await code(item(36 * MB))).toBe('ErrorMessageSizeExceeded');
      expect(await code(item(3 * MB, { name: '' }))).toBe('RequestBodyRead');
      expect(await code(item(3 * MB, { attachmentType: 'item' }))).toBe('RequestBodyRead');
      expect(await code({ attachmentItem: item(3 * MB).AttachmentItem })).toBe('RequestBodyRead');
      expect(await code(item(3.5 * MB + 0.5))).toBe('RequestBodyRead');
    });

    it('are refused with a bearer token or a changed URL', async () => {
      const url = await newSession(3 * MB);
      const bearer = await put(url, Buffer.alloc(10), 0, 3 * MB, { authorization: 'Bearer x' });
      expect(bearer.status).toBe(401);
      expect((await put(`${url}x`, Buffer.alloc(10), 0, 3 * MB)).status).toBe(401);
      expect(
        (
          await put(
            url.replace('/attachment-sessions/', '/attachment-sessions/x'),
            Buffer.alloc(10),
            0,
            3 * MB,
          )
        ).status,
      ).toBe(404);
      expect((await put(url, Buffer.alloc(10), 0, 3 * MB)).status).toBe(200);
    });

    it('are refused in parts that are out of order, not as long as announced, beyond the end, or above 4 MB', async () => {
      const total = 5 * MB;
      const url = await newSession(total);
      await put(url, Buffer.alloc(MB), 0, total);
      expect((await put(url, Buffer.alloc(MB), 2 * MB, total)).status).toBe(416);
      expect((await put(url, Buffer.alloc(MB), 0, total)).status).toBe(416);
      expect((await put(url, Buffer.alloc(MB), MB, total + 1)).status).toBe(416);
      const range = { 'content-range': `bytes ${MB}-${2 * MB}/${total}` };
      expect((await client.raw('PUT', url, range, Buffer.alloc(MB))).status).toBe(400);
      expect((await client.raw('PUT', url, {}, Buffer.alloc(MB))).status).toBe(400);
      expect((await put(url, Buffer.alloc(4 * MB + 1), MB, total)).status).toBe(413);
      expect((await put(url, Buffer.alloc(4 * MB), MB, total)).status).toBe(201);
    });

    it('can be cancelled by DELETE, and are cancelled by a newer session for the message', async () => {
      const first = await newSession(3 * MB);
      expect((await client.raw('DELETE', first)).status).toBe(204);
      expect((await client.raw('GET', first)).status).toBe(404);
      const second = await newSession(3 * MB);
      const third = await newSession(3 * MB);
      const elsewhere = await newSession(3 * MB, await newMessage());
      expect((await client.raw('GET', second)).status).toBe(404);
      expect((await client.raw('GET', third)).status).toBe(200);
      expect((await client.raw('GET', elsewhere)).status).toBe(200);
    });

    it('are refused after the message is deleted or the session has expired', async () => {
      const url = await newSession(3 * MB);
      await client.delete(message);
      expect((await put(url, Buffer.alloc(10), 0, 3 * MB)).status).toBe(404);

      let later = 0;
      const timed = await openTenant({ now: () => Date.now() + later });
      const reply = await timed.post(`${base}/mailFolders/inbox/messages`, receivedItem());
      const at = `${base}/messages/${reply.json.id}/attachments/createUploadSession`;
      const old = (await timed.post(at, item(3 * MB))).json.uploadUrl;
      later = 2 * 60 * 60_000;
      expect((await timed.raw('GET', old)).status).toBe(404);
      await timed.exchange.close();
    });

    it('are refused in the US Government cloud, whose model has no upload sessions', async () => {
      client.exchange.setFaults({ noUploadSessions: true });
      const reply = await client.post(`${message}/attachments/createUploadSession`, item(3 * MB));
      expect([reply.status, reply.code]).toEqual([400, 'BadRequest']);
    });
  });

  it('are denied for received items if the tenant seals them, and allowed for drafts', async () => {
    client.exchange.setFaults({ sealedAttachments: true });
    const small = file('a', Buffer.from('x'));
    expect((await client.post(`${message}/attachments`, small)).code).toBe('ErrorAccessDenied');
    const session = await client.post(`${message}/attachments/createUploadSession`, item(3 * MB));
    expect(session.code).toBe('ErrorAccessDenied');
    const draft = (await client.post(`${base}/messages`, {})).json.id;
    expect((await client.post(`${base}/messages/${draft}/attachments`, small)).status).toBe(201);
  });

  it('count against the message limit and the mailbox quota', async () => {
    const at = `/users/${users.small.id}/mailFolders/inbox/messages`;
    const withBytes = (bytes: number) => receivedItem('k', { attachments: [file('a', Buffer.alloc(bytes))] });
    expect((await client.post(at, withBytes(600))).code).toBe('ErrorMessageSizeExceeded');
    const kept = await client.post(at, withBytes(400));
    expect(kept.status).toBe(201);
    const more = `/users/${users.small.id}/messages/${kept.json.id}/attachments`;
    expect((await client.post(more, file('b', Buffer.alloc(200)))).code).toBe('ErrorMessageSizeExceeded');
    expect((await client.post(at, withBytes(400))).status).toBe(201);
    const full = await client.post(at, withBytes(400));
    expect([full.status, full.code]).toEqual([507, 'ErrorQuotaExceeded']);
    expect(client.exchange.stats().mailboxes['small@contoso.com']?.messages).toBe(2);
  });
});
