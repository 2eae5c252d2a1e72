import { createDirectory } from '../../shared/graph/directory.client';
import { RefusedError } from '../../shared/graph/failure';
import type { Call } from '../../shared/graph/request.client';
import type { FaultPlan } from '../../simulators/exchange/fault-plan';
import { openTenant, user } from '../support/graph-tenant';

const people = [
  user('anna', {
    mail: 'anna.berg@contoso.example',
    proxyAddresses: ['SMTP:Anna.Berg@contoso.example', 'smtp:ab@old.example'],
  }),
  user("o'brien+x"),
  user('guest', {
    userPrincipalName: 'guest_gmail.com#EXT#@contoso.example',
    mail: 'guest@gmail.example',
    proxyAddresses: [],
  }),
  user('dollar', { userPrincipalName: '$dollar@contoso.example', proxyAddresses: [] }),
  user('twin1', { mail: 'twins@contoso.example', proxyAddresses: [] }),
  user('twin2', { mail: 'Twins@contoso.example', proxyAddresses: [] }),
  user('named', { userPrincipalName: 'shared@contoso.example', mail: null, proxyAddresses: [] }),
  user('admin', {
    userPrincipalName: 'adm-4711@contoso.example',
    mail: 'desk@contoso.example',
    proxyAddresses: [],
  }),
  user('owner', {
    userPrincipalName: '4711@contoso.example',
    mail: null,
    proxyAddresses: ['smtp:desk@contoso.example'],
  }),
  user('holder', { proxyAddresses: ['SMTP:holder@contoso.example', 'smtp:shared@contoso.example'] }),
];

let tenant: Awaited<ReturnType<typeof openTenant>>;
beforeEach(async () => {
  tenant = await openTenant(people);
});
afterEach(async () => tenant.close());

const open = (cacheMs = 60_000, now = Date.now) => createDirectory(tenant.graph, { cacheMs, now });
const requests = () => Object.values(tenant.exchange.stats().requests).reduce((sum, count) => sum + count, 0);
const idOf = (name: string) => ({ userId: people.find(({ displayName }) => displayName === name)!.id });

describe('the directory', () => {
  test.each([
    [people[0]!.id, 'anna'],
    [people[0]!.id.toUpperCase(), 'anna'],
    ['anna@contoso.example', 'anna'],
    ['ANNA@Contoso.Example', 'anna'],
    [' anna.berg@contoso.example ', 'anna'],
    ['AB@OLD.example', 'anna'],
    ["O'Brien+x@contoso.example", "o'brien+x"],
    ['guest_gmail.com#EXT#@contoso.example', 'guest'],
    ['guest@gmail.example', 'guest'],
    ['$dollar@contoso.example', 'dollar'],
    // Also another user's principal name, or another user's mail: Exchange delivers to the owner.
    ['shared@contoso.example', 'holder'],
    ['desk@contoso.example', 'owner'],
  ])('finds %s', async (address, name) => {
    await expect(open().find(address)).resolves.toMatchObject(idOf(name));
  });

  test.each([
    ['two users with the same mail', 'twins@contoso.example'],
    ['an address of nobody', 'nobody@elsewhere.example'],
  ])('does not guess for %s', async (_, address) => {
    await expect(open().find(address)).resolves.toBeUndefined();
  });

  test.each([
    '',
    'anna',
    '+46701740605',
    'anna@localhost',
    "x' or 1 eq 1",
    'a b@contoso.example',
    '小明@contoso.example',
    `${'a'.repeat(65)}@contoso.example`,
    `a@${'b'.repeat(110)}.example`,
    '../users@contoso',
  ])('sends no request for %p, which is not an address', async (text) => {
    await expect(open().find(text)).resolves.toBeUndefined();
    expect(requests()).toBe(0);
  });

  test('remembers users and unknown addresses for a time, in upper or lower case', async () => {
    let nowMs = 0;
    const directory = open(1_000, () => nowMs);
    await directory.find('anna@contoso.example');
    await directory.find('nobody@elsewhere.example');
    const asked = requests();
    await directory.find('Anna@contoso.example');
    await directory.find('nobody@elsewhere.example');
    expect(requests()).toBe(asked);
    nowMs = 1_001;
    await directory.find('anna@contoso.example');
    expect(requests()).toBeGreaterThan(asked);
  });

  test('shares one look-up among concurrent calls', async () => {
    const directory = open();
    await directory.find('anna.berg@contoso.example');
    const alone = requests();
    const other = open();
    const found = await Promise.all(
      Array.from({ length: 10 }, async () => other.find('anna.berg@contoso.example')),
    );
    expect(found.map((user) => user?.userId)).toEqual(Array(10).fill(idOf('anna').userId));
    expect(requests()).toBe(2 * alone);
  });

  test('asks again after a change, and shares no look-up that began before it', async () => {
    let nowMs = 0;
    const directory = open(1_000, () => nowMs);
    const begun = directory.find('anna.berg@contoso.example');
    const requestsOfAnother = async () => {
      const before = requests();
      await directory.find('anna.berg@contoso.example', nowMs);
      return requests() - before;
    };
    nowMs = 5;
    const [, asked] = await Promise.all([begun, requestsOfAnother()]);
    expect(asked).toBeGreaterThan(0);
    // A look-up that began since then counts.
    expect(await requestsOfAnother()).toBe(0);
  });

  test('throws a failed look-up and does not remember it', async () => {
    const directory = open();
    await directory.find('holder@contoso.example');
    tenant.exchange.setFaults({ script: [{ kind: 'serverError', times: 4 }] });
    await expect(directory.find('anna@contoso.example')).rejects.toMatchObject({ status: 500 });
    await expect(directory.find('anna@contoso.example')).resolves.toMatchObject(idOf('anna'));
  });

  describe('costs', () => {
    const counted = () => tenant.exchange.stats().requests;

    test('one request for three addresses that are asked for together', async () => {
      const directory = open();
      const wanted = [
        'anna.berg@contoso.example',
        'ab@old.example',
        'shared@contoso.example',
        'twins@contoso.example',
      ];
      const found = await Promise.all(wanted.map(async (address) => directory.find(address)));
      expect(found.map((user) => user?.userId)).toEqual([
        idOf('anna').userId,
        idOf('anna').userId,
        idOf('holder').userId,
        undefined,
      ]);
      expect(counted()).toEqual({ 'GET v1.0/organization': 1, 'GET v1.0/users': 2 });
    });

    test('none for addresses of domains that the tenant does not have', async () => {
      const directory = open();
      for (const address of ['a@partner.example', 'b@elsewhere.example', 'c@notcontoso.example'])
        await expect(directory.find(address)).resolves.toBeUndefined();
      expect(counted()).toEqual({ 'GET v1.0/organization': 1 });
      // Exchange can take mail for all subdomains.
      await directory.find('d@sales.contoso.example');
      expect(counted()).toEqual({ 'GET v1.0/organization': 1, 'GET v1.0/users': 1 });
    });

    test.each([
      ['refuses to name its domains', { organisationDenied: true }],
      ['fails to', { script: [{ kind: 'serverError', path: '/organization', times: 4 }] as const }],
    ])('one more for each address where Graph %s', async (_, faults) => {
      tenant.exchange.setFaults(faults as FaultPlan);
      const directory = open();
      await directory.find('a@partner.example');
      await expect(directory.find('anna@contoso.example')).resolves.toMatchObject(idOf('anna'));
      await directory.find('a@partner.example');
      expect(counted()['GET v1.0/users']).toBe(2);
    });

    test('what Graph refuses as a whole is asked in parts', async () => {
      const list = tenant.graph.list.bind(tenant.graph);
      const failure = { kind: 'item', reason: 'rejected' } as const;
      const refused = { failure, status: 400, codes: [], text: 'refused' };
      const picky = {
        ...tenant.graph,
        list: async (path: string, call: Call) =>
          call.query?.['$filter']?.includes(' or ')
            ? Promise.reject(new RefusedError(refused, false))
            : list(path, call),
      };
      const directory = createDirectory(picky, { cacheMs: 60_000, now: Date.now });
      await expect(directory.find('shared@contoso.example')).resolves.toMatchObject(idOf('holder'));
      await expect(directory.find('twins@contoso.example')).resolves.toBeUndefined();
    });
  });
});
