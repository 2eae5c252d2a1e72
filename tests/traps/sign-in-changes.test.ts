import type { Deps } from '../../shared/deps';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { user } from '../support/graph-tenant';
import { chatLine, to, useWorld, type World } from '../support/world';

const anna = user('anna');
const bo = user('bo');
const three = [chatLine('1_1'), chatLine('1_2'), chatLine('1_3')];
const openWorld = useWorld({ users: [anna, bo], lines: { whatsapp: three }, settings: { PAGE_ITEMS: '1' } });
const open = async () => {
  const world = await openWorld();
  const { deps } = world;
  const onTime = Date.parse(to) + deps.config.fetch.lagMs;
  return {
    world,
    deps,
    due: { ...deps, config: { ...deps.config, connectors: ['whatsapp' as const] }, now: () => onTime },
  };
};

const send = async (method: string, url: string, body: object) => {
  const response = await fetch(url, { method, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
};
const newSitePassword = (world: World, password: string) =>
  send('POST', `${world.site.origin}/_control/password`, { password });
const newSecret = (deps: Deps, value: string) =>
  send('PUT', `${deps.config.keyVaultUrl}/_control/secrets/telemessage-password`, { value });
const fetched = async (deps: Deps) => (await deps.batches.read('whatsapp', 1))?.manifest;

it('a password that changes in the middle of a run costs one refusal and no item', async () => {
  const { world, deps, due } = await open();
  let pages = 0;
  const batches: Deps['batches'] = {
    ...deps.batches,
    async writePage(blob, content) {
      await deps.batches.writePage(blob, content);
      if (++pages > 1) return;
      await newSitePassword(world, 'next');
      await newSecret(deps, 'next');
    },
  };
  await fetchBatch({ ...due, batches });
  expect(await fetched(deps)).toMatchObject({ items: 3, last: true });
  const stats = (await (await fetch(`${world.site.origin}/_control/stats`)).json()) as { statuses: object };
  expect(stats.statuses).toEqual({ 200: 3, 401: 1 });
});

it('a password that the vault does not have yet raises an alarm, locks no account, and loses no day', async () => {
  const { world, deps, due } = await open();
  await newSitePassword(world, 'next');
  for (let hours = 0; hours < 6; hours++)
    await expect(fetchBatch(due)).rejects.toThrow('TeleMessage refused');
  expect(world.events.map(({ name }) => name)).toContain('credentialsRejected');
  expect(await deps.runs.watermark('whatsapp')).toBeUndefined();
  await newSecret(deps, 'next');
  await fetchBatch(due);
  expect(await fetched(deps)).toMatchObject({ items: 3 });
  expect(await deps.runs.watermark('whatsapp')).toBe(to);
});

describe('a Key Vault that throttles', () => {
  const throttle = (deps: Deps, throttleVault: number) =>
    send('PUT', `${deps.config.keyVaultUrl}/_control/faults`, { throttleVault, retryAfterSeconds: 1 });

  it('for a moment only delays the fetch', async () => {
    const { deps, due } = await open();
    await throttle(deps, 2);
    await fetchBatch(due);
    expect(await fetched(deps)).toMatchObject({ items: 3 });
  });

  it('for long fails the fetch with the name of the secret, and the next fetch succeeds', async () => {
    const { deps, due } = await open();
    await throttle(deps, 1000);
    await expect(fetchBatch(due)).rejects.toThrow(
      /Reading the secret "telemessage-(username|password)".*429/,
    );
    await throttle(deps, 0);
    await fetchBatch(due);
    expect(await deps.runs.watermark('whatsapp')).toBe(to);
  });
});
