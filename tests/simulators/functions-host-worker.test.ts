import { useApps, useHostStore } from '../support/host-app';
import { until } from '../support/until';

const store = useHostStore();
const start = useApps(store);

test('one unhandled rejection ends the worker: other invocations fail, while the one that caused it has succeeded', async () => {
  const app = await start();
  const exits: unknown[] = [];
  app.events.on('workerExit', (exit) => exits.push(exit));
  await store.send('work', { act: 'slow', number: 1, ms: 1_000 }, { act: 'reject' });
  await until('the neighbour at its second attempt', () => app.seen().some(({ slow }) => slow === 1));
  expect(app.seen()).toEqual([{ culprit: 'has ended' }, { slow: 1, running: 1, attempt: 2 }]);
  expect(exits).toEqual([{ code: 1, signal: null }]);
  await until('an empty queue', async () => (await store.depth('work')) === 0);
});

test('throwing a frozen error kills the worker, and three deaths stop the host', async () => {
  const app = await start();
  const stopped = new Promise<string>((resolve) => app.events.once('stopped', resolve));
  await store.send('work', { act: 'frozen' });
  expect(await stopped).toMatch(/restart retry count/);
  expect(app.lines.filter((line) => line.includes('node exited with code 1; death'))).toHaveLength(3);
});

test('after SIGKILL of the worker its messages are handled by the next one', async () => {
  const app = await start();
  await store.send('work', { act: 'slow', number: 7, ms: 1_500 });
  await until('the message to be taken', async () => (await store.peek('work'))?.length === 0);
  app.kill();
  await until('the second attempt', () => app.seen().find(({ slow }) => slow === 7));
  expect(app.seen()[0]).toMatchObject({ attempt: 2 });
});

test('functionTimeout kills the worker with all its invocations, and does not count as a death', async () => {
  const app = await start('triggers', {
    settings: { AzureFunctionsJobHost__functionTimeout: '00:00:01' },
  });
  await store.send('work', { act: 'hang' });
  await until('five timeouts', async () => (await store.peek('work-poison'))?.length === 1);
  expect(app.lines.filter((line) => /Timeout value of 1 s was exceeded/.test(line))).toHaveLength(5);
});

test('loses what a handler logs after its end', async () => {
  const app = await start();
  await store.send('work', { act: 'lateLog' });
  await until('the warning', () => app.lines.some((line) => line.includes("Unexpected call to 'log'")));
  await store.send('work', { act: 'log' });
  await until('the next message', () => app.seen().length > 0);
  expect(app.lines.some((line) => line.includes('too late'))).toBe(false);
});

test('registering a function after loading throws there and kills the worker', async () => {
  const app = await start('late');
  const before = await (await fetch(`${app.origin}/api/early`)).text();
  await fetch(`${app.origin}/api/register`);
  await until('the death', () => app.lines.some((line) => line.includes('death 1 of 3')));
  expect(app.lines.join('\n')).toContain('A function can only be registered during app startup.');
  const after = await (await fetch(`${app.origin}/api/early`)).text();
  expect(after).not.toBe(before);
});

test('lets appTerminate hooks run when it is closed', async () => {
  const app = await start('triggers', { settings: { TERMINATE_MS: '300' } });
  await app.close();
  expect(app.lines.at(-1)).toMatch(/worker: terminated in order$/);
});
