import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { hostOptions, useHostStore } from '../support/host-app';
import { until } from '../support/until';
import { startAzurite } from '../../local/azurite';
import { gone } from '../support/stack-process';

const children: ChildProcess[] = [];
afterAll(() => children.forEach((child) => child.kill('SIGKILL')));
const store = useHostStore();

async function startProcess(app: string, settings: Record<string, string> = {}) {
  const options = hostOptions(store, app, { queueVisibilityMs: 2_000, settings });
  const child = fork(join(process.cwd(), 'dist/local/host.js'), [], {
    env: { PATH: process.env['PATH'], PART_OPTIONS: JSON.stringify(options) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  let output = '';
  child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const messages: Record<string, unknown>[] = [];
  child.on('message', (message: Record<string, unknown>) => messages.push(message));
  await until('the host to be up', () => messages[0]?.['origin'] ?? child.exitCode !== null);
  return { child, exited, messages, output: () => output };
}

test('after SIGKILL of the host a message in hand comes again, and the worker is gone', async () => {
  const first = await startProcess('triggers');
  const { origin } = first.messages[0] as { origin: string };
  expect((await fetch(`${origin}/admin/host/status`)).status).toBe(200);
  await store.send('work', { act: 'pid' }, { act: 'hang' });
  const pid = Number(await until('the pid of the worker', () => /"pid":(\d+)/.exec(first.output())?.[1]));
  await until('both messages to be taken', async () => (await store.peek('work'))?.length === 0);
  first.child.kill('SIGKILL');
  expect(await gone([pid])).toEqual([]);

  const second = await startProcess('triggers', { HANG: 'no' });
  await until('the second attempt', () => second.output().includes('"released":2'));
  second.child.disconnect();
  expect(await second.exited).toBe(0);
});

test('an app that does not load ends the process with its reason', async () => {
  const { exited, output } = await startProcess('throws');
  expect(await exited).toBe(1);
  expect(output()).toContain('The functions host did not start: Worker was unable to load entry point');
});

test('three deaths of the worker end the process, which tells the parent why', async () => {
  const { exited, messages } = await startProcess('triggers');
  await store.send('work', { act: 'frozen' });
  expect(await exited).toBe(1);
  expect(messages).toContainEqual({ stopped: expect.stringContaining('restart retry count') });
});

test('SIGTERM lets the hooks of the app run', async () => {
  const { child, exited, output } = await startProcess('triggers');
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(output()).toContain('terminated in order');
});

test('ends after its parent, even when the store ended first', async () => {
  const own = await startAzurite({ inMemory: true });
  const { child, exited } = await startProcess('triggers', { AzureWebJobsStorage: own.connectionString });
  await own.close();
  child.disconnect();
  expect(await exited).toBe(0);
});
