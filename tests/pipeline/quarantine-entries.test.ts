import { quarantinedItems } from '../../shared/evidence/quarantine';
import { reconcile } from '../../shared/pipeline/reconcile';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld, type World } from '../support/world';

const anna = user('anna');
const bo = user('bo');
const stranger = {
  usersEmailAddress: [{ mobileNumber: '46701740699', emailAddress: '' }],
  from: '46701740699',
  to: ['12015550199'],
};
const header = 'Mobile number,Email address\n';
const openWorld = useWorld({
  users: [anna, bo],
  lines: {
    whatsapp: [
      chatLine('fine'),
      chatLine('one', stranger),
      chatLine('two', stranger),
      Buffer.from('{"messageId":"broken"}'),
    ],
  },
  settings: { CONNECTORS: 'whatsapp', WHATSAPP_CUSTOM_MAPPING: 'true' },
});

const grown = ({ events }: World) =>
  events
    .filter(({ name }) => name === 'quarantineGrew')
    .map(({ fields: { batch, reason, quarantined } }) => ({ batch, reason, quarantined }));
const items = async ({ deps }: World) =>
  (await quarantinedItems(deps, 'whatsapp')).map(({ sourceId, places }) => [sourceId, places.length]);

test('an item is in quarantine once, whatever batches it comes with, and is told once', async () => {
  const world = await openWorld();
  await world.instance().mappings.upload('whatsapp', Buffer.from(header));
  await world.archive(world.deps, 'whatsapp', 'first');
  await reconcile(world.deps);
  const told = [
    { batch: 1, reason: 'unmapped', quarantined: 2 },
    { batch: 1, reason: 'unreadable', quarantined: 1 },
  ];
  expect(grown(world)).toEqual(told);
  await world.archive(world.deps, 'whatsapp', 'second');
  await reconcile(world.deps);
  expect(grown(world)).toEqual(told);
  expect((await items(world)).toSorted()).toEqual([
    ['broken', 2],
    ['one', 2],
    ['two', 2],
  ]);
});

test('a redrive that shrinks the quarantine tells of no growth; what comes back later is news again', async () => {
  const world = await openWorld();
  const { deps } = world;
  await world.instance().mappings.upload('whatsapp', Buffer.from(header));
  await world.archive(deps);
  await reconcile(deps);
  const before = grown(world).length;
  await world
    .instance()
    .mappings.upload('whatsapp', Buffer.from(`${header}46701740699,anna@contoso.example\n`));
  await world.redrive(world.instance(), { batch: 1, position: 1 }, { batch: 1, position: 3 });
  await world.drain(world.instance());
  await reconcile(deps);
  expect(grown(world)).toHaveLength(before);
  expect((await items(world)).toSorted()).toEqual([
    ['broken', 1],
    ['two', 1],
  ]);
  expect(await world.messages(anna)).toHaveLength(2);
});

test('an acknowledgement lasts as long as the reason is the same', async () => {
  const world = await openWorld();
  const { deps } = world;
  await world.instance().mappings.upload('whatsapp', Buffer.from(header));
  await world.archive(deps);
  await reconcile(deps);
  const [target] = (await quarantinedItems(deps, 'whatsapp')).filter(({ sourceId }) => sourceId === 'broken');
  const known = (await deps.quarantineEntries.get('items-whatsapp', target!.item))!;
  const acknowledgedAt = '2026-11-27T06:00:00.000Z';
  await deps.quarantineEntries.replace(
    'items-whatsapp',
    target!.item,
    { ...known.value, acknowledgedAt },
    known.etag,
  );
  await world.archive(deps, 'whatsapp', 'again');
  await reconcile(deps);
  const after = async () =>
    (await quarantinedItems(deps, 'whatsapp')).find(({ sourceId }) => sourceId === 'broken')?.acknowledgedAt;
  expect(await after()).toBe(acknowledgedAt);
  const again = (await deps.quarantineEntries.get('items-whatsapp', target!.item))!;
  await deps.quarantineEntries.replace(
    'items-whatsapp',
    target!.item,
    { ...again.value, reason: 'gaveUp' },
    again.etag,
  );
  await world.archive(deps, 'whatsapp', 'once-more');
  await reconcile(deps);
  expect(await after()).toBeUndefined();
});
