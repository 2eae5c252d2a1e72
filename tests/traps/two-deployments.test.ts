import type { Deps } from '../../shared/deps';
import { importItem } from '../../shared/pipeline/import-item';
import { reconcile } from '../../shared/pipeline/reconcile';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld, type World } from '../support/world';
import { useStore } from '../support/store';

const anna = user('anna');
const openWorld = useWorld({ users: [anna] });
const second = useStore();

const mine = { usersEmailAddress: [{ emailAddress: 'anna@contoso.example' }] };

/** Fetches, imports and closes a day as a deployment that knows of no other. */
const archive = async (world: World, deps: Deps, run?: string) => {
  for (const pointer of await world.fetchUnqueued(deps, 'whatsapp', run)) await importItem(deps, pointer);
  world.events.length = 0;
  await reconcile(deps);
  return world.events.filter(({ name }) => name === 'unbalanced').map(({ fields }) => fields);
};

it('the second of two deployments that archive one account into one tenant notices the mistake when it closes a batch', async () => {
  const world = await openWorld({ lines: { whatsapp: [chatLine('1_1', mine)] } });
  expect(await archive(world, world.instance())).toEqual([]);
  expect(await archive(world, world.instance({ ArchiveStorage: second.connectionString }))).toEqual([
    {
      connector: 'whatsapp',
      batch: 1,
      count: 2,
      message: 'a mailbox holds other copies of an item: does a second deployment archive the same account?',
    },
  ]);
});

it('a deployment that archives another account into the same tenant is no mistake', async () => {
  const world = await openWorld({ lines: { whatsapp: [chatLine('2_1', mine)] } });
  expect(await archive(world, world.instance())).toEqual([]);
  world.lines.whatsapp = [chatLine('2_2', mine)];
  expect(
    await archive(world, world.instance({ ArchiveStorage: second.connectionString }), 'another'),
  ).toEqual([]);
  expect(await world.messages(anna)).toHaveLength(2);
});
