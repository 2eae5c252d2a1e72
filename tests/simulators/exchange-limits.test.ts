import {
  file,
  openTenant,
  receivedItem,
  token,
  users,
  workUntil,
  type Client,
} from '../support/exchange-tenant';
import { until } from '../support/until';

const inbox = `/users/${users.ada.id}/mailFolders/inbox`;

describe('throttling of the simulated Exchange', () => {
  let client: Client;
  afterEach(() => client.exchange.close());

  const many = (count: number, path = inbox) =>
    Promise.all(Array.from({ length: count }, () => client.get(path)));
  const stats = () => client.exchange.stats().mailboxes['ada@contoso.com']!;
  /** No request is answered until this many have come since the tenant was opened. */
  let expectedRequests = 0;
  const whenAllHaveCome = workUntil(() => {
    const counts = Object.values(client.exchange.stats().requests);
    return counts.reduce((sum, count) => sum + count, 0) >= expectedRequests;
  });

  it('allows four requests in flight in one mailbox, and refuses the fifth', async () => {
    client = await openTenant({ work: whenAllHaveCome });
    expectedRequests = 4;
    expect((await many(4)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expectedRequests = 4 + 5;
    const five = await many(5);
    const refused = five.find(({ status }) => status === 429)!;
    expect(five.filter(({ status }) => status === 200)).toHaveLength(4);
    expect(refused.code).toBe('ApplicationThrottled');
    expect(refused.json.error.message).toContain('MailboxConcurrency');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(stats().maxInFlight).toBe(5);
  });

  it('counts each mailbox separately, and does not count the directory', async () => {
    client = await openTenant({ work: whenAllHaveCome });
    expectedRequests = 4 + 4 + 8;
    const replies = await Promise.all([
      many(4),
      many(4, `/users/${users.bo.id}/mailFolders/inbox`),
      many(8, '/users?$top=1'),
    ]);
    expect(replies.flat().every(({ status }) => status === 200)).toBe(true);
  });

  it('makes the whole mailbox wait, and longer for every request that comes too early', async () => {
    let later = 0;
    const start = Date.now();
    client = await openTenant({
      work: whenAllHaveCome,
      now: () => start + later,
      limits: { inFlight: 1, retryAfterSeconds: 10, penaltySeconds: 5, penaltyMaxSeconds: 8 },
    });
    const wait = async () => Number((await client.get(inbox)).headers.get('retry-after'));
    expectedRequests = 2;
    const refused = (await many(2)).find(({ status }) => status === 429)!;
    expect(refused.headers.get('retry-after')).toBe('10');
    expect(await wait()).toBe(15);
    expect(await wait()).toBe(18);
    expect(await wait()).toBe(18);
    expect(stats().duringCoolDown).toBe(3);
    later = 17_000;
    expect(await wait()).toBe(1);
    later = 18_000;
    expect((await client.get(inbox)).status).toBe(200);
  });

  it('allows a number of requests per period, and says when the next is allowed', async () => {
    const start = Date.now();
    let later = 0;
    client = await openTenant({
      now: () => start + later,
      limits: { requests: 3, requestsWindowMs: 60_000, penaltySeconds: 0 },
    });
    for (let count = 0; count < 3; count++) expect((await client.get(inbox)).status).toBe(200);
    later = 20_000;
    const refused = await client.get(inbox);
    expect(refused.json.error.message).toContain('Request limit');
    expect(refused.headers.get('retry-after')).toBe('40');
    later = 60_000;
    expect((await client.get(inbox)).status).toBe(200);
  });

  it('allows a number of uploaded bytes per period', async () => {
    const start = Date.now();
    let later = 0;
    client = await openTenant({
      now: () => start + later,
      limits: { uploadBytes: 10_000, uploadWindowMs: 60_000 },
    });
    const post = () => {
      const attachments = [file('a', Buffer.alloc(4_000))];
      return client.post(`${inbox}/messages`, receivedItem('k', { attachments }));
    };
    expect((await post()).status).toBe(201);
    const refused = await post();
    expect([refused.status, refused.code]).toEqual([429, 'ApplicationThrottled']);
    expect(refused.json.error.message).toContain('IncomingBytes');
    expect(refused.headers.get('retry-after')).toBe('60');
    expect(stats().created).toBe(1);
    later = 60_000;
    expect((await post()).status).toBe(201);
  });

  it('no longer counts a request whose client has closed the connection', async () => {
    const start = Date.now();
    let later = 0;
    const limits = { inFlight: 1, penaltySeconds: 0 };
    let hasLeft = false;
    client = await openTenant({ work: workUntil(() => hasLeft), limits, now: () => start + later });
    const url = `${client.exchange.origin}/v1.0${inbox}`;
    const leave = new AbortController();
    const headers = { authorization: `Bearer ${token()}` };
    const gone = fetch(url, { headers, signal: leave.signal });
    await until(
      'a request in flight',
      () => client.exchange.stats().mailboxes['ada@contoso.com']?.maxInFlight === 1,
    );
    leave.abort();
    await expect(gone).rejects.toThrow();
    hasLeft = true;
    await until('the freed place', async () => {
      later += 5_000; // After any Retry-After.
      return (await client.get(inbox)).status === 200;
    });
  });
});
