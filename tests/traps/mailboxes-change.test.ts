import type { TenantUser } from '../../simulators/samples/organisation';
import { importItem } from '../../shared/pipeline/import-item';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld } from '../support/world';

const openWorld = useWorld({ users: [], lines: { whatsapp: [chatLine('1_1'), chatLine('1_2')] } });

const open = async () => {
  const [anna, bo] = [user('anna'), user('bo')];
  const world = await openWorld({ users: [anna, bo] });
  const { deps } = world;
  const [first, second] = await world.fetchUnqueued(deps);
  return { world, deps, anna, bo, first: first!, second: second! };
};

describe('between two items', () => {
  it.each<[what: string, change: Partial<TenantUser>, reason: string]>([
    ['becomes inactive', { mailbox: 'none' }, 'mailboxUnavailable'],
    ['moves on-premises', { mailbox: 'onPremises' }, 'mailboxUnavailable'],
    ['becomes one that the service does not support', { mailbox: 'notSupported' }, 'mailboxUnavailable'],
    ['becomes full', { quotaBytes: 1 }, 'mailboxFull'],
    ["leaves the app's scope", { inScope: false }, 'accessDenied'],
  ])('a mailbox that %s fails alone, with its reason, and holds up nobody', async (_what, change, reason) => {
    const { world, deps, anna, bo, first, second } = await open();
    await importItem(deps, first);
    Object.assign(anna, change);
    await importItem(deps, second);

    const [, outcome] = await world.outcomes(deps);
    expect(outcome).toMatchObject({ kind: 'delivered', reason, expected: 2 });
    expect(outcome!.deliveries).toContainEqual({ userId: anna.id, end: 'failed', reason });
    expect(await world.messages(bo)).toHaveLength(2);
    expect(await world.quarantined(deps)).toMatchObject([{ position: 1, sourceId: '1_2', reason }]);
  });
});

it('a user renamed between fetch and import is found by the former address, now an alias', async () => {
  const { world, bo, first } = await open();
  Object.assign(bo, {
    userPrincipalName: 'bo.married@contoso.example',
    mail: 'bo.married@contoso.example',
    proxyAddresses: ['SMTP:bo.married@contoso.example', 'smtp:bo@contoso.example'],
  });
  const { deps } = world;
  await importItem(deps, first);
  expect(await world.messages(bo)).toHaveLength(1);
});

it('an item of a user renamed without an alias waits for a person, and reaches nobody else', async () => {
  const { world, anna, bo, first } = await open();
  const renamed = { mail: 'x@contoso.example', proxyAddresses: ['SMTP:x@contoso.example'] };
  for (const [index, one] of [anna, bo].entries())
    Object.assign(one, { userPrincipalName: `new${index}@contoso.example`, ...renamed });
  const { deps } = world;
  await importItem(deps, first);
  expect(await world.quarantined(deps)).toMatchObject([{ reason: 'unmapped', sourceId: '1_1' }]);
  for (const one of [anna, bo]) expect(await world.messages(one)).toEqual([]);
});
