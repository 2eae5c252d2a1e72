import { keys, useApps, useHostStore } from '../support/host-app';
import { until } from '../support/until';

const store = useHostStore();
const start = useApps(store, { keys });

test('fires once for a blob that fits the path, and not again after a restart', async () => {
  await store.putBlob('texts', 'in/20261120.txt', 'hello');
  await store.putBlob('texts', 'in/other.csv', 'not this');
  const first = await start();
  await until('the blob', () => first.seen()[0]);
  expect(first.seen()[0]).toMatchObject({
    blob: 'hello',
    isBuffer: true,
    metadata: {
      name: 20261120,
      blobTrigger: 'texts/in/20261120.txt',
      uri: expect.stringMatching(/^http:.*20261120\.txt$/),
      properties: { contentLength: 5 },
    },
  });
  await first.close();

  const second = await start();
  await store.putBlob('texts', 'in/a/b/007.txt', 'later');
  const found = await until('the new blob', () => second.seen()[0]);
  expect(found).toMatchObject({ blob: 'later', metadata: { name: 'a/b/007' } });
  expect(second.seen()).toHaveLength(1);
});

test('fires again when a blob is written again', async () => {
  const app = await start();
  await store.putBlob('texts', 'in/x.txt', 'one');
  await until('the first content', () => app.seen().find(({ blob }) => blob === 'one'));
  await store.putBlob('texts', 'in/x.txt', 'two');
  await until('the second content', () => app.seen().find(({ blob }) => blob === 'two'));
});

test('tries a blob five times, then sends a message to the poison queue of the blob trigger', async () => {
  await store.putBlob('texts', 'in/bad.txt', 'fail');
  const app = await start();
  const poison = await until(
    'the poison message',
    async () => (await store.peek('webjobs-blobtrigger-poison'))?.[0],
  );
  expect(JSON.parse(Buffer.from(poison, 'base64').toString())).toMatchObject({
    Type: 'BlobTrigger',
    FunctionId: 'Host.Functions.onText',
    ContainerName: 'texts',
    BlobName: 'in/bad.txt',
  });
  expect(app.seen()).toHaveLength(5);
});

describe('Event Grid', () => {
  const post = (origin: string, query: string, type: string, body: unknown) =>
    fetch(`${origin}/runtime/webhooks/blobs?${query}`, {
      method: 'POST',
      headers: { 'aeg-event-type': type, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const query = 'functionName=Host.Functions.onGrid&code=the-system';
  const created = (url: string, eventType = 'Microsoft.Storage.BlobCreated') => [
    { eventType, data: { url } },
  ];

  test('answers the handshake of a subscription only for a known function and the right key', async () => {
    const app = await start();
    const body = [{ data: { validationCode: 'code-1' } }];
    const answer = await post(app.origin, query, 'SubscriptionValidation', body);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ validationResponse: 'code-1' });
    const wrongKey = await post(app.origin, query.replace('the-system', 'x'), 'SubscriptionValidation', body);
    expect(wrongKey.status).toBe(401);
    const unknown = await post(app.origin, query.replace('onGrid', 'none'), 'SubscriptionValidation', body);
    expect(unknown.status).toBe(404);
  });

  test('fires for every event, whatever its type and path, and every time it comes', async () => {
    const app = await start();
    await store.putBlob('grid', 'a b.json', '{}');
    await store.putBlob('elsewhere', 'other.txt', '{}');
    const url = `${store.blobUrl}/grid/a%20b.json`;
    expect((await post(app.origin, query, 'Notification', created(url))).status).toBe(202);
    await post(app.origin, query, 'Notification', created(url));
    const other = created(`${store.blobUrl}/elsewhere/other.txt`, 'Microsoft.Storage.BlobTierChanged');
    await post(app.origin, query, 'Notification', other);
    await until('three invocations', () => app.seen().length === 3);
    expect(
      app
        .seen()
        .map(({ grid }) => grid as string)
        .sort(),
    ).toEqual(['elsewhere/other.txt', 'grid/a b.json', 'grid/a b.json']);
  });

  test('does not poll the container', async () => {
    const app = await start();
    await store.putBlob('grid', 'quiet.json', '{}');
    await store.putBlob('texts', 'in/loud.txt', 'x');
    await until('the polled blob', () => app.seen()[0]);
    expect(app.seen()).toHaveLength(1);
  });

  test('ignores an event for a blob that is gone', async () => {
    const app = await start();
    const answer = await post(app.origin, query, 'Notification', created(`${store.blobUrl}/grid/gone.json`));
    expect(answer.status).toBe(202);
    expect(app.seen()).toEqual([]);
  });
});
