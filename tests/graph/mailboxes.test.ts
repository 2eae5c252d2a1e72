import { sha256Of } from '../../shared/email/content';
import { UncertainError } from '../../shared/graph/failure';
import {
  bytes,
  connector,
  file,
  item,
  messagesIn,
  openTenant,
  sha256,
  signal,
  user,
} from '../support/graph-tenant';

const MB = 1024 * 1024;
const anna = user('anna');
const small = user('small', { messageLimitBytes: 4 * MB });
const full = user('full', { quotaBytes: 1000 });

let tenant: Awaited<ReturnType<typeof openTenant>>;
let folderId: string;
beforeEach(async () => {
  tenant = await openTenant([anna, small, full]);
  folderId = (await tenant.mailboxes.folder(anna.id, connector))!;
});
afterEach(async () => tenant.close());

const create = (text: string, attachments: Parameters<typeof item>[1] = []) =>
  tenant.mailboxes.create(anna.id, folderId, item(text, attachments), { signal: signal() });
const readBack = () => messagesIn(tenant.graph, anna.id, folderId);
const posts = () => tenant.exchange.stats().requests;

const refusedNames = (created: Awaited<ReturnType<typeof create>>) =>
  created.kind === 'refused' ? created.refused.map(({ name }) => name) : created.kind;

describe('an item', () => {
  test('becomes a received message in one request, and is found by its key', async () => {
    const before = { ...posts() };
    const created = await create('hello', [file('a.txt', Buffer.from('text'))]);
    expect(created).toMatchObject({ kind: 'created' });
    const after = Object.entries(posts()).filter(([name, count]) => count !== (before[name] ?? 0));
    expect(after).toHaveLength(1);
    const [message] = await readBack();
    expect(message).toMatchObject({
      subject: 'hello',
      isDraft: false,
      receivedDateTime: '2025-03-01T10:00:05Z',
    });
    const messageId = created.kind === 'created' ? created.messageId : '';
    const copy = { messageId, itemKey: sha256('hello'), complete: true, batch: 7, position: 42 };
    await expect(tenant.mailboxes.find(anna.id, folderId, sha256('hello'))).resolves.toEqual([copy]);
    await expect(tenant.mailboxes.find(anna.id, folderId, sha256('other'))).resolves.toEqual([]);
  });

  test('has an id that stays the same when the message moves to another folder', async () => {
    const created = await create('moved');
    const messageId = created.kind === 'created' ? created.messageId : '';
    await tenant.mailboxes.remove(anna.id, messageId);
    const deletions = `/users/${anna.id}/mailFolders/recoverableitemsdeletions/messages`;
    const call = { doing: 'list deleted messages', mailbox: anna.id };
    await expect(tenant.graph.list(deletions, call)).resolves.toMatchObject([{ id: messageId }]);
  });

  test('keeps large attachments byte for byte, whichever way they are sent', async () => {
    const files = [
      file('ten megabytes.bin', bytes(10 * MB, 1)),
      file('empty.txt', Buffer.alloc(0)),
      file('direct.bin', bytes(2_700_000, 2)),
      file('three.bin', bytes(3 * MB, 3)),
      file('inline.bin', bytes(500_000, 4)),
    ];
    let steps = 0;
    const beforeStep = async () => void (steps += 1);
    const created = await tenant.mailboxes.create(anna.id, folderId, item('big', files), {
      signal: signal(),
      beforeStep,
    });
    expect(created).toMatchObject({ kind: 'created' });
    // Create; one request; a session and three slices; a session and one slice; the mark.
    expect(steps).toBe(9);
    const [message] = await readBack();
    const arrived = message!.attachments.map(({ name, contentBytes }) => [
      name,
      sha256(Buffer.from(contentBytes, 'base64')),
    ]);
    expect(arrived.sort()).toEqual(files.map(({ name, content }) => [name, sha256Of(content)]).sort());
    const [copy] = await tenant.mailboxes.find(anna.id, folderId, sha256('big'));
    expect(copy).toMatchObject({ complete: true });
  });

  test('gives back every file that fits neither way, and leaves the message incomplete', async () => {
    const gap = [file('gap.bin', bytes(3 * MB - 1, 5)), file('gap too.bin', bytes(3 * MB - 2, 6))];
    const created = await create('gap', [gap[0]!, file('large.bin', bytes(4 * MB)), gap[1]!]);
    // Compared by identity: comparing megabytes byte for byte takes minutes.
    expect(created.kind === 'refused' && created.refused.every((one, at) => one === gap[at])).toBe(true);
    expect(refusedNames(created)).toEqual(['gap.bin', 'gap too.bin']);
    const [message] = await readBack();
    expect(message!.attachments.map(({ name }) => name)).toEqual(['large.bin']);
    const messageId = created.kind === 'refused' ? created.messageId : '';
    await expect(tenant.mailboxes.find(anna.id, folderId, sha256('gap'))).resolves.toEqual([
      { messageId, itemKey: sha256('gap'), complete: false, batch: 7, position: 42 },
    ]);
  });

  test('gives large files back in a cloud without upload sessions, and keeps the others', async () => {
    tenant.exchange.setFaults({ noUploadSessions: true });
    const created = await create('gov', [
      file('large.bin', bytes(4 * MB)),
      file('medium.bin', bytes(2_700_000)),
    ]);
    expect(refusedNames(created)).toEqual(['large.bin']);
    const [message] = await readBack();
    expect(message!.attachments.map(({ name }) => name)).toEqual(['medium.bin']);
  });

  test.each([
    ['in one request', []],
    ['in several', [file('large.bin', bytes(4 * MB))]],
  ])('is marked when it lacks some attachments and is created %s', async (_how, attachments) => {
    const partial = { ...item('partial', attachments), partial: true };
    await tenant.mailboxes.create(anna.id, folderId, partial, { signal: signal() });
    await expect(tenant.mailboxes.find(anna.id, folderId, sha256('partial'))).resolves.toMatchObject([
      { complete: true, partial: true },
    ]);
  });

  test.each([
    'commitThenTimeout',
    'resetAfter',
    'gatewayTimeout',
    'serverError',
    'badGateway',
    'unavailable',
    'resetBefore',
  ] as const)('is not created twice after %s, and a look-up tells whether it exists', async (kind) => {
    tenant.exchange.setFaults({ script: [{ kind, method: 'POST', path: '/messages$' }] });
    await expect(create('unsure')).rejects.toBeInstanceOf(UncertainError);
    const copies = await tenant.mailboxes.find(anna.id, folderId, sha256('unsure'));
    expect(copies).toHaveLength(['commitThenTimeout', 'resetAfter'].includes(kind) ? 1 : 0);
    expect(await readBack()).toHaveLength(copies.length);
  });

  test.each([
    'throttled',
    'throttledUntilDate',
    'throttledSilently',
    'throttledAs503',
    'tokenRefused',
  ] as const)('is sent again after %s and becomes one message', async (kind) => {
    tenant.exchange.setFaults({ script: [{ kind, method: 'POST', path: '/messages$' }] });
    await expect(create('once')).resolves.toMatchObject({ kind: 'created' });
    expect(await readBack()).toHaveLength(1);
    expect(tenant.exchange.stats().answers['429'] ?? 0).toBeLessThanOrEqual(1);
  });

  test('is put off by a long Retry-After, with everything else for the mailbox', async () => {
    tenant.exchange.setFaults({
      script: [{ kind: 'throttled', method: 'POST', path: '/messages$', retryAfterSeconds: 120 }],
    });
    const error: unknown = await create('later').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'PutOffError' });
    expect((error as { delayMs: number }).delayMs).toBeGreaterThanOrEqual(120_000);
    const requests = Object.values(posts()).reduce((sum, count) => sum + count, 0);
    await expect(create('later')).rejects.toMatchObject({ name: 'PutOffError' });
    expect(Object.values(posts()).reduce((sum, count) => sum + count, 0)).toBe(requests);
    await expect(tenant.mailboxes.folder(small.id, connector)).resolves.toEqual(expect.any(String));
  });

  test('fails for good, with a reason, when the mailbox or the service refuses it', async () => {
    const smallFolder = (await tenant.mailboxes.folder(small.id, connector))!;
    const fullFolder = (await tenant.mailboxes.folder(full.id, connector))!;
    const options = { signal: signal() };
    const invalid = item('invalid');
    invalid.json['toRecipients'] = [{ emailAddress: { name: 'x', address: 'no address' } }];
    await expect(tenant.mailboxes.create(anna.id, folderId, invalid, options)).rejects.toMatchObject({
      reason: 'rejected',
    });
    await expect(
      tenant.mailboxes.create(full.id, fullFolder, item('full', [file('a.bin', bytes(2000))]), options),
    ).rejects.toMatchObject({
      name: 'PermanentError',
      reason: 'mailboxFull',
    });
    const huge = item('huge');
    huge.json['body'] = { contentType: 'text', content: 'x'.repeat(5 * MB) };
    await expect(tenant.mailboxes.create(anna.id, folderId, huge, options)).rejects.toMatchObject({
      reason: 'tooLarge',
    });
    const big = item('big', [file('a.bin', bytes(3 * MB)), file('b.bin', bytes(3 * MB))]);
    await expect(tenant.mailboxes.create(small.id, smallFolder, big, options)).rejects.toMatchObject({
      reason: 'mailboxFull',
    });
    // The incomplete message is removed: nothing would come back to complete it.
    expect(await messagesIn(tenant.graph, small.id, smallFolder)).toEqual([]);
  });

  test('fails for want of permission where attachments cannot be added to a received message', async () => {
    tenant.exchange.setFaults({ sealedAttachments: true });
    await expect(create('sealed', [file('a.bin', bytes(4 * MB))])).rejects.toMatchObject({
      reason: 'accessDenied',
    });
    expect(await readBack()).toEqual([]);
  });

  test('is not created when the folder is gone, and is not found there', async () => {
    tenant.exchange.setFaults({ folderRemovals: [{ displayName: connector.folder }] });
    await expect(create('gone')).resolves.toEqual({ kind: 'folderGone' });
    await expect(tenant.mailboxes.find(anna.id, folderId, sha256('gone'))).resolves.toEqual([]);
    const renewed = await tenant.mailboxes.folder(anna.id, connector, { refresh: true });
    expect(renewed).not.toBe(folderId);
  });

  test('is created without header lines that Exchange refuses', async () => {
    const headed = item('headed');
    const properties = headed.json['singleValueExtendedProperties'] as object[];
    properties.push({ id: 'String 0x007D', value: 'x'.repeat(40_000) });
    const created = await tenant.mailboxes.create(anna.id, folderId, headed, { signal: signal() });
    expect(created.kind).toBe('created');
    expect(await readBack()).toHaveLength(1);
  });
});

describe('a 404 that does not name what is missing', () => {
  const large = () => [file('large.bin', bytes(4 * MB))];
  const answer = (method: string, path: string, rest = {}) =>
    tenant.exchange.setFaults({ script: [{ kind: 'answered', method, path, ...rest }] });

  test.each(['UnknownError', 'MailboxInfoStale', 'ResourceNotFound'])(
    'does not keep a file out when it comes once (%s)',
    async (code) => {
      answer('POST', 'createUploadSession$', { code, times: 2 });
      await expect(create('odd', large())).resolves.toMatchObject({ kind: 'created' });
      const [message] = await readBack();
      expect(message!.attachments.map(({ name }) => name)).toEqual(['large.bin']);
    },
  );

  test('means that the route is missing when it stays, but not when it names the message', async () => {
    answer('POST', 'createUploadSession$', { times: 100 });
    expect(refusedNames(await create('odd', large()))).toEqual(['large.bin']);
    answer('POST', 'createUploadSession$', { code: 'ErrorItemNotFound', times: 100 });
    await expect(create('gone', large())).rejects.toBeInstanceOf(UncertainError);
  });

  test('does not prove that there is no copy', async () => {
    await create('kept');
    answer('GET', '/messages', { times: 1 });
    await expect(tenant.mailboxes.find(anna.id, folderId, sha256('kept'))).resolves.toHaveLength(1);
    answer('GET', '/messages', { times: 100 });
    await expect(tenant.mailboxes.find(anna.id, folderId, sha256('kept'))).rejects.toThrow(
      'find message: 404',
    );
  });

  test('is tried again before a message counts as removed, and then ends the removal', async () => {
    const created = await create('removed');
    const messageId = created.kind === 'created' ? created.messageId : '';
    answer('DELETE', '/messages', { times: 1 });
    await tenant.mailboxes.remove(anna.id, messageId);
    expect(await readBack()).toEqual([]);
    answer('DELETE', '/messages', { times: 100 });
    await expect(tenant.mailboxes.remove(anna.id, messageId)).resolves.toBeUndefined();
  });
});

describe('an upload', () => {
  const large = bytes(9 * MB, 9);
  const arrived = async () => {
    const [message, ...more] = await readBack();
    expect(more).toEqual([]);
    return message!.attachments.map(({ contentBytes }) => sha256(Buffer.from(contentBytes, 'base64')));
  };

  test.each([
    ['sessionGone', 1],
    ['resetAfter', 0],
    ['commitThenTimeout', 1],
    ['unavailable', 2],
    ['throttled', 1],
  ] as const)('continues after %s at slice %i', async (kind, skip) => {
    tenant.exchange.setFaults({ script: [{ kind, method: 'PUT', skip }] });
    await expect(create('upload', [file('large.bin', large)])).resolves.toMatchObject({ kind: 'created' });
    expect(await arrived()).toEqual([sha256(large)]);
  });

  test('leaves an incomplete copy that can be found and removed when its last answer is lost', async () => {
    tenant.exchange.setFaults({ script: [{ kind: 'commitThenTimeout', method: 'PUT', skip: 2 }] });
    await expect(create('upload', [file('large.bin', large)])).rejects.toBeInstanceOf(UncertainError);
    const [copy] = await tenant.mailboxes.find(anna.id, folderId, sha256('upload'));
    expect(copy).toMatchObject({ complete: false });
    await tenant.mailboxes.remove(anna.id, copy!.messageId);
    await tenant.mailboxes.remove(anna.id, copy!.messageId);
    await expect(create('upload', [file('large.bin', large)])).resolves.toMatchObject({ kind: 'created' });
    expect(await arrived()).toEqual([sha256(large)]);
  });

  test('stops when the caller says so', async () => {
    let steps = 0;
    const beforeStep = async () => {
      steps += 1;
      if (steps === 3) throw new Error('the lease is lost');
    };
    const options = { signal: signal(), beforeStep };
    const creating = tenant.mailboxes.create(
      anna.id,
      folderId,
      item('stop', [file('large.bin', large)]),
      options,
    );
    await expect(creating).rejects.toThrow('the lease is lost');
    await expect(tenant.mailboxes.find(anna.id, folderId, sha256('stop'))).resolves.toMatchObject([
      { complete: false },
    ]);
  });

  test('does not name its session in any error', async () => {
    tenant.exchange.setFaults({ script: [{ kind: 'serverError', method: 'PUT', times: 20 }] });
    const error: unknown = await create('upload', [file('large.bin', large)]).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(UncertainError);
    let text = '';
    for (let at = error as Error | undefined; at; at = at.cause as Error | undefined)
      text += `${at.stack} ${JSON.stringify(at)}`;
    expect(text).toContain('upload slice: 500');
    expect(text).not.toMatch(/authtoken|attachment-sessions|large\.bin|anna/);
  });
});
