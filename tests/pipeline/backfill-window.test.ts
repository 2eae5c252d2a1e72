import { DeploymentError } from '../../shared/errors';
import { backfillWindow, type BackfillRequest } from '../../shared/pipeline/backfill-window';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { windowRun } from '../../shared/pipeline/windows';
import type { Deps } from '../../shared/deps';
import { user } from '../support/graph-tenant';
import { chatLine, from, to, useWorld } from '../support/world';

const openWorld = useWorld({
  users: [user('anna')],
  lines: { whatsapp: [chatLine('1_1')] },
  settings: { CONNECTORS: 'whatsapp', FETCH_LAG_MINUTES: '0' },
});
const open = async () => {
  const world = await openWorld();
  return { ...world, deps: { ...world.deps, now: () => Date.parse(to) } };
};

const request = (window: Partial<BackfillRequest['run']> = {}): BackfillRequest => ({
  v: 1,
  connector: 'whatsapp',
  run: { ...windowRun('backfill', '2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z', 'a'), ...window },
});

/** A site that refuses the windows of one month's first day, and counts how often it was asked. */
function refusing(deps: Deps, error: Error) {
  const asked = { times: 0 };
  const telemessage: Deps['telemessage'] = {
    fetchPage(page, write) {
      if (page.from !== request().run.from) return deps.telemessage.fetchPage(page, write);
      asked.times += 1;
      return Promise.reject(error);
    },
  };
  return { asked, deps: { ...deps, telemessage } };
}

test('a backfill that always fails is tried again each hour, and does not hold up the daily windows', async () => {
  const { deps, events } = await open();
  const site = refusing(deps, new Error('fetch page: 400'));
  await expect(backfillWindow(site.deps, request())).rejects.toThrow('400');
  for (let hour = 1; hour <= 2; hour++) {
    await expect(fetchBatch(site.deps)).rejects.toThrow('whatsapp: fetch page: 400');
    expect(site.asked.times).toBe(1 + hour);
  }
  expect(await deps.runs.watermark('whatsapp')).toBe(to);
  expect(events.map(({ name, fields }) => [name, fields.run])).toEqual([
    ['windowFetched', windowRun('daily', from, to).name],
    ['windowLate', request().run.name],
    ['windowLate', request().run.name],
  ]);
  await fetchBatch(deps);
  expect((await deps.runs.get('whatsapp', request().run.name))?.state).toBe('fetched');
});

test('a refused sign-in uses up no request, and stops all further ones until the next hour', async () => {
  const { deps, events } = await open();
  const site = refusing(deps, new DeploymentError('sign-in refused'));
  for (const name of ['backfill-a', 'backfill-b']) await backfillWindow(site.deps, request({ name }));
  expect(events.map(({ name, fields }) => [name, fields.run])).toEqual([
    ['credentialsRejected', 'backfill-a'],
    ['credentialsRejected', 'backfill-b'],
  ]);
  const trouble = await deps.runs.trouble('whatsapp', 'fetch');
  expect(trouble).toMatchObject({ kind: 'credentialsRejected', message: 'sign-in refused' });
  site.asked.times = 0;
  await expect(fetchBatch(site.deps)).rejects.toThrow('sign-in refused');
  expect(site.asked.times).toBe(1);
  expect((await deps.runs.trouble('whatsapp', 'fetch'))?.since).toBe(trouble?.since);
  // Once the password is right again, a later fetch goes on with both, and the status has nothing to tell.
  await fetchBatch(deps);
  for (const name of ['backfill-a', 'backfill-b'])
    expect((await deps.runs.get('whatsapp', name))?.state).toBe('fetched');
  expect(await deps.runs.trouble('whatsapp', 'fetch')).toBeUndefined();
});

test('a request whose name belongs to another window is refused; the same request again is not', async () => {
  const { deps } = await open();
  await backfillWindow(deps, request());
  await backfillWindow(deps, request({ from: '2026-11-01T00:00:00Z' }));
  await expect(backfillWindow(deps, request({ from: '2026-11-01T01:00:00.000Z' }))).rejects.toThrow(
    `The run ${request().run.name} has another window`,
  );
});
