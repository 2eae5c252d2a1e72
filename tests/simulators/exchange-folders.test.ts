import { receivedItem, users, useTenant, type Json } from '../support/exchange-tenant';

describe('folders of the simulated Exchange', () => {
  const client = useTenant();
  const folders = `/users/${users.ada.id}/mailFolders`;

  const create = async (displayName: string) => (await client.post(folders, { displayName })).json.id;
  const names = (json: Json): string[] => json.value.map(({ displayName }: Json) => displayName);
  const filter = (name: string) =>
    `${folders}?$filter=${encodeURIComponent(`displayName eq '${name.replaceAll("'", "''")}'`)}`;

  it('are listed ten a page, so that a new one is on the second page', async () => {
    await create('WeChat Archiver');
    const first = await client.get(folders);
    expect(first.json.value).toHaveLength(10);
    expect(names(first.json)).not.toContain('WeChat Archiver');
    const second = await client.get(first.json['@odata.nextLink']);
    expect(names(second.json)).toEqual(['WeChat Archiver']);
    expect(second.json['@odata.nextLink']).toBeUndefined();
  });

  it('are listed with the same options on every page', async () => {
    const { json } = await client.get(`${folders}?$top=3&$select=displayName&includeHiddenFolders=true`);
    expect(Object.keys(json.value[0])).toEqual(['displayName']);
    const next = await client.get(json['@odata.nextLink']);
    expect(next.json.value).toHaveLength(3);
    expect(Object.keys(next.json.value[0])).toEqual(['displayName']);
  });

  it('are listed without hidden ones, unless the request asks for them', async () => {
    expect(names((await client.get(`${folders}?$top=100`)).json)).not.toContain('Clutter');
    const all = await client.get(`${folders}?$top=100&includeHiddenFolders=true`);
    expect(names(all.json)).toContain('Clutter');
  });

  it('are found by name, in any case and with quotes doubled', async () => {
    const id = await create("Ada's 微信");
    expect((await client.get(filter("ada's 微信"))).json.value.map((folder: Json) => folder.id)).toEqual([
      id,
    ]);
    expect((await client.get(filter('Nothing'))).json.value).toEqual([]);
    const broken = await client.get(`${folders}?$filter=displayName%20eq%20'Ada's'`);
    expect(broken.code).toBe('BadRequest');
    const unsupported = await client.get(`${folders}?$filter=startswith(displayName,'A')`);
    expect(unsupported.code).toBe('ErrorInvalidUrlQueryFilter');
  });

  it('cannot have the same name twice, in any case', async () => {
    expect((await client.post(folders, { displayName: 'WeChat Archiver' })).status).toBe(201);
    const again = await client.post(folders, { displayName: 'wechat archiver' });
    expect([again.status, again.code]).toEqual([409, 'ErrorFolderExists']);
    expect((await client.post(folders, { displayName: 'Inbox' })).code).toBe('ErrorFolderExists');
  });

  it('are created once by concurrent requests with the same name', async () => {
    const replies = await Promise.all([1, 2, 3].map(() => client.post(folders, { displayName: 'Once' })));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it('are not created from a body that is not a folder', async () => {
    expect((await client.post(folders, {})).code).toBe('RequestBodyRead');
    expect((await client.post(folders, { displayName: ' ' })).code).toBe('ErrorInvalidArgument');
    expect((await client.post(folders, { displayName: 'x', wellKnownName: 'y' })).code).toBe(
      'RequestBodyRead',
    );
    expect((await client.post(folders, { displayName: 7 })).code).toBe('RequestBodyRead');
    expect((await client.post(folders, '')).status).toBe(400);
    const typed = await client.post(folders, { displayName: 'x' }, { 'content-type': 'text/plain' });
    expect(typed.status).toBe(415);
  });

  it('are found by id and by well-known name', async () => {
    const id = await create('Mine');
    const root = (await client.get(`${folders}/msgfolderroot`)).json;
    expect((await client.get(`${folders}/${id}`)).json).toMatchObject({
      id,
      displayName: 'Mine',
      parentFolderId: root.id,
      totalItemCount: 0,
      isHidden: false,
    });
    for (const name of ['inbox', 'DeletedItems', 'drafts', 'archive']) {
      expect((await client.get(`${folders}/${name}`)).status).toBe(200);
    }
    expect((await client.get(`${folders}/recoverableitemsdeletions`)).json.displayName).toBe('Deletions');
    expect((await client.get(`${folders}('inbox')`)).json.displayName).toBe('Inbox');
    expect((await client.get(`${folders}/WeChat Archiver`)).code).toBe('ErrorInvalidIdMalformed');
    const unknown = `${id.slice(0, 20)}xx${id.slice(22)}`;
    expect((await client.get(`${folders}/${unknown}`)).code).toBe('ErrorItemNotFound');
    expect((await client.get(`/users/${users.bo.id}/mailFolders/${id}`)).code).toBe('ErrorItemNotFound');
  });

  it('keep their id when they are renamed or moved', async () => {
    const id = await create('Mine');
    const parent = await create('Parent');
    await client.patch(`${folders}/${id}`, { displayName: 'Renamed' });
    const moved = await client.post(`${folders}/${id}/move`, { destinationId: parent });
    expect(moved.status).toBe(201);
    expect((await client.get(`${folders}/${id}`)).json).toMatchObject({
      displayName: 'Renamed',
      parentFolderId: parent,
    });
    expect(names((await client.get(`${folders}/${parent}/childFolders`)).json)).toEqual(['Renamed']);
    expect((await client.get(filter('Renamed'))).json.value).toEqual([]);
    const circle = await client.post(`${folders}/${parent}/move`, { destinationId: id });
    expect(circle.code).toBe('ErrorMoveCopyFailed');
    expect((await client.patch(`${folders}/${parent}`, { displayName: 'Inbox' })).code).toBe(
      'ErrorFolderExists',
    );
  });

  it('go to Deleted Items when they are deleted, keep their id there, and are purged from there', async () => {
    const id = await create('Mine');
    await client.post(`${folders}/${id}/messages`, receivedItem());
    expect((await client.delete(`${folders}/${id}`)).status).toBe(204);
    const bin = (await client.get(`${folders}/deleteditems`)).json;
    expect((await client.get(`${folders}/${id}`)).json.parentFolderId).toBe(bin.id);
    expect((await client.post(`${folders}/${id}/messages`, receivedItem('b2'))).status).toBe(201);
    await create('Mine');

    expect((await client.delete(`${folders}/${id}`)).status).toBe(204);
    expect((await client.get(`${folders}/${id}`)).code).toBe('ErrorItemNotFound');
    const late = await client.post(`${folders}/${id}/messages`, receivedItem('c3'));
    expect([late.status, late.code]).toEqual([404, 'ErrorItemNotFound']);
    const dumpster = await client.get(`${folders}/recoverableitemsdeletions/messages`);
    expect(dumpster.json.value).toHaveLength(2);
  });

  it('get another name in Deleted Items if theirs is taken', async () => {
    for (let count = 0; count < 2; count++) await client.delete(`${folders}/${await create('Mine')}`);
    const bin = await client.get(`${folders}/deleteditems/childFolders`);
    expect(names(bin.json)).toEqual(['Mine', 'Mine1']);
  });

  it('of the mailbox itself cannot be renamed, moved or deleted', async () => {
    const inbox = `${folders}/inbox`;
    expect((await client.delete(inbox)).code).toBe('ErrorDeleteDistinguishedFolder');
    expect((await client.patch(inbox, { displayName: 'x' })).code).toBe('ErrorRenameDistinguishedFolder');
    const move = await client.post(`${inbox}/move`, { destinationId: 'archive' });
    expect(move.code).toBe('ErrorMoveDistinguishedFolder');
  });

  it('are not listed with an unknown option', async () => {
    for (const query of [
      '$count=true',
      '$search=x',
      '$orderby=displayName',
      '$top=0',
      '$top=1001',
      '$top=x',
      'x=1',
      '$top=1&$top=2',
    ]) {
      expect((await client.get(`${folders}?${query}`)).status).toBe(400);
    }
  });
});
