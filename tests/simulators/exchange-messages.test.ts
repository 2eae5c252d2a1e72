import {
  itemKeyId,
  openTenant,
  receivedItem,
  recipient,
  users,
  useTenant,
  type Json,
} from '../support/exchange-tenant';

const base = `/users/${users.ada.id}`;
const flags = (value: string) => ({ id: 'Integer 0x0E07', value });
const expand = (...ids: string[]) =>
  `$expand=${encodeURIComponent(
    `singleValueExtendedProperties($filter=${ids.map((id) => `id eq '${id.replaceAll("'", "''")}'`).join(' or ')})`,
  )}`;
const byProperty = (id: string, value: string) =>
  `$filter=${encodeURIComponent(`singleValueExtendedProperties/Any(ep: ep/id eq '${id}' and ep/value eq '${value}')`)}`;

describe('messages of the simulated Exchange', () => {
  const client = useTenant();
  let messages: string;
  beforeEach(async () => {
    const folder = await client.post(`${base}/mailFolders`, { displayName: 'WeChat Archiver' });
    messages = `${base}/mailFolders/${folder.json.id}/messages`;
  });

  const post = (rest: object) => client.post(messages, receivedItem('k', rest));
  const codeOf = async (rest: object) => {
    const { status, code } = await post(rest);
    return [status, code];
  };
  const codeOfProperty = async (id: unknown, value: unknown) =>
    (await client.post(messages, { singleValueExtendedProperties: [{ id, value }] })).code;

  describe('create', () => {
    it('makes a received item with its own dates if the flags and time properties are set', async () => {
      const { status, json } = await post({ receivedDateTime: '1999-01-01T00:00:00Z', isDraft: true });
      expect(status).toBe(201);
      expect(json).toMatchObject({
        isDraft: false,
        isRead: true,
        sentDateTime: '2020-01-02T03:04:05Z',
        receivedDateTime: '2020-01-02T03:05:06Z',
        subject: 'Hello',
        from: recipient('from@example.com', 'From'),
        sender: recipient('from@example.com', 'From'),
        toRecipients: [recipient('to@example.com')],
        body: { contentType: 'text', content: 'Hello\r\nthere' },
        hasAttachments: false,
      });
      expect(json).not.toHaveProperty('singleValueExtendedProperties');
      expect(json).not.toHaveProperty('attachments');
    });

    it('makes a draft, dated now, without the flags property or with the unsent bit', async () => {
      for (const properties of [[], [flags('8')], [flags('9')]]) {
        const { json } = await post({ singleValueExtendedProperties: properties, isDraft: false });
        expect(json.isDraft).toBe(true);
        expect(Math.abs(Date.parse(json.receivedDateTime) - Date.now())).toBeLessThan(60_000);
      }
    });

    it('reads the read bit, unless isRead overrides it', async () => {
      expect((await post({ singleValueExtendedProperties: [flags('0')] })).json.isRead).toBe(false);
      const read = await post({ singleValueExtendedProperties: [flags('0')], isRead: true });
      expect(read.json.isRead).toBe(true);
    });

    it('keeps the internet message id, and refuses one without angle brackets', async () => {
      expect((await post({ internetMessageId: '<a@b>' })).json.internetMessageId).toBe('<a@b>');
      expect(await codeOf({ internetMessageId: 'a@b' })).toEqual([400, 'ErrorInvalidArgument']);
      expect((await post({})).json.internetMessageId).toMatch(/^<.+@.+>$/);
    });

    it('refuses unknown properties and wrong types at any depth', async () => {
      for (const rest of [
        { itemClass: 'IPM.Note' },
        { sensitivity: 'normal' },
        { size: 1 },
        { body: { contentType: 'text', content: '', charset: 'utf-8' } },
        { toRecipients: [{ emailAddress: { name: 'x', address: 'x@y.com', type: 'SMTP' } }] },
        { subject: 5 },
        { body: { contentType: 'markdown', content: '' } },
        { isRead: 'yes' },
        { importance: 'urgent' },
      ]) {
        expect(await codeOf(rest)).toEqual([400, 'RequestBodyRead']);
      }
    });

    it('refuses NUL and half a surrogate pair in any string, and keeps whole pairs', async () => {
      for (const body of [
        '{"subject":"a\\u0000b"}',
        '{"subject":"\\ud83d"}',
        '{"body":{"contentType":"text","content":"\\uDE00 x"}}',
        `{"singleValueExtendedProperties":[{"id":"${itemKeyId}","value":"\\ud83d"}]}`,
      ]) {
        expect((await client.post(messages, body)).code).toBe('RequestBodyRead');
      }
      const whole = await client.post(messages, '{"subject":"\\ud83d\\ude00"}');
      expect(whole.json.subject).toBe('😀');
    });

    it('refuses a body that is not JSON, and one with another content type, an encoding or no token', async () => {
      expect((await client.post(messages, '{"subject":')).code).toBe('BadRequest');
      const headers = { authorization: '', 'content-type': 'application/json' };
      expect((await client.post(messages, 'TUlNRQ==', { 'content-type': 'text/plain' })).status).toBe(415);
      expect((await client.post(messages, '{}', { 'content-encoding': 'gzip' })).status).toBe(415);
      expect((await client.post(messages, '{}', headers)).status).toBe(401);
    });

    it('refuses a recipient without an SMTP address in any list', async () => {
      for (const address of [
        '',
        'wxid_abc',
        'a@b',
        'a b@c.com',
        'ü@c.com',
        'a@c.com ',
        'a..b@c.com',
        'a@c.123',
        'a@-c.com',
        `${'x'.repeat(65)}@c.com`,
      ]) {
        for (const list of ['toRecipients', 'ccRecipients', 'bccRecipients', 'replyTo']) {
          expect(await codeOf({ [list]: [recipient(address)] })).toEqual([400, 'ErrorInvalidRecipients']);
        }
        expect(await codeOf({ from: recipient(address) })).toEqual([400, 'ErrorInvalidRecipients']);
      }
      expect((await post({ toRecipients: [{ emailAddress: { name: 'x' } }] })).code).toBe(
        'ErrorInvalidRecipients',
      );
      expect((await post({ ccRecipients: [recipient('4612345@wechat.invalid')] })).status).toBe(201);
    });

    it('takes 500 recipients in all lists together, and not 501', async () => {
      const some = (count: number) => Array.from({ length: count }, (_, n) => recipient(`n${n}@x.com`));
      expect((await post({ toRecipients: some(400), ccRecipients: some(100) })).status).toBe(201);
      const [status] = await codeOf({ toRecipients: some(400), bccRecipients: some(101) });
      expect(status).toBe(400);
    });

    it('takes one to five internet headers, whose names begin with x-', async () => {
      const header = (name: string, value = 'v') => ({ internetMessageHeaders: [{ name, value }] });
      expect((await post(header('x-one'))).status).toBe(201);
      expect((await post(header('In-Reply-To'))).code).toBe('InvalidInternetMessageHeader');
      expect((await post(header('x-one', 'ü'))).code).toBe('InvalidInternetMessageHeader');
      expect((await post(header('x-one', 'v'.repeat(996)))).code).toBe('InvalidInternetMessageHeader');
      const six = Array.from({ length: 6 }, (_, n) => ({ name: `x-${n}`, value: 'v' }));
      expect((await post({ internetMessageHeaders: six })).code).toBe(
        'InvalidInternetMessageHeaderCollection',
      );
      expect((await post({ internetMessageHeaders: [] })).code).toBe('RequestBodyRead');
    });

    it('refuses a subject of more than 255 characters', async () => {
      expect((await post({ subject: 'x'.repeat(255) })).status).toBe(201);
      expect((await post({ subject: 'x'.repeat(256) })).code).toBe('ErrorPropertyValidationFailure');
    });

    it('refuses a body of more than 4 MB', async () => {
      const reply = await post({ body: { contentType: 'text', content: 'x'.repeat(4 * 1024 * 1024) } });
      expect(reply.status).toBe(413);
    });

    it('takes a folder by well-known name, uses Drafts without one, and refuses one that does not exist', async () => {
      expect((await client.post(`${base}/mailFolders/inbox/messages`, receivedItem())).status).toBe(201);
      const drafts = await client.get(`${base}/mailFolders/drafts`);
      expect((await client.post(`${base}/messages`, {})).json.parentFolderId).toBe(drafts.json.id);
      const gone = await client.post(
        messages.replace(/.{10}\/messages$/, 'xxxxxxAAA=/messages'),
        receivedItem(),
      );
      expect([gone.status, gone.code]).toEqual([404, 'ErrorItemNotFound']);
    });
  });

  describe('extended properties', () => {
    it('come back with rewritten ids, and only if they are asked for', async () => {
      const { json } = await post({});
      const ids = ['Integer 0x0E07', 'SystemTime 0x0E06', 'String 0x001A', itemKeyId, 'String 0x1042'];
      const read = await client.get(`${base}/messages/${json.id}?${expand(...ids)}`);
      expect(read.json.singleValueExtendedProperties).toEqual([
        { id: 'Integer 0xe07', value: '1' },
        { id: 'SystemTime 0xe06', value: '2020-01-02T03:05:06Z' },
        { id: 'String 0x1a', value: 'IPM.ExternalData.WeChatArchiver' },
        { id: itemKeyId, value: 'k' },
      ]);
      const none = await client.get(`${base}/messages/${json.id}?${expand('String 0x1042')}`);
      expect(none.json).not.toHaveProperty('singleValueExtendedProperties');
    });

    it('are refused if the id is malformed or of a kind that the service does not take', async () => {
      for (const id of [
        'Long 0x0E08',
        'Integer 0E07',
        'integer 0x0E07',
        'Integer 0x8001',
        'String ItemKey',
        'String {5d1c3d6a} Name ItemKey',
        `String {5d1c3d6a-0f5e-4c58-9a8e-6f3f6b7f2a41} Name ${'x'.repeat(255)}`,
        'String {5d1c3d6a-0f5e-4c58-9a8e-6f3f6b7f2a41} Key ItemKey',
        'String 0x0E07',
        'Integer 0x0039',
        'String 0x0037',
      ]) {
        expect([id, await codeOfProperty(id, '1')]).toEqual([id, 'ErrorInvalidExtendedProperty']);
      }
      expect(await codeOfProperty(itemKeyId, 1)).toBe('RequestBodyRead');
      const twice = [flags('1'), { id: 'Integer 0xe07', value: '1' }];
      expect((await post({ singleValueExtendedProperties: twice })).code).toBe(
        'ErrorInvalidExtendedProperty',
      );
    });

    it('are refused if the value does not match their kind', async () => {
      const set = '{5d1c3d6a-0f5e-4c58-9a8e-6f3f6b7f2a41}';
      for (const [id, value] of [
        ['Integer 0x0E07', 'one'],
        ['Integer 0x0E07', '2147483648'],
        ['SystemTime 0x0039', '2020-01-02'],
        ['SystemTime 0x0039', '2020-01-02T03:04:05'],
        ['SystemTime 0x0039', '2020-01-02T03:04:05+08:00'],
        ['SystemTime 0x0039', '2020-02-30T03:04:05Z'],
        ['SystemTime 0x0039', '1500-01-01T00:00:00Z'],
        ['Binary 0x0071', 'not base64!'],
        ['Binary 0x0071', Buffer.alloc(22).toString('base64')],
        ['String 0x001A', 'no class!'],
        ['String 0x007D', 'x'.repeat(32 * 1024)],
        [itemKeyId, ''],
        [`Boolean ${set} Name B`, 'maybe'],
        [`CLSID ${set} Name C`, 'x'],
        [`Short ${set} Name S`, '40000'],
        [`Double ${set} Name D`, 'x'],
      ] as const) {
        expect([id, value, await codeOfProperty(id, value)]).toEqual([
          id,
          value,
          'ErrorInvalidExtendedPropertyValue',
        ]);
      }
    });

    it('use up names, and a mailbox has only a limited number of them', async () => {
      const named = (name: string) => ({ id: itemKeyId.replace('ItemKey', name), value: 'v' });
      const small = await openTenant({ limits: { namedProperties: 2 } });
      const at = `${base}/mailFolders/inbox/messages`;
      const two = [named('A'), named('B')];
      expect((await small.post(at, { singleValueExtendedProperties: two })).status).toBe(201);
      expect((await small.post(at, { singleValueExtendedProperties: two })).status).toBe(201);
      const third = await small.post(at, { singleValueExtendedProperties: [named('C')] });
      expect([third.status, third.code]).toEqual([403, 'ErrorQuotaExceeded']);
      await small.exchange.close();
    });

    it('put messages with the same conversation index in one conversation', async () => {
      const index = (last: number) => {
        const value = Buffer.concat([Buffer.from([1]), Buffer.alloc(20), Buffer.from([last])]).toString(
          'base64',
        );
        return { singleValueExtendedProperties: [flags('1'), { id: 'Binary 0x0071', value }] };
      };
      const [one, same, other] = await Promise.all([post(index(1)), post(index(1)), post(index(2))]);
      expect(same.json.conversationId).toBe(one.json.conversationId);
      expect(other.json.conversationId).not.toBe(one.json.conversationId);
    });
  });

  describe('look-up', () => {
    it('finds a message by an extended property: its name as written, its value in any case', async () => {
      const { json } = await client.post(messages, receivedItem('abc1'));
      await client.post(messages, receivedItem('abc2'));
      const found = async (id: string, value: string) =>
        (await client.get(`${messages}?${byProperty(id, value)}&$select=id`)).json.value.map(
          (m: Json) => m.id,
        );
      expect(await found(itemKeyId, 'abc1')).toEqual([json.id]);
      expect(await found(itemKeyId, 'ABC1')).toEqual([json.id]);
      expect(await found(itemKeyId.replace('5d1c', '5D1C'), 'abc1')).toEqual([json.id]);
      expect(await found(itemKeyId.replace('ItemKey', 'itemkey'), 'abc1')).toEqual([]);
      expect(await found(itemKeyId, 'abc')).toEqual([]);
    });

    it('finds a message by internet message id, and shows its properties in the same answer', async () => {
      await post({ internetMessageId: '<one@x>' });
      await post({ internetMessageId: '<two@x>' });
      const filter = `$filter=${encodeURIComponent("internetMessageId eq '<TWO@x>'")}`;
      const { json } = await client.get(
        `${messages}?${filter}&${expand(itemKeyId)}&$select=internetMessageId`,
      );
      expect(json.value).toEqual([
        {
          '@odata.etag': expect.any(String),
          internetMessageId: '<two@x>',
          singleValueExtendedProperties: [{ id: itemKeyId, value: 'k' }],
        },
      ]);
    });

    it('refuses every other filter, expansion, order and selection', async () => {
      const code = async (query: string) => (await client.get(`${messages}?${query}`)).code;
      const filter = (text: string) => `$filter=${encodeURIComponent(text)}`;
      expect(await code(filter("subject eq 'x'"))).toBe('ErrorInvalidUrlQueryFilter');
      expect(await code(filter('isRead eq false'))).toBe('ErrorInvalidUrlQueryFilter');
      expect(await code(filter('receivedDateTime ge 2020'))).toBe('ErrorInvalidUrlQueryFilter');
      const half = `singleValueExtendedProperties/Any(ep: ep/id eq '${itemKeyId}')`;
      expect(await code(filter(half))).toBe('ErrorInvalidUrlQueryFilter');
      expect(await code(byProperty('Long 0x0E08', '1'))).toBe('ErrorInvalidExtendedProperty');
      expect(await code('$expand=singleValueExtendedProperties')).toBe('BadRequest');
      expect(await code('$expand=extensions')).toBe('BadRequest');
      expect(await code('$select=itemClass')).toBe('BadRequest');
      expect(await code('$select=id,size')).toBe('BadRequest');
      expect(await code('$search=x')).toBe('BadRequest');
      expect(await code('$orderby=from')).toBe('BadRequest');
      const both = `${byProperty(itemKeyId, 'x')}&$orderby=receivedDateTime`;
      expect(await code(both)).toBe('InefficientFilter');
    });

    it('lists ten messages a page, newest first', async () => {
      for (let day = 10; day < 22; day++) {
        const time = { id: 'SystemTime 0x0E06', value: `2020-01-${day}T00:00:00Z` };
        await post({ subject: String(day), singleValueExtendedProperties: [flags('1'), time] });
      }
      const first = await client.get(`${messages}?$select=subject`);
      expect(first.json.value).toHaveLength(10);
      expect(first.json.value[0].subject).toBe('21');
      const last = await client.get(first.json['@odata.nextLink']);
      expect(last.json.value.map((m: Json) => m.subject)).toEqual(['11', '10']);
      const oldest = await client.get(`${base}/messages?$orderby=receivedDateTime asc&$top=1`);
      expect(oldest.json.value[0].subject).toBe('10');
    });
  });

  describe('change', () => {
    it('silently ignores the flags: a draft stays a draft, a received item stays received', async () => {
      const received = (await post({})).json;
      const draft = (await client.post(messages, {})).json;
      for (const [id, isDraft] of [
        [received.id, false],
        [draft.id, true],
      ]) {
        const change = { isDraft: !isDraft, singleValueExtendedProperties: [flags(isDraft ? '1' : '8')] };
        const reply = await client.patch(`${base}/messages/${id}`, change);
        expect([reply.status, reply.json.isDraft]).toEqual([200, isDraft]);
        expect((await client.get(`${base}/messages/${id}`)).json.isDraft).toBe(isDraft);
      }
    });

    it('is denied for the content of a received item, and allowed for a draft', async () => {
      const received = `${base}/messages/${(await post({})).json.id}`;
      const draft = `${base}/messages/${(await client.post(messages, {})).json.id}`;
      for (const change of [
        { subject: 'other' },
        { body: { contentType: 'text', content: '' } },
        { toRecipients: [] },
        { ccRecipients: [] },
        { bccRecipients: [] },
        { from: recipient('x@y.com') },
        { sender: recipient('x@y.com') },
        { replyTo: [] },
        { internetMessageId: '<x@y>' },
      ]) {
        const reply = await client.patch(received, change);
        expect([reply.status, reply.code]).toEqual([403, 'ErrorAccessDenied']);
        expect((await client.patch(draft, change)).status).toBe(200);
      }
      expect((await client.get(received)).json.subject).toBe('Hello');
    });

    it('is allowed for extended properties, categories and the read state', async () => {
      const id = (await post({})).json.id;
      const mark = { id: itemKeyId.replace('ItemKey', 'Complete'), value: 'yes' };
      const change = { isRead: false, categories: ['Red'], singleValueExtendedProperties: [mark] };
      const reply = await client.patch(`${base}/messages/${id}`, change);
      expect(reply.json).toMatchObject({ isRead: false, categories: ['Red'], subject: 'Hello' });
      const read = await client.get(`${base}/messages/${id}?${expand(itemKeyId, mark.id, 'Integer 0xe07')}`);
      expect(read.json.singleValueExtendedProperties).toEqual([
        { id: itemKeyId, value: 'k' },
        mark,
        { id: 'Integer 0xe07', value: '0' },
      ]);
    });

    it('refuses dates and attachments, and a change to an outdated version', async () => {
      const { json } = await post({});
      const at = `${base}/messages/${json.id}`;
      const date = {
        singleValueExtendedProperties: [{ id: 'SystemTime 0x0E06', value: '2021-01-01T00:00:00Z' }],
      };
      expect((await client.patch(at, date)).code).toBe('ErrorInvalidPropertySet');
      expect((await client.patch(at, { attachments: [] })).code).toBe('ErrorInvalidPropertySet');
      const etag = json['@odata.etag'];
      expect((await client.patch(at, { isRead: false }, { 'if-match': etag })).status).toBe(200);
      const late = await client.patch(at, { isRead: true }, { 'if-match': etag });
      expect([late.status, late.code]).toEqual([412, 'ErrorIrresolvableConflict']);
    });
  });

  describe('delete', () => {
    it('moves a message to Recoverable Items, where no other list shows it', async () => {
      const { json } = await post({});
      expect((await client.delete(`${base}/messages/${json.id}`)).status).toBe(204);
      expect((await client.get(messages)).json.value).toEqual([]);
      expect((await client.get(`${base}/messages`)).json.value).toEqual([]);
      expect((await client.get(`${base}/messages/${json.id}`)).code).toBe('ErrorItemNotFound');
      expect((await client.delete(`${base}/messages/${json.id}`)).code).toBe('ErrorItemNotFound');
      const kept = await client.get(`${base}/mailFolders/recoverableitemsdeletions/messages`);
      expect(kept.json.value.map((m: Json) => m.subject)).toEqual(['Hello']);
    });
  });

  describe('look-up by id', () => {
    it('gives ids that survive a move only to clients that ask for them', async () => {
      const immutable = { prefer: 'IdType="ImmutableId"' };
      const made = await client.post(messages, receivedItem(), immutable);
      expect(made.headers.get('preference-applied')).toBe('IdType="ImmutableId"');
      const { id } = (await client.get(messages)).json.value[0];
      expect(id).not.toBe(made.json.id);
      expect((await client.get(`${base}/messages/${made.json.id}`, immutable)).json.id).toBe(made.json.id);
      await client.delete(`${base}/messages/${id}`);
      const deletions = `${base}/mailFolders/recoverableitemsdeletions/messages`;
      expect((await client.get(deletions, immutable)).json.value[0].id).toBe(made.json.id);
      expect((await client.get(deletions)).json.value[0].id).not.toBe(id);
    });

    it('distinguishes malformed ids from unknown ones, and one folder from another', async () => {
      const { json } = await post({});
      expect((await client.get(`${base}/messages/1`)).code).toBe('ErrorInvalidIdMalformed');
      expect((await client.get(`/users/${users.bo.id}/messages/${json.id}`)).code).toBe('ErrorItemNotFound');
      expect((await client.get(`${base}/mailFolders/inbox/messages/${json.id}`)).code).toBe(
        'ErrorItemNotFound',
      );
      expect((await client.get(`${messages}/${json.id}`)).status).toBe(200);
    });
  });
});
