import {
  itemKeyId,
  openTenant,
  receivedItem,
  users,
  useTenant,
  type Client,
  type Reply,
} from '../support/exchange-tenant';
import { until } from '../support/until';

const base = `/users/${users.ada.id}`;
const inbox = `${base}/mailFolders/inbox/messages`;

describe('faults of the simulated Exchange', () => {
  const startMs = Date.now();
  let laterMs = 0;
  const client = useTenant({ now: () => startMs + laterMs });
  beforeEach(() => {
    laterMs = 0;
  });

  type Kind = NonNullable<Parameters<Client['exchange']['setFaults']>[0]['script']>[number]['kind'];
  const script = (kind: Kind, rest: object = {}) =>
    client.exchange.setFaults({ script: [{ kind, path: 'messages$', ...rest }] });
  const post = (key = 'k') => client.post(inbox, receivedItem(key));
  const kept = async () => (await client.get(inbox)).json.value.length;
  const summary = ({ status, code, headers }: Reply) => [status, code, headers.get('retry-after')];

  it('answer once without doing the work, and let the next try through', async () => {
    const expected: [Kind, number, string][] = [
      ['unavailable', 503, 'ServiceUnavailable'],
      ['serverError', 500, 'ErrorInternalServerError'],
      ['badGateway', 502, 'BadGateway'],
      ['gatewayTimeout', 504, 'GatewayTimeout'],
      ['throttledSilently', 429, 'ApplicationThrottled'],
      ['tokenRefused', 401, 'InvalidAuthenticationToken'],
      ['accessDenied', 403, 'ErrorAccessDenied'],
      ['quotaExceeded', 507, 'ErrorQuotaExceeded'],
    ];
    for (const [kind, status, code] of expected) {
      script(kind, { method: 'POST' });
      const before = await kept();
      expect(summary(await post())).toEqual([status, code, null]);
      expect(await kept()).toBe(before);
      expect((await post()).status).toBe(201);
    }
  });

  it('answer with the status and code that the script names', async () => {
    script('answered', { status: 410, code: 'Gone' });
    expect(summary(await post())).toEqual([410, 'Gone', null]);
    script('answered');
    expect(summary(await post())).toEqual([404, 'UnknownError', null]);
    expect((await post()).status).toBe(201);
  });

  it('throttle with seconds, with a date or as 503, and make the whole mailbox wait', async () => {
    for (const [kind, status] of [
      ['throttled', 429],
      ['throttledUntilDate', 429],
      ['throttledAs503', 503],
    ] as [Kind, number][]) {
      script(kind, { retryAfterSeconds: 7 });
      const refused = await post();
      expect([refused.status, refused.code]).toEqual([status, 'ApplicationThrottled']);
      const header = refused.headers.get('retry-after')!;
      const waitMs =
        kind === 'throttledUntilDate' ? Date.parse(header) - startMs - laterMs : Number(header) * 1000;
      expect(waitMs).toBeGreaterThanOrEqual(7_000);
      expect(waitMs).toBeLessThan(8_001);
      laterMs += 6_900;
      expect((await post()).status).toBe(429);
      laterMs += 60_000;
      expect((await post()).status).toBe(201);
    }
  });

  it('break the connection before the work or after it', async () => {
    script('resetBefore');
    await expect(post()).rejects.toThrow();
    expect(await kept()).toBe(0);
    script('resetAfter');
    await expect(post()).rejects.toThrow();
    expect(await kept()).toBe(1);
  });

  it('answer 504 although the work is done', async () => {
    script('commitThenTimeout', { method: 'POST' });
    expect((await post()).status).toBe(504);
    expect(await kept()).toBe(1);
  });

  it('answer 504 and do the work some time later', async () => {
    script('lateCommit', { method: 'POST', lateMs: 100 });
    expect((await post()).status).toBe(504);
    expect(await kept()).toBe(0);
    await until('the late commit', async () => (await kept()) === 1);
  });

  it('skip as many requests as the script says, and then occur as often as it says', async () => {
    script('serverError', { method: 'POST', skip: 1, times: 2 });
    const replies = [await post('1'), await post('2'), await post('3'), await post('4')];
    expect(replies.map(({ status }) => status)).toEqual([201, 500, 500, 201]);
    expect(client.exchange.stats().faults).toEqual({ serverError: 2 });
  });

  it('make an upload session disappear', async () => {
    const message = (await post()).json.id;
    const body = { AttachmentItem: { attachmentType: 'file', name: 'a', size: 3 * 1024 * 1024 } };
    const session = await client.post(`${base}/messages/${message}/attachments/createUploadSession`, body);
    script('sessionGone', { path: '^/attachment-sessions/' });
    expect((await client.raw('GET', session.json.uploadUrl)).status).toBe(404);
    expect((await client.raw('GET', session.json.uploadUrl)).status).toBe(404);
  });

  it('let a user delete or purge the folder just before a create in it', async () => {
    for (const [how, status] of [
      ['deleted', 201],
      ['purged', 404],
    ] as const) {
      const displayName = `Folder ${how}`;
      const { id } = (await client.post(`${base}/mailFolders`, { displayName })).json;
      client.exchange.setFaults({ folderRemovals: [{ displayName, beforeCreate: 2, how }] });
      const at = `${base}/mailFolders/${id}/messages`;
      expect((await client.post(at, receivedItem('1'))).status).toBe(201);
      expect((await client.post(at, receivedItem('2'))).status).toBe(status);
      const top = await client.get(`${base}/mailFolders?$filter=displayName eq '${displayName}'`);
      expect(top.json.value).toEqual([]);
    }
  });

  it('occur at their rates, for the same requests with the same seed, and let other requests through', async () => {
    const run = async (seed: number) => {
      const tenant = await openTenant({ faults: { seed, rates: { serverError: 0.3, badGateway: 0.2 } } });
      // Every tenant has other ids, which must not change the faults.
      const folders = `/users/${users.bo.id}/mailFolders`;
      let created = await tenant.post(folders, { displayName: 'Mine' });
      while (created.status !== 201) created = await tenant.post(folders, { displayName: 'Mine' });
      const { id } = created.json;
      const statuses: number[] = [];
      for (let count = 0; count < 60; count++) {
        statuses.push((await tenant.get(`/users/${users.bo.id}/mailFolders/${id}`)).status);
      }
      await tenant.exchange.close();
      return statuses;
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
    for (const status of [200, 500, 502]) expect(first).toContain(status);
  });

  it('are refused if they leave too few requests without a fault', async () => {
    await expect(openTenant({ faults: { rates: { serverError: 1 } } })).rejects.toThrow();
    await expect(openTenant({ faults: { rates: { serverError: 0.5, badGateway: 0.5 } } })).rejects.toThrow(
      'never ends',
    );
  });

  describe('the control interface', () => {
    const control = (method: string, path: string, body?: object) =>
      client.raw(method, `/_control/${path}`, {}, body && JSON.stringify(body));

    it('replaces the fault plan', async () => {
      const plan = { script: [{ kind: 'serverError', method: 'POST', path: 'messages$' }] };
      expect((await control('POST', 'faults', plan)).status).toBe(204);
      expect((await post()).status).toBe(500);
      expect((await post()).status).toBe(201);
      expect((await control('POST', 'faults', { rates: { rain: 0.5 } })).status).toBe(400);
      expect((await control('POST', 'faults', { rates: { serverError: 1 } })).status).toBe(400);
      expect((await control('GET', 'elsewhere')).status).toBe(404);
    });

    it('counts requests, answers, and copies of one item', async () => {
      await post('same');
      await post('same');
      await post('other');
      const other = { id: itemKeyId.replace('ItemKey', 'Other'), value: 'same' };
      await client.post(inbox, { singleValueExtendedProperties: [other] });
      const deleted = (await post('same')).json.id;
      await client.delete(`${base}/messages/${deleted}`);
      const { json } = await control('GET', 'stats');
      expect(json.mailboxes['ada@contoso.com']).toEqual({
        messages: 4,
        created: 5,
        duplicates: 1,
        maxInFlight: 1,
        duringCoolDown: 0,
      });
      expect(json.requests).toEqual({
        'POST v1.0/users/:user/mailFolders/:folder/messages': 5,
        'DELETE v1.0/users/:user/messages/:message': 1,
      });
      expect(json.answers).toEqual({ 201: 5, 204: 1 });
    });
  });
});
