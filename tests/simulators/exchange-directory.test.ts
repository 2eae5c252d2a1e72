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

  it('refuses a request without a token, with a foreign audience, or after its time', async () => {
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

  it('answers errors in the shape of Microsoft Graph', async () => {
    const reply = await client.get('/users/nobody@contoso.com', { 'client-request-id': 'mine' });
    expect(reply.status).toBe(404);
    expect(reply.json.error).toEqual({
      code: 'Request_ResourceNotFound',
      message: expect.any(String),
      innerError: { date: expect.any(String), 'request-id': expect.any(String), 'client-request-id': 'mine' },
    });
    expect(reply.headers.get('request-id')).toBe(reply.json.error.innerError['request-id']);
  });

  it('knows a user by id and by user principal name in any case, not by another address', async () => {
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

  it('takes a key in parentheses, which alone can begin with a dollar sign or hold a quote', async () => {
    expect((await client.get("/users('ada@contoso.com')")).json.id).toBe(users.ada.id);
    expect((await client.get("/users('$dollar@contoso.com')")).json.id).toBe(users.dollar.id);
    expect((await client.get('/users/$dollar@contoso.com')).status).toBe(400);
    expect((await client.get("/users('o''neil@contoso.com')/mailFolders")).status).toBe(200);
  });

  it('gives proxy addresses only when they are selected, and refuses properties it does not have', async () => {
    expect((await client.get(`/users/${users.ada.id}`)).json).not.toHaveProperty('proxyAddresses');
    const some = await client.get(`/users/${users.ada.id}?$select=id,proxyAddresses`);
    expect(some.json.proxyAddresses).toEqual(users.ada.proxyAddresses);
    expect(some.json).not.toHaveProperty('displayName');
    expect((await client.get(`/users/${users.ada.id}?$select=shoeSize`)).code).toBe('BadRequest');
    expect((await client.get(`/users/${users.ada.id}?$count=true`)).status).toBe(400);
  });

  it('finds users by the four addresses of a person, in any case and joined by or', async () => {
    expect(await find("userPrincipalName eq 'BO@contoso.com'")).toEqual([users.bo.id]);
    expect(await find("mail eq 'ada.l@contoso.com'")).toEqual([users.ada.id]);
    expect(await find("mobilePhone eq '+4612345678'")).toEqual([users.ada.id]);
    expect(await find("proxyAddresses/any(p:p eq 'smtp:ADA+old@contoso.com')")).toEqual([users.ada.id]);
    const both = "mail eq 'bo@contoso.com' or proxyAddresses/any(x:x eq 'smtp:ada.l@contoso.com')";
    expect(await find(both)).toEqual([users.ada.id, users.bo.id]);
    expect(await find("userPrincipalName eq 'o''neil@contoso.com'")).toEqual([users.quote.id]);
    expect(await find("mail in ('bo@contoso.com','none@contoso.com')")).toEqual([users.bo.id, users.none.id]);
  });

  it('reads an unencoded plus sign in a filter as a space, and so finds nothing', async () => {
    const reply = await client.get("/users?$filter=mobilePhone%20eq%20'+4612345678'");
    expect(reply.json.value).toEqual([]);
  });

  it('refuses filters that the directory does not support or cannot read', async () => {
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

  it('pages a list by its next link', async () => {
    const seen: string[] = [];
    let url: string | undefined = '/users?$top=4&$select=id';
    while (url) {
      const { json }: { json: Json } = await client.get(url);
      seen.push(...json.value.map((user: { id: string }) => user.id));
      url = json['@odata.nextLink'];
    }
    expect(seen).toEqual(Object.values(users).map(({ id }) => id));
  });

  it('tells why a user has no mailbox that the app can use', async () => {
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

  it('refuses paths and methods that it does not know', async () => {
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
