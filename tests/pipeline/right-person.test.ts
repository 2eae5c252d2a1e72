import { reconcile } from '../../shared/pipeline/reconcile';
import { batchRow } from '../../shared/storage/outcomes';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld, type World } from '../support/world';

/** The right person gets an item, or nobody does and somebody hears of it. */

const anna = user('anna');
const bo = user('bo');
const ceo = user('ceo');
const header = 'Mobile number,Email address,Valid from,Valid to\n';
const ceoNumber = '447400123003';

const open = useWorld({ users: [anna, bo, ceo], settings: { CONNECTORS: 'whatsapp' } });

const entry = (mobileNumber?: string, emailAddress?: string) => ({ mobileNumber, emailAddress });
const mailLine = (from: string, users: unknown): Buffer =>
  Buffer.from(
    JSON.stringify({
      messageId: '1_1',
      gatewayReceivedDate: '2026-11-20T08:00:05Z',
      sourceType: 'WECHAT',
      usersEmailAddress: users,
      mime: Buffer.from(
        `From: ${from}\r\nTo: anna@contoso.example\r\nDate: Fri, 20 Nov 2026 08:00:00 +0000\r\n\r\ntext`,
      ).toString('base64'),
    }),
  );
const filed = async (world: World) =>
  Object.fromEntries(
    await Promise.all(
      Object.entries({ anna, bo, ceo }).map(async ([name, one]) => [
        name,
        (await world.messages(one)).length,
      ]),
    ),
  ) as Record<string, number>;
const countersOf = async ({ deps }: World) =>
  (await deps.batchStates.get('whatsapp', batchRow(1)))?.value.counters;

describe('a number in a display name', () => {
  it.each([
    [
      'and another number stated',
      [entry('46701740699', 'bob@partner.example'), entry(undefined, 'anna@contoso.example')],
    ],
    [
      'and only the address stated',
      [entry(undefined, 'bob@partner.example'), entry(undefined, 'anna@contoso.example')],
    ],
    ['of a party that is stated nowhere', [entry(undefined, 'anna@contoso.example')]],
  ])('%s puts nothing into the mailbox of its owner', async (_, users) => {
    const settings = { CONNECTORS: 'wechat', WECHAT_CUSTOM_MAPPING: 'true' };
    const lines = { wechat: [mailLine(`"Bob ${ceoNumber}" <bob@partner.example>`, users)] };
    const world = await open({ lines, settings });
    await world.deps.mappings.upload('wechat', Buffer.from(`${header}+${ceoNumber},ceo@contoso.example,,\n`));
    await world.archive(world.deps, 'wechat');
    expect(await filed(world)).toEqual({ anna: 1, bo: 0, ceo: 0 });
    expect(await world.quarantined(world.deps, 'wechat')).toEqual([]);
  });
});

describe('a wrong clock', () => {
  const file = `${header}46701740605,bo@contoso.example,,2020-12-31\n46701740605,anna@contoso.example,2021-01-01,\n`;
  const users = [entry('46701740605')];
  it('chooses nobody: the item waits in quarantine, and is delivered after the file was corrected', async () => {
    const lines = {
      whatsapp: [chatLine('1_1', { usersEmailAddress: users, to: [], messageTime: '2000-01-01T00:00:00Z' })],
    };
    const world = await open({ lines, settings: { WHATSAPP_CUSTOM_MAPPING: 'true' } });
    const { deps } = world;
    await deps.mappings.upload('whatsapp', Buffer.from(file));
    await world.archive(deps);
    expect(await filed(world)).toEqual({ anna: 0, bo: 0, ceo: 0 });
    expect(await world.quarantined(deps)).toMatchObject([
      { reason: 'uncertainOwner', participants: [{ kind: 'uncertain' }] },
    ]);
    await deps.mappings.upload('whatsapp', Buffer.from(`${header}46701740605,anna@contoso.example,,\n`));
    await world.redrive(deps, { batch: 1, position: 0 });
    await world.drain(deps);
    expect(await filed(world)).toEqual({ anna: 1, bo: 0, ceo: 0 });
    await reconcile(deps);
    expect(await world.quarantined(deps)).toEqual([]);
  });
});

describe('a participant of the organisation without a mailbox', () => {
  const nobody = { ...user('nobody'), mailbox: 'none' as const };
  const cases: [string, unknown, string, string][] = [
    ['whose user has none', entry(undefined, 'nobody@contoso.example'), '', 'participantUnmapped'],
    ['whose address has a typo', entry(undefined, 'bio@contoso.example'), '', 'participantUnmapped'],
    [
      'whose row in the file has a typo',
      entry('46701740699'),
      '46701740699,bio@contoso.example,,\n',
      'participantUnmapped',
    ],
  ];
  it.each(cases)('%s is a failure of its own', async (_, who, row, reason) => {
    const line = chatLine('1_1', {
      usersEmailAddress: [entry('46701740605', 'anna@contoso.example'), who],
      from: '46701740605',
      to: [],
    });
    const world = await open({
      users: [anna, bo, ceo, nobody],
      lines: { whatsapp: [line] },
      settings: { WHATSAPP_CUSTOM_MAPPING: 'true' },
    });
    const { deps } = world;
    await deps.mappings.upload('whatsapp', Buffer.from(header + row));
    await world.archive(deps);
    await reconcile(deps);
    expect(await filed(world)).toMatchObject({ anna: 1 });
    const [quarantined] = await world.quarantined(deps);
    expect(quarantined).toMatchObject({ reason, deliveries: [{ userId: anna.id, end: 'imported' }] });
    expect(quarantined!.participants?.map(({ kind }) => kind)).toEqual(['mailbox', 'noMailbox']);
    expect(await countersOf(world)).toMatchObject({
      items: { delivered: 1, failed: 0 },
      deliveries: { expected: 2, imported: 1, failed: 1 },
      reasons: { [reason]: 1 },
      quarantined: 1,
    });
  });

  it('gets the item by a redrive, and who has it gets no second one', async () => {
    const lines = {
      whatsapp: [
        chatLine('1_1', {
          usersEmailAddress: [entry('46701740605', 'anna@contoso.example'), entry('46701740699')],
          to: [],
        }),
      ],
    };
    const world = await open({ lines, settings: { WHATSAPP_CUSTOM_MAPPING: 'true' } });
    const { deps } = world;
    await deps.mappings.upload('whatsapp', Buffer.from(`${header}46701740699,bio@contoso.example,,\n`));
    await world.archive(deps);
    await reconcile(deps);
    await deps.mappings.upload('whatsapp', Buffer.from(`${header}46701740699,bo@contoso.example,,\n`));
    await world.redrive(deps, { batch: 1, position: 0 });
    await world.drain(deps);
    await reconcile(deps);
    expect(await filed(world)).toEqual({ anna: 1, bo: 1, ceo: 0 });
    expect(await world.quarantined(deps)).toEqual([]);
    expect(await countersOf(world)).toMatchObject({ deliveries: { expected: 2, imported: 2, failed: 0 } });
  });
});

it('custom mapping without a file makes items wait, and says so', async () => {
  const world = await open({
    lines: { whatsapp: [chatLine('1_1')] },
    settings: { WHATSAPP_CUSTOM_MAPPING: 'true' },
  });
  const { deps } = world;
  let waits = 0;
  const emit: typeof deps.emit = (name, fields) => {
    deps.emit(name, fields);
    if (name === 'mappingMissing' && ++waits === 3)
      void deps.mappings.upload('whatsapp', Buffer.from(header));
  };
  await world.archive({ ...deps, emit });
  expect(waits).toBeGreaterThanOrEqual(3);
  expect(await filed(world)).toEqual({ anna: 1, bo: 1, ceo: 0 });
  expect(await world.quarantined(deps)).toEqual([]);
});

it.each<[string, unknown]>([
  ['one text', 'anna@contoso.example;bo@contoso.example'],
  ['one entry', entry(undefined, 'anna@contoso.example; bo@contoso.example')],
  ['numbers in one entry', entry('46701740605;46701740606')],
])('a list of people in %s reaches each of them', async (_, usersEmailAddress) => {
  const lines = { whatsapp: [chatLine('1_1', { usersEmailAddress, from: 'UNKNOWN', to: [] })] };
  const world = await open({ lines, settings: { WHATSAPP_CUSTOM_MAPPING: 'true' } });
  const rows = '46701740605,anna@contoso.example,,\n46701740606,bo@contoso.example,,\n';
  await world.deps.mappings.upload('whatsapp', Buffer.from(header + rows));
  await world.archive(world.deps);
  expect(await filed(world)).toEqual({ anna: 1, bo: 1, ceo: 0 });
});
