import { useApps, useHostStore } from '../support/host-app';
import { until } from '../support/until';

const store = useHostStore();
const start = useApps(store);

test('hands a message and its metadata over as the real host does, copied fields and their quirks included', async () => {
  const app = await start();
  await store.send('work', {
    act: 'log',
    ID: 'mine',
    at: '2026-11-20T10:00:00.5+02:00',
    yes: true,
    digits: '20261120',
    zeros: '007',
    nested: { Deep: 1 },
    list: [1],
    nothing: null,
  });
  const { message, metadata } = await until('the message', () => app.seen()[0]);
  expect(message).toMatchObject({ ID: 'mine', yes: true });
  expect(metadata).toMatchObject({
    dequeueCount: 1,
    id: 'mine',
    at: '11/20/2026 08:00:00',
    yes: 'True',
    digits: 20261120,
    zeros: '007',
    nested: { deep: 1 },
    queueTrigger: { act: 'log' },
    popReceipt: expect.any(String),
    insertionTime: expect.stringMatching(/^\d{4}-.*\+00:00$/),
  });
  expect(metadata).not.toHaveProperty('list');
  expect(metadata).not.toHaveProperty('nothing');
  await until('the message to be deleted', async () => (await store.depth('work')) === 0);
});

test('loses the digits of a bare long number, because the library parses every text', async () => {
  const app = await start();
  await store.send('work', '12345678901234567890');
  expect((await until('the message', () => app.seen()[0])).message).toBe(12345678901234567000);
});

test('does not create the queue it listens to, and picks it up once it exists', async () => {
  const app = await start();
  await store.send('results', 'x');
  expect(await store.peek('work')).toBeUndefined();
  await store.send('work', { act: 'log' });
  await until('the message', () => app.seen()[0]);
});

test('tries a failing message again, and moves it to the poison queue after five attempts', async () => {
  const app = await start();
  await store.send('work', { act: 'failOnce' }, { act: 'fail' });
  const poison = await until('the poison queue', async () => (await store.peek('work-poison'))?.[0]);
  expect(Buffer.from(poison, 'base64').toString()).toBe('{"act":"fail"}');
  expect(app.seen()).toEqual([{ attempt: 1 }, { attempt: 2 }]);
  expect(app.lines.filter((line) => line.includes('as asked'))).toHaveLength(5);
  await until('an empty queue', async () => (await store.depth('work')) === 0);
});

test('leaves a message that fails five times in a poison queue there: that queue has no poison queue of its own', async () => {
  const app = await start('poison', { queueVisibilityMs: 1_000 });
  await store.send('work-poison', { act: 'fail' });
  const attempts = () => app.lines.filter((line) => line.includes('as asked')).length;
  await until('five attempts', () => attempts() === 5);
  // It becomes visible again, and is not handled any more.
  const visible = async () => ((await store.peek('work-poison')) ?? []).length === 1;
  await until('its return', visible);
  expect(attempts()).toBe(5);
  expect(await store.peek('work-poison-poison')).toBeUndefined();
});

test('moves a message that is not base64 to poison as it is, without an invocation', async () => {
  const app = await start();
  await store.queue('work').create();
  await store.queue('work').sendMessage('{"act":"log"}');
  expect(await until('the poison message', async () => (await store.peek('work-poison'))?.[0])).toBe(
    '{"act":"log"}',
  );
  expect(app.seen()).toEqual([]);
});

test('keeps a message invisible while its handler runs, however long', async () => {
  const app = await start('triggers', { queueVisibilityMs: 5_000 });
  await store.send('work', { act: 'slow', number: 1, ms: 11_000 });
  await until('the end of the handler', () => app.seen()[0]);
  await until('an empty queue', async () => (await store.depth('work')) === 0);
  expect(app.seen()).toEqual([{ slow: 1, running: 1, attempt: 1 }]);
});

test('handles batchSize and newBatchThreshold messages at once', async () => {
  const settings = {
    AzureFunctionsJobHost__extensions__queues__batchSize: '4',
    AzureFunctionsJobHost__extensions__queues__newBatchThreshold: '2',
  };
  await store.send('work', ...Array.from({ length: 30 }, (_, number) => ({ act: 'slow', number, ms: 300 })));
  const app = await start('triggers', { settings });
  await until('all messages', () => app.seen().length === 30);
  const most = Math.max(...app.seen().map(({ running }) => running as number));
  expect(most).toBeGreaterThanOrEqual(4);
  expect(most).toBeLessThanOrEqual(6);
});

test('fails the invocation when its result cannot be serialised, though the work is done', async () => {
  const app = await start();
  await store.send('work', { act: 'circular' }, { act: 'bigint' });
  await until('both in poison', async () => (await store.peek('work-poison'))?.length === 2);
  expect(app.lines.some((line) => line.includes('circular structure'))).toBe(true);
  expect(app.lines.some((line) => line.includes('BigInt'))).toBe(true);
});

test('makes many messages of an array, in base64, and fails on one above 64 KiB after the handler', async () => {
  const app = await start();
  await store.send('work', { act: 'out', value: ['one', { two: 2 }] });
  const sent = await until('the outputs', async () => {
    const found = await store.peek('results');
    return found?.length === 2 ? found : undefined;
  });
  expect(sent.map((text) => Buffer.from(text, 'base64').toString())).toEqual(['one', '{"two":2}']);

  await store.send('work', { act: 'outLong', length: 48_000 });
  await until('the third output', async () => (await store.depth('results')) === 3);
  await store.send('work', { act: 'outLong', length: 49_200 });
  await until('the poison message', async () => (await store.peek('work-poison'))?.length === 1);
  expect(app.lines.some((line) => line.includes('the limit is 65536'))).toBe(true);
});

test('sends message and stack of an error, but neither its cause nor its inner errors', async () => {
  const app = await start();
  await store.send('work', { act: 'cause' });
  await until('the failure', () => app.lines.some((line) => line.includes('outer')));
  expect(app.lines.join('\n')).not.toMatch(/the cause|inner error/);
});

test('drains a queue without waiting for its next poll', async () => {
  await store.queue('work').create();
  const message = Buffer.from('{"act":"log"}').toString('base64');
  for (let sent = 0; sent < 400; sent += 20) {
    await Promise.all(Array.from({ length: 20 }, () => store.queue('work').sendMessage(message)));
  }
  const app = await start('triggers', { queuePollMs: 3_600_000 });
  let succeeded = 0;
  app.events.on('invocation', (invocation) => (succeeded += Number(invocation.succeeded)));
  await until('all messages', async () => succeeded === 400 && (await store.depth('work')) === 0);
});
