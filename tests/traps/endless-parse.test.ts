import { join } from 'node:path';
import { createItemReader, type ItemReader } from '../../shared/reading/reader.client';
import { user } from '../support/graph-tenant';
import { useWorld } from '../support/world';

const anna = user('anna');
let itemReader: ItemReader | undefined;
afterEach(async () => {
  await itemReader?.close();
});
const openWorld = useWorld({ users: [anna] });

const mailLine = (id: string) =>
  Buffer.from(
    JSON.stringify({
      messageId: id,
      gatewayReceivedDate: '2026-11-20T08:00:05Z',
      sourceType: 'WECHAT',
      usersEmailAddress: [],
      mime: Buffer.from(`From: Anna <anna@contoso.example>\r\nSubject: ${id}\r\n\r\nhello`).toString(
        'base64',
      ),
    }),
  );

it('quarantines an item whose reading never ends, and imports the items after it', async () => {
  const ids = ['1_1', 'endless_2', '1_3', 'endless_4', '1_5'];
  const world = await openWorld({ lines: { wechat: ids.map(mailLine) } });
  itemReader = createItemReader({
    workerFile: join(__dirname, '..', 'fixtures', 'fuzz', 'endless-or-real.js'),
    timeoutMs: 5_000,
    threads: 2,
  });
  const deps = { ...world.instance(), itemReader };
  await world.archive(deps, 'wechat');
  expect((await world.messages(anna)).map(({ subject }) => subject).toSorted()).toEqual([
    '1_1',
    '1_3',
    '1_5',
  ]);
  expect(await world.quarantined(deps, 'wechat')).toMatchObject([
    { sourceId: 'endless_2', reason: 'unreadable', detail: 'the item could not be read within 5 s' },
    { sourceId: 'endless_4', reason: 'unreadable' },
  ]);
});
