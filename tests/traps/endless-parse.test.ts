import { join } from 'node:path';
import { createMailParser, type MailParser } from '../../shared/mail/parser.client';
import { user } from '../support/graph-tenant';
import { useWorld } from '../support/world';

const anna = user('anna');
let mailParser: MailParser | undefined;
afterEach(async () => {
  await mailParser?.close();
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

it('quarantines a mail whose parse never ends, and imports the mails after it', async () => {
  const ids = ['1_1', 'endless_2', '1_3', 'endless_4', '1_5'];
  const world = await openWorld({ lines: { wechat: ids.map(mailLine) } });
  mailParser = createMailParser({
    workerFile: join(__dirname, '..', 'fixtures', 'fuzz', 'endless-or-real.js'),
    timeoutMs: 5_000,
    threads: 2,
  });
  const deps = { ...world.instance(), mailParser };
  await world.archive(deps, 'wechat');
  expect((await world.messages(anna)).map(({ subject }) => subject).toSorted()).toEqual([
    '1_1',
    '1_3',
    '1_5',
  ]);
  expect(await world.quarantined(deps, 'wechat')).toMatchObject([
    { sourceId: 'endless_2', reason: 'unreadable', detail: 'the mail could not be parsed within 5 s' },
    { sourceId: 'endless_4', reason: 'unreadable' },
  ]);
});
