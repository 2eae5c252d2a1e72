import { createFolders } from '../../shared/graph/folder.client';
import { connector, openTenant, user } from '../support/graph-tenant';

const anna = user('anna');
const without = {
  none: user('none', { mailbox: 'none' }),
  notSupported: user('notSupported', { mailbox: 'notSupported' }),
  onPremises: user('onPremises', { mailbox: 'onPremises' }),
};
const outside = user('outside', { inScope: false });
const shared = user('shared', { accountEnabled: false });

let tenant: Awaited<ReturnType<typeof openTenant>>;
beforeEach(async () => {
  tenant = await openTenant([anna, shared, outside, ...Object.values(without)]);
});
afterEach(async () => tenant.close());

const path = `/users/${anna.id}/mailFolders`;
const by = { doing: 'act as the user', mailbox: anna.id };
const folder = async (options = {}) => tenant.folders.folder(anna.id, connector, options);
const make = async (displayName: string, isHidden = false) =>
  ((await tenant.graph.post(path, { ...by, body: { displayName, isHidden } })).json as { id: string }).id;
const move = async (folderId: string, destinationId: string) =>
  tenant.graph.post(`${path}/${folderId}/move`, { ...by, body: { destinationId } });
const restarted = () => createFolders(tenant.graph, tenant.rows, { now: Date.now });
const requests = () => Object.values(tenant.exchange.stats().requests).reduce((sum, count) => sum + count, 0);

describe('the folder of a connector', () => {
  test('is created once, and is remembered for a while', async () => {
    const made = await folder();
    expect(tenant.stored.get(`${connector.id} ${anna.id}`)).toBe(made);
    const asked = requests();
    await expect(folder()).resolves.toBe(made);
    expect(requests()).toBe(asked);
    await expect(restarted().folder(anna.id, connector)).resolves.toBe(made);
  });

  test('is created once for concurrent calls', async () => {
    const found = await Promise.all(Array.from({ length: 10 }, async () => folder()));
    expect(new Set(found).size).toBe(1);
  });

  test('is the same for the workers of several processes', async () => {
    const others = Array.from({ length: 5 }, () =>
      createFolders(
        tenant.graph,
        { get: async () => undefined, put: async () => undefined, async *list() {} },
        { now: Date.now },
      ),
    );
    const found = await Promise.all(others.map(async (folders) => folders.folder(anna.id, connector)));
    expect(new Set(found).size).toBe(1);
  });

  test('is the existing one, even a hidden one behind many others', async () => {
    for (let index = 0; index < 110; index += 1) await make(`A${String(index).padStart(3, '0')}`);
    const hidden = await make(connector.folder.toUpperCase(), true);
    await expect(folder()).resolves.toBe(hidden);
  });

  test('stays in use when its user renames or moves it', async () => {
    const made = (await folder())!;
    await tenant.graph.patch(`${path}/${made}`, { ...by, body: { displayName: 'My chats' } });
    await expect(folder({ refresh: true })).resolves.toBe(made);
    await move(made, await make('Archive 2025'));
    await expect(folder({ refresh: true })).resolves.toBe(made);
  });

  test('is replaced when its user deletes it, or deletes the folder around it', async () => {
    const first = (await folder())!;
    await tenant.graph.delete(`${path}/${first}`, by);
    const second = (await folder({ refresh: true }))!;
    expect(second).not.toBe(first);
    const around = await make('Around');
    await move(second, around);
    await move(around, 'deleteditems');
    const third = (await folder({ refresh: true }))!;
    expect([first, second]).not.toContain(third);
    expect(tenant.stored.get(`${connector.id} ${anna.id}`)).toBe(third);
  });

  test('is replaced when the mailbox cannot read its stored id', async () => {
    tenant.stored.set(`${connector.id} ${anna.id}`, 'not an id');
    await expect(folder()).resolves.toMatch(/^AA/);
  });

  test.each(Object.keys(without) as (keyof typeof without)[])(
    'does not exist in a mailbox that is %s',
    async (state) => {
      await expect(tenant.folders.folder(without[state].id, connector)).resolves.toBeUndefined();
    },
  );

  test('does not exist for an unknown user, but does for a user who cannot sign in', async () => {
    await expect(
      tenant.folders.folder('00000000-0000-4000-a000-ffffffffffff', connector),
    ).resolves.toBeUndefined();
    await expect(tenant.folders.folder(shared.id, connector)).resolves.toEqual(expect.any(String));
  });

  test('is refused, not missing, in a mailbox outside the scope of the app', async () => {
    await expect(tenant.folders.folder(outside.id, connector)).rejects.toMatchObject({
      reason: 'accessDenied',
    });
  });

  test('is created once when the answer to its creation is lost', async () => {
    tenant.exchange.setFaults({
      script: [{ kind: 'commitThenTimeout', method: 'POST', path: '/mailFolders$' }],
    });
    await expect(folder()).resolves.toEqual(expect.any(String));
    const named = (await tenant.graph.list(path, by)) as { displayName: string }[];
    expect(named.filter(({ displayName }) => displayName === connector.folder)).toHaveLength(1);
  });
});

describe('an odd answer about the folders of a mailbox', () => {
  const answer = (status: number, code: string, times: number, path = '/mailFolders$') =>
    tenant.exchange.setFaults({ script: [{ kind: 'answered', path, status, code, times }] });

  test.each([
    [404, 'MailboxInfoStale'],
    [404, 'UnknownError'],
    [404, 'ResourceNotFound'],
    [404, 'ErrorItemNotFound'],
    [410, 'Gone'],
  ])('leads to another try when it comes once (%i %s)', async (status, code) => {
    answer(status, code, 2);
    await expect(folder()).resolves.toEqual(expect.any(String));
  });

  test.each([
    [404, 'UnknownError'],
    [404, 'ResourceNotFound'],
    [410, 'Gone'],
    [400, 'BadRequest'],
  ])('means that the mailbox fails, not that there is none, when it stays (%i %s)', async (status, code) => {
    answer(status, code, 4);
    await expect(folder()).rejects.toMatchObject({ name: 'PermanentError', reason: 'mailboxUnavailable' });
    // It is not remembered either.
    tenant.exchange.setFaults({});
    await expect(folder()).resolves.toEqual(expect.any(String));
  });

  test('does not replace a renamed folder when it comes once for the folder itself', async () => {
    const made = (await folder())!;
    await tenant.graph.patch(`${path}/${made}`, { ...by, body: { displayName: 'My chats' } });
    answer(404, 'UnknownError', 1, '/mailFolders/AA');
    await expect(folder({ refresh: true })).resolves.toBe(made);
  });
});
