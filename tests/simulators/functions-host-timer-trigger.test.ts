import { useApps, useHostStore } from '../support/host-app';
import { until } from '../support/until';

const store = useHostStore();
const start = useApps(store);

describe('timers', () => {
  test('run on their schedule; one of less than a minute has no status', async () => {
    const app = await start('triggers', { settings: { TICK: '* * * * * *' } });
    await until('two ticks', () => app.seen().length >= 2);
    expect(app.seen()[0]?.timer).toEqual({
      schedule: { adjustForDST: true },
      scheduleStatus: null,
      isPastDue: false,
    });
  });

  test('run on demand, with a last occurrence in year 1 before the first scheduled run', async () => {
    const app = await start('triggers', { settings: { WEBSITE_SITE_NAME: 'on-demand' } });
    await until('the first status', () =>
      store.blobs
        .getContainerClient('azure-webjobs-hosts')
        .getBlobClient('timers/on-demand/Host.Functions.nightly/status')
        .exists(),
    );
    const answer = await fetch(`${app.origin}/admin/functions/nightly`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"input":""}',
    });
    expect(answer.status).toBe(202);
    const { timer } = await until('the run', () => app.seen()[0]);
    expect(timer).toMatchObject({ isPastDue: false, scheduleStatus: { last: '0001-01-01T00:00:00+00:00' } });
    expect((timer as { scheduleStatus: { next: string } }).scheduleStatus.next).toMatch(/T03:00:00/);
  });

  test('make up once for an occurrence that was missed', async () => {
    const day = 24 * 3_600_000;
    const at = (ms: number) => new Date(Math.floor(ms / day) * day + 3 * 3_600_000).toISOString();
    const status = {
      Last: at(Date.now() - 5 * day),
      Next: at(Date.now() - 4 * day),
      LastUpdated: at(Date.now() - 5 * day),
    };
    await store.putBlob(
      'azure-webjobs-hosts',
      'timers/missed/Host.Functions.nightly/status',
      JSON.stringify(status),
    );
    const settings = { WEBSITE_SITE_NAME: 'missed' };
    const app = await start('triggers', { settings });
    const { timer } = await until('the run', () => app.seen()[0]);
    expect(timer).toMatchObject({ isPastDue: true });
    await app.close();

    const again = await start('triggers', { settings });
    await until('the listener to hold its lock', async () => {
      const lock = store.blobs
        .getContainerClient('azure-webjobs-hosts')
        .getBlobClient('locks/missed/Host.Functions.nightly.Listener');
      return (await lock.getProperties()).leaseState === 'leased';
    });
    expect(again.seen()).toEqual([]);
  });

  test('run on one host at a time', async () => {
    const options = { settings: { TICK: '* * * * * *', WEBSITE_SITE_NAME: 'twins' } };
    const first = await start('triggers', options);
    await until('a tick of the first', () => first.seen().length > 0);
    const second = await start('triggers', options);
    await until('more ticks of the first', () => first.seen().length >= 3);
    expect(second.seen()).toEqual([]);
    await first.close();
    await until('a tick of the second', () => second.seen().length > 0);
  });

  test('are switched off by AzureWebJobs.NAME.Disabled', async () => {
    const app = await start('triggers', {
      settings: { TICK: '* * * * * *', 'AzureWebJobs.tick.Disabled': 'true' },
    });
    expect(app.functions).toContainEqual({ name: 'tick', disabled: true });
    const functions = (await (await fetch(`${app.origin}/admin/functions`)).json()) as {
      name: string;
      isDisabled: boolean;
    }[];
    expect(functions).toContainEqual(expect.objectContaining({ name: 'tick', isDisabled: true }));
    expect(functions).toContainEqual(expect.objectContaining({ name: 'nightly', isDisabled: false }));
  });
});
