import { openTenant, token, users, type Client, type Json } from '../support/exchange-tenant';

describe('the directory and sign-in of the simulated Exchange', () => {
  let client: Client;
  beforeAll(async () => {
    client = await openTenant();
  });
  afterAll(() => client.exchange.close());

  const find = async (filter: string) => {
    const reply = await client.get(`/users?$filter=${encodeURIComponent(filter)}&$select=id`);
    return reply.json.value.map((user: { id: string }) => user.id);
  };
  const filterCode = async (filter: string) =>
    (await client.get(`/users?$filter=${encodeURIComponent(filter)}`)).code;

  it('refuse a token that is missing, expired or for another audience', async () => {
    const past = Math.floor(Date.now() / 1000) - 10;
    const headers = [
      undefined,
      'Basic eDp5',
      `Bearer ${token({ aud: 'https://graph.microsoft.us' })}`,
      `Bearer ${token({ exp: past })}`,
      'Bearer abc.def.ghi',
    ];
    for (const authorization of headers) {
      const reply = await client.raw('GET', '/v1.0/users', authorization ? { authorization } : {});
      expect([reply.status, reply.code]).toEqual([401, 'InvalidAuthenticationToken']);
      expect(reply.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('answer errors in the form of Microsoft Graph', async () => {
    const reply = await client.get('/users/nobody@contoso.com', { 'client-request-id': 'mine' });
    expect(reply.status).toBe(404);
    expect(reply.json.error).toEqual({
      code: 'Request_ResourceNotFound',
      message: expect.any(String),
      innerError: { date: expect.any(String), 'request-id': expect.any(String), 'client-request-id': 'mine' },
    });
    expect(reply.headers.get('request-id')).toBe(reply.json.error.innerError['request-id']);
  });

  it('find a user by id and by user principal name in any case, but not by another address', async () => {
    for (const key of [users.ada.id, 'ada@contoso.com', 'ADA@CONTOSO.COM', users.ada.id.toUpperCase()]) {
      expect((await client.get(`/users/${key}`)).json.id).toBe(users.ada.id);
    }
    for (const key of ['ada.l@contoso.com', 'ada%2Bold@contoso.com', 'nobody@contoso.com', 'x']) {
      const reply = await client.get(`/users/${key}`);
      expect([reply.status, reply.code]).toEqual([404, 'Request_ResourceNotFound']);
    }
    expect((await client.get('/users/ada.l@contoso.com/messages')).code).toBe('Request_ResourceNotFound');
    expect((await client.get('/users/nobody@contoso.com/messages')).code).toBe('ErrorInvalidUser');
  });

  it('take a key in parentheses, the only form for one with a dollar sign in front or a quote', async () => {
    expect((await client.get("/users('ada@contoso.com')")).json.id).toBe(users.ada.id);
    expect((await client.get("/users('$dollar@contoso.com')")).json.id).toBe(users.dollar.id);
    expect((await client.get('/users/$dollar@contoso.com')).status).toBe(400);
    expect((await client.get("/users('o''neil@contoso.com')/mailFolders")).status).toBe(200);
  });

  it('return proxy addresses only if they are selected, and refuse unknown properties', async () => {
    expect((await client.get(`/users/${users.ada.id}`)).json).not.toHaveProperty('proxyAddresses');
    const some = await client.get(`/users/${users.ada.id}?$select=id,proxyAddresses`);
    expect(some.json.proxyAddresses).toEqual(users.ada.proxyAddresses);
    expect(some.json).not.toHaveProperty('displayName');
    expect((await client.get(`/users/${users.ada.id}?$select=shoeSize`)).code).toBe('BadRequest');
    expect((await client.get(`/users/${users.ada.id}?$count=true`)).status).toBe(400);
  });

  it('find users by each kind of address, in any case, and by several joined with or', async () => {
    expect(await find("userPrincipalName eq 'BO@contoso.com'")).toEqual([users.bo.id]);
    expect(await find("mail eq 'ada.l@contoso.com'")).toEqual([users.ada.id]);
    expect(await find("mobilePhone eq '+4612345678'")).toEqual([users.ada.id]);
    expect(await find("proxyAddresses/any(p:p eq 'smtp:ADA+old@contoso.com')")).toEqual([users.ada.id]);
    const both = "mail eq 'bo@contoso.com' or proxyAddresses/any(x:x eq 'smtp:ada.l@contoso.com')";
    expect(await find(both)).toEqual([users.ada.id, users.bo.id]);
    expect(await find("userPrincipalName eq 'o''neil@contoso.com'")).toEqual([users.quote.id]);
    expect(await find("mail in ('bo@contoso.com','none@contoso.com')")).toEqual([users.bo.id, users.none.id]);
  });

  it('read an unencoded plus sign in a filter as a space, and so find nothing', async () => {
    const reply = await client.get("/users?$filter=mobilePhone%20eq%20'+4612345678'");
    expect(reply.json.value).toEqual([]);
  });

  it('refuse filters that they do not support or cannot read', async () => {
    expect(await filterCode("mail ne 'x'")).toBe('Request_UnsupportedQuery');
    expect(await filterCode("contains(mail,'x')")).toBe('Request_UnsupportedQuery');
    expect(await filterCode("startswith(mail,'x')")).toBe('Request_UnsupportedQuery');
    expect(await filterCode("jobTitle eq 'x'")).toBe('Request_UnsupportedQuery');
    expect(await filterCode("shoeSize eq 'x'")).toBe('BadRequest');
    expect(await filterCode("mail eq 'o'neil@x.com'")).toBe('BadRequest');
    expect(await filterCode('mail eq')).toBe('BadRequest');
    expect(await filterCode("mail EQ 'x'")).toBe('BadRequest');
    expect(await filterCode(`mail eq '${'x'.repeat(121)}'`)).toBe('Request_UnsupportedQuery');
    const sixteen = Array.from({ length: 16 }, (_, n) => `mail eq '${n}@x.com'`);
    expect(await filterCode(sixteen.join(' or '))).toBe('Request_UnsupportedQuery');
    expect(await filterCode(sixteen.slice(1).join(' or '))).toBeUndefined();
  });

  it('give a list in pages, each with a link to the next', async () => {
    const seen: string[] = [];
    let url: string | undefined = '/users?$top=4&$select=id';
    while (url) {
      const { json }: { json: Json } = await client.get(url);
      seen.push(...json.value.map((user: { id: string }) => user.id));
      url = json['@odata.nextLink'];
    }
    expect(seen).toEqual(Object.values(users).map(({ id }) => id));
  });

  it('say why the app cannot use the mailbox of a user', async () => {
    const code = async (id: string) => {
      const { status, code } = await client.get(`/users/${id}/mailFolders`);
      return [status, code];
    };
    expect(await code(users.none.id)).toEqual([404, 'MailboxNotEnabledForRESTAPI']);
    expect(await code(users.unsupported.id)).toEqual([404, 'MailboxNotSupportedForRESTAPI']);
    expect(await code(users.onPremises.id)).toEqual([404, 'MailboxNotHostedInExchangeOnline']);
    expect(await code(users.outside.id)).toEqual([403, 'ErrorAccessDenied']);
    // A shared mailbox is a user whose account is disabled.
    expect(await code(users.bo.id)).toEqual([200, undefined]);
  });

  it('refuse unknown paths and methods', async () => {
    expect((await client.get('/groups')).code).toBe('BadRequest');
    expect((await client.get('/me/messages')).status).toBe(400);
    expect((await client.post('/$batch', { requests: [] })).status).toBe(400);
    expect((await client.delete(`/users/${users.ada.id}`)).status).toBe(405);
    expect((await client.get('/users/%E0%A4%A')).status).toBe(400);
    expect((await client.get('/users?$filter=%E0%A4%A')).status).toBe(400);
    const beta = await client.raw('GET', '/beta/users', { authorization: `Bearer ${token()}` });
    expect(beta.status).toBe(400);
  });
});
