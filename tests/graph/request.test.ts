import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CrowdedMailboxError, DeploymentError } from '../../shared/errors';
import { RefusedError } from '../../shared/graph/failure';
import { createTransport } from '../../shared/graph/transport.client';
import { connector, item, openClients, openTenant, signal, user } from '../support/graph-tenant';

const people = ['anna', 'bo', 'cilla', 'dag', 'eva', 'fia'].map((name) => user(name));
const anna = people[0]!;
const read = { doing: 'read user' };

describe('a request to the simulated service', () => {
  let tenant: Awaited<ReturnType<typeof openTenant>>;
  const open = async (...options: Parameters<typeof openTenant>) => (tenant = await openTenant(...options));
  afterEach(async () => tenant.close());

  test.each([
    'throttled',
    'throttledUntilDate',
    'throttledSilently',
    'throttledAs503',
    'unavailable',
    'serverError',
    'badGateway',
    'gatewayTimeout',
    'resetBefore',
    'resetAfter',
    'tokenRefused',
  ] as const)('is repeated after %s when it reads', async (kind) => {
    const { graph } = await open(people, { faults: { script: [{ kind }] } });
    await expect(graph.get(`/users/${anna.id}`, read)).resolves.toMatchObject({ status: 200 });
  });

  test('is put off while the service stays busy, and fails when the service keeps failing', async () => {
    const { graph, exchange } = await open(people, { tries: 3 });
    exchange.setFaults({ script: [{ kind: 'unavailable', times: 3 }] });
    await expect(graph.get(`/users/${anna.id}`, read)).rejects.toMatchObject({ name: 'PutOffError' });
    exchange.setFaults({ script: [{ kind: 'serverError', times: 3 }] });
    const error: unknown = await graph.get(`/users/${anna.id}`, read).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({ status: 500, mayHaveTakenEffect: true });
    expect((error as Error).message).toMatch(/^read user: 500 ErrorInternalServerError, request-id [\w-]+$/);
  });

  test('gets a new token after one refusal, and stops the deployment after a second', async () => {
    const { graph, exchange, credential } = await open(people);
    await graph.get(`/users/${anna.id}`, read);
    expect(credential.signIns).toBe(1);
    exchange.setFaults({ script: [{ kind: 'tokenRefused' }] });
    await graph.get(`/users/${anna.id}`, read);
    expect(credential.signIns).toBe(2);
    exchange.setFaults({ script: [{ kind: 'tokenRefused', times: 2 }] });
    await expect(graph.get(`/users/${anna.id}`, read)).rejects.toBeInstanceOf(DeploymentError);
    expect(credential.signIns).toBe(3);
  });

  test('shares its sign-in with concurrent requests', async () => {
    const { graph, credential } = await open(people);
    await Promise.all(people.map(async ({ id }) => graph.get(`/users/${id}`, read)));
    expect(credential.signIns).toBe(1);
  });

  test('stops the deployment when every mailbox denies it, and fails one mailbox otherwise', async () => {
    const script = [{ kind: 'accessDenied' as const, times: 5 }];
    const { mailboxes, exchange } = await open(people, { faults: { script } });
    for (const { id } of people.slice(0, 4)) {
      await expect(mailboxes.folder(id, connector)).rejects.toMatchObject({ reason: 'accessDenied' });
    }
    await expect(mailboxes.folder(people[4]!.id, connector)).rejects.toBeInstanceOf(DeploymentError);
    await expect(mailboxes.folder(people[5]!.id, connector)).resolves.toEqual(expect.any(String));
    exchange.setFaults({ script });
    for (const { id } of people.slice(0, 5)) {
      await expect(mailboxes.folder(id, connector)).rejects.toMatchObject({ reason: 'accessDenied' });
    }
  });

  test('is one of four at most that are in flight for one mailbox', async () => {
    const { mailboxes, exchange } = await open([anna], {
      latencyMs: { min: 5, max: 15 },
      mailboxWaiters: 100,
    });
    const folderId = (await mailboxes.folder(anna.id, connector))!;
    const deliveries = Array.from({ length: 40 }, async (_, index) =>
      mailboxes.create(anna.id, folderId, item(`parallel ${index}`), { signal: signal() }),
    );
    await expect(Promise.all(deliveries)).resolves.toHaveLength(40);
    expect(exchange.stats().answers['429']).toBeUndefined();
  });

  test('is put off when its mailbox is too busy, while other mailboxes go on', async () => {
    const { mailboxes } = await open(people, { latencyMs: { min: 20, max: 30 } });
    const folderId = (await mailboxes.folder(anna.id, connector))!;
    const hot = Array.from({ length: 40 }, async (_, index) => {
      const leave = mailboxes.enter(anna.id);
      return mailboxes.create(anna.id, folderId, item(`hot ${index}`), { signal: signal() }).finally(leave);
    });
    await expect(mailboxes.folder(people[1]!.id, connector)).resolves.toEqual(expect.any(String));
    const ended = await Promise.allSettled(hot);
    const made = ended.filter(({ status }) => status === 'fulfilled');
    const putOff = ended.filter((end) => end.status === 'rejected').map((end) => end.reason as Error);
    expect(made).toHaveLength(32);
    expect(putOff).toEqual(Array(8).fill(expect.any(CrowdedMailboxError)));
  });

  test('reads a collection page by page', async () => {
    const { graph } = await open(people);
    const folders = `/users/${anna.id}/mailFolders`;
    for (let index = 0; index < 25; index += 1) {
      await graph.post(folders, {
        doing: 'make folder',
        mailbox: anna.id,
        body: { displayName: `f${index}` },
      });
    }
    const names = (await graph.list(folders, { doing: 'list', mailbox: anna.id })) as {
      displayName: string;
    }[];
    expect(names.filter(({ displayName }) => /^f\d+$/.test(displayName))).toHaveLength(25);
  });

  test('is not sent when its time has run out', async () => {
    const { mailboxes, exchange } = await open([anna]);
    const folderId = (await mailboxes.folder(anna.id, connector))!;
    const before = JSON.stringify(exchange.stats().requests);
    const late = mailboxes.create(anna.id, folderId, item('late'), { signal: AbortSignal.abort() });
    await expect(late).rejects.toMatchObject({ name: 'PutOffError' });
    expect(JSON.stringify(exchange.stats().requests)).toBe(before);
  });
});

describe('a request to a server that misbehaves', () => {
  const servers: Server[] = [];
  afterEach(() => servers.splice(0).forEach((server) => (server.closeAllConnections(), server.close())));

  async function serve(
    answer: (request: IncomingMessage) => { status: number; headers?: object; body?: string } | 'hang',
  ) {
    const seen: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      seen.push(request);
      request.resume();
      const told = answer(request);
      if (told === 'hang') return;
      response.writeHead(told.status, { ...told.headers });
      response.end(told.body);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { seen, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  test('does not follow a redirect: the deployment stops, and the token goes nowhere else', async () => {
    const elsewhere = await serve(() => ({ status: 200, body: '{}' }));
    const headers = { Location: `${elsewhere.origin}/v1.0/users` };
    const { origin } = await serve(() => ({ status: 307, headers }));
    const { graph } = openClients(origin);
    await expect(graph.get('/users/x', read)).rejects.toBeInstanceOf(DeploymentError);
    expect(elsewhere.seen).toHaveLength(0);
  });

  test('follows a link to the next page on the configured origin only', async () => {
    const elsewhere = await serve(() => ({ status: 200, body: '{"value":[3]}' }));
    const { origin, seen } = await serve(({ url }) => {
      const next = { value: [1], '@odata.nextLink': `${elsewhere.origin}/v1.0/users?$skiptoken=a%2Bb` };
      return { status: 200, body: JSON.stringify(url?.includes('skiptoken') ? { value: [2] } : next) };
    });
    await expect(openClients(origin).graph.list('/users', read)).resolves.toEqual([1, 2]);
    expect(seen.map(({ url }) => url)).toEqual(['/v1.0/users', '/v1.0/users?$skiptoken=a%2Bb']);
    expect(elsewhere.seen).toHaveLength(0);
  });

  test('carries no token when it uploads', async () => {
    const { origin, seen } = await serve(() => ({ status: 201 }));
    const call = { doing: 'upload', mailbox: 'm' };
    const { graph } = openClients(origin);
    await graph.upload(`${origin}/session`, Buffer.from('abc'), 'bytes 0-2/3', call);
    expect(seen[0]!.headers).toMatchObject({ 'content-range': 'bytes 0-2/3', 'content-length': '3' });
    expect(seen[0]!.headers.authorization).toBeUndefined();
  });

  test('has no answer when it comes too late or is cut short', async () => {
    const { origin, seen } = await serve(() => 'hang');
    const { graph } = openClients(origin, { timeoutMs: 100, tries: 2 });
    await expect(graph.get('/users/x', read)).rejects.toMatchObject({ status: 0, codes: ['TimeoutError'] });
    expect(seen).toHaveLength(2);
    await expect(graph.post('/users', { ...read, body: {} })).rejects.toMatchObject({
      name: 'UncertainError',
    });
    expect(seen).toHaveLength(3);
    const cut = await serve(() => ({ status: 201, body: '{"id":' }));
    const posting = openClients(cut.origin).graph.post('/users', { ...read, body: {} });
    await expect(posting).rejects.toMatchObject({ name: 'UncertainError' });
  });

  test('is put off when the service cannot be reached, because nothing was sent', async () => {
    const { origin } = await serve(() => 'hang');
    const gone = servers.pop()!;
    await new Promise((resolve) => gone.close(resolve));
    const { graph } = openClients(origin, { tries: 2 });
    await expect(graph.post('/users', { ...read, body: {} })).rejects.toMatchObject({ name: 'PutOffError' });
  });

  test('repeats neither the message of the service nor the address in its error text', async () => {
    const body = JSON.stringify({
      error: { code: 'Bad anna@contoso.example', message: 'anna@contoso.example' },
    });
    const { origin } = await serve(() => ({
      status: 400,
      body,
      headers: { 'request-id': 'anna@contoso.example' },
    }));
    const error: unknown = await openClients(origin)
      .graph.get('/users/anna%40x', read)
      .catch((caught: unknown) => caught);
    expect((error as Error).message).toBe('read user: 400 without a code');
    expect(JSON.stringify(error)).not.toContain('anna');
  });

  test('uses plain http on loopback addresses only', () => {
    expect(() => createTransport('http://graph.microsoft.com')).toThrow(/https/);
    expect(() => createTransport('https://graph.microsoft.com')).not.toThrow();
  });

  test('stops the deployment when the sign-in fails, and is put off when it cannot be reached', async () => {
    const { origin } = await serve(() => ({ status: 200, body: '{}' }));
    const failing = (error: Error) => ({ getToken: async () => Promise.reject(error) });
    const refused = Object.assign(new Error('AADSTS7000215: Invalid client secret for user anna'), {
      statusCode: 401,
    });
    const { graph } = openClients(origin, { credential: failing(refused) });
    await expect(graph.get('/users', read)).rejects.toThrow(
      'Signing in to Microsoft Graph was refused (AADSTS7000215).',
    );
    const network = new Error('unavailable', {
      cause: Object.assign(new Error('x'), { errorCode: 'network_error' }),
    });
    const later = openClients(origin, { credential: failing(network) });
    await expect(later.graph.get('/users', read)).rejects.toMatchObject({ name: 'PutOffError' });
  });
});
