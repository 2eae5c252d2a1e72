import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QueueServiceClient } from '@azure/storage-queue';
import { TableClient } from '@azure/data-tables';
import { buildSync } from 'esbuild';
import { startAzurite } from '../../local/azurite';
import { until } from '../support/until';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'azurite-test-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const queueOf = (connectionString: string) =>
  QueueServiceClient.fromConnectionString(connectionString).getQueueClient('kept');
const onDisk = (service: string, text: string) => () =>
  readFileSync(join(dataDir, `__azurite_db_${service}__.json`), 'utf8').includes(text);

test('keeps what it accepted before an orderly stop', async () => {
  const first = await startAzurite({ dataDir });
  await queueOf(first.connectionString).create();
  await queueOf(first.connectionString).sendMessage('still here');
  await first.close();
  const second = await startAzurite({ dataDir });
  const { receivedMessageItems } = await queueOf(second.connectionString).receiveMessages();
  expect(receivedMessageItems.map(({ messageText }) => messageText)).toEqual(['still here']);
  await second.close();
});

test('opens its folder again after SIGKILL, with what was on disk', async () => {
  const first = await startAzurite({ dataDir });
  await queueOf(first.connectionString).create();
  const { messageId } = await queueOf(first.connectionString).sendMessage('still here');
  const table = TableClient.fromConnectionString(first.connectionString, 'kept', {
    allowInsecureConnection: true,
  });
  await table.createTable();
  await table.createEntity({ partitionKey: 'p', rowKey: 'row-one' });
  await until('the queue on disk', onDisk('queue', messageId));
  await until('the table on disk', onDisk('table', 'row-one'));
  await first.kill();
  const second = await startAzurite({ dataDir });
  const again = TableClient.fromConnectionString(second.connectionString, 'kept', {
    allowInsecureConnection: true,
  });
  expect(await again.getEntity('p', 'row-one')).toMatchObject({ rowKey: 'row-one' });
  expect((await queueOf(second.connectionString).getProperties()).approximateMessagesCount).toBe(1);
  await second.close();
});

test('ends after its parent is killed, saves its last state, and makes the next one wait for that', async () => {
  const script = join(dataDir, 'parent.js');
  const { outputFiles } = buildSync({
    stdin: {
      contents: `import { startAzurite } from './local/azurite';
        startAzurite({ dataDir: ${JSON.stringify(dataDir)} }).then((azurite) => process.send(azurite));`,
      resolveDir: process.cwd(),
    },
    bundle: true,
    platform: 'node',
    write: false,
  });
  writeFileSync(script, outputFiles[0]?.contents ?? '');
  const parent = fork(script, { stdio: 'inherit', execArgv: [] });
  const { connectionString } = await new Promise<{ connectionString: string }>((resolve) =>
    parent.once('message', (message) => resolve(message as { connectionString: string })),
  );
  await queueOf(connectionString).create();
  await queueOf(connectionString).sendMessage('the last word');
  parent.kill('SIGKILL');
  const next = await startAzurite({ dataDir });
  expect((await queueOf(next.connectionString).peekMessages()).peekedMessageItems[0]?.messageText).toBe(
    'the last word',
  );
  const [, old = ''] = /QueueEndpoint=([^;]+)/.exec(connectionString) ?? [];
  await expect(fetch(old)).rejects.toThrow();
  await next.close();
});
