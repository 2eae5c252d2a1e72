import { importItem } from '../../shared/pipeline/import-item';
import { mappingInForce } from '../../shared/pipeline/mapping-in-force';
import { orPutOff } from '../../shared/pipeline/put-off';
import { reconcile } from '../../shared/pipeline/reconcile';
import { containers } from '../../shared/names';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld } from '../support/world';

const anna = user('anna');
const bo = user('bo');
const header = 'Mobile number,Email address\n';
const good = `${header}46701740605,anna@contoso.example\n46701740606,bo@contoso.example\n`;
const faulty = `${header}46701740605,anna@contoso.example\n46701740606\n,bo@contoso.example\n`;

const openWorld = useWorld({
  users: [anna, bo],
  lines: { whatsapp: [chatLine('one'), chatLine('two'), chatLine('three')] },
  settings: { CONNECTORS: 'whatsapp', WHATSAPP_CUSTOM_MAPPING: 'true', WHATSAPP_AUTOMATIC_MAPPING: 'false' },
});
type World = Awaited<ReturnType<typeof openWorld>>;

/** Somebody puts the file there without the app, which would refuse it. */
const overwrite = (world: World, file: string) =>
  world.account.container(containers.mappings).getBlockBlobClient('whatsapp.csv').upload(file, file.length);
const refusals = ({ events }: World) => events.filter(({ name }) => name === 'mappingRefused');

test('a faulty file does not come into force: the last good one stays, and one event names the first faults', async () => {
  const world = await openWorld();
  await world.deps.mappings.upload('whatsapp', Buffer.from(good));
  expect((await mappingInForce(world.deps, 'whatsapp'))?.rows).toBe(2);
  await overwrite(world, faulty);
  // Another instance, and a restart later: neither ever saw the good file.
  await world.archive(world.instance(), 'whatsapp', 'first');
  await world.archive(world.instance(), 'whatsapp', 'second');
  expect(await world.messages(anna)).toHaveLength(3);
  expect(refusals(world)).toEqual([
    {
      name: 'mappingRefused',
      fields: {
        connector: 'whatsapp',
        count: 2,
        message: expect.stringMatching(/^line 3.*: expected .+; line 4, column 1: expected /) as string,
      },
    },
  ]);
  expect(JSON.stringify(world.events)).not.toMatch(/4670174|contoso/);

  // The next upload is another version: a faulty one is told again, a good one comes into force.
  await overwrite(world, `${faulty}\n`);
  await mappingInForce(world.instance(), 'whatsapp');
  expect(refusals(world)).toHaveLength(2);
  await overwrite(world, `${header}46701740605,bo@contoso.example\n`);
  expect((await mappingInForce(world.instance(), 'whatsapp'))?.find('+46701740605', '')).toBe(
    'bo@contoso.example',
  );
});

test('without a good file before it, items wait for a faulty one and say so once', async () => {
  const world = await openWorld();
  await overwrite(world, faulty);
  const pointers = await world.fetch(world.deps);
  expect(pointers).toHaveLength(3);
  for (const pointer of pointers) await orPutOff(world.deps, pointer, () => importItem(world.deps, pointer));
  expect(world.events.map(({ name }) => name)).toEqual(['windowFetched', 'mappingRefused']);
  const trouble = await world.deps.runs.trouble('whatsapp', 'import');
  expect(trouble).toMatchObject({
    kind: 'mappingRefused',
    message: expect.stringContaining('not readable') as string,
  });
});

test('the audit trail has each file that came into force, with a copy, and the settings as they change', async () => {
  const world = await openWorld();
  const trail = async () => {
    const found = [];
    for (let number = 1; number <= (await world.deps.audit.head()); number++)
      found.push((await world.deps.audit.read(number))!.entry);
    return found;
  };
  await world.deps.mappings.upload('whatsapp', Buffer.from(good));
  await reconcile(world.deps);
  await reconcile(world.deps);
  const changed = `${header}46701740605,bo@contoso.example\n`;
  await overwrite(world, changed);
  const later = world.instance({ WHATSAPP_SIZE_LIMIT_MB: '25' });
  await reconcile(later);
  await overwrite(world, faulty);
  await reconcile(world.instance({ WHATSAPP_SIZE_LIMIT_MB: '25' }));
  const entries = await trail();
  expect(entries.map(({ what }) => what.act)).toEqual([
    'settingsChanged',
    'mappingChanged',
    'settingsChanged',
    'mappingChanged',
  ]);
  expect(entries[2]!.what).toEqual({
    act: 'settingsChanged',
    before: { WHATSAPP_SIZE_LIMIT_MB: '' },
    after: { WHATSAPP_SIZE_LIMIT_MB: '25' },
  });
  const [first, second] = [entries[1]!.what, entries[3]!.what];
  if (first.act !== 'mappingChanged' || second.act !== 'mappingChanged') throw new Error('other acts');
  expect([first.before, first.rows, second.before, second.rows]).toEqual([null, 2, first.after, 1]);
  expect((await world.deps.audit.readMapping('whatsapp', first.after))?.toString()).toBe(good);
  expect((await world.deps.audit.readMapping('whatsapp', second.after))?.toString()).toBe(changed);
  expect(JSON.stringify(entries)).not.toMatch(/AccountKey|4670174/);
});
