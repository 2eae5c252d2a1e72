import { createNumbers } from '../../shared/participants/phone';
import { readLine } from '../../shared/reading/read-line';

/** Lines as loose as the feed writes them. */

const numbers = createNumbers();
const base = {
  messageId: '1_1',
  gatewayReceivedDate: '2026-11-20T08:00:05Z',
  sourceType: 'WHATSAPP_CLOUD_ARCHIVER',
  messageTime: '2026-11-20T08:00:00Z',
  from: '46701740605',
  to: ['12015550177'],
  textContent: 'x',
};
const read = (fields: object, connector: 'wechat' | 'whatsapp' = 'whatsapp') => {
  const line = readLine(Buffer.from(JSON.stringify({ ...base, ...fields })), connector, numbers);
  if (line.kind !== 'communication') throw new Error('a device event');
  return line;
};
const mime = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n')).toString('base64');

test.each<[string, unknown, string]>([
  ['twenty hex digits', '5f0c3ab2e19d4477a0b1', '5f0c3ab2e19d4477a0b1'],
  ['a number', 1795134100000, '1795134100000'],
  ['an address', 'x@y.example', 'x@y.example'],
])('an id can be %s', (_, messageId, sourceId) => {
  expect(read({ messageId }).sourceId).toBe(sourceId);
});

test.each(['1795161605000', 1795161605000])('an arrival can be %p', (gatewayReceivedDate) => {
  expect(read({ gatewayReceivedDate, messageTime: 1795161600000 })).toMatchObject({
    arrivedAt: '2026-11-20T08:00:05.000Z',
    email: { sentAt: '2026-11-20T08:00:00.000Z' },
  });
});

test('a mail gives the id that its line lacks', () => {
  const mail = mime('X-TELEMESSAGE-ArchiveMessageID: abc-7\nFrom: a@x.example\n\nx');
  expect(read({ messageId: undefined, mime: mail }, 'wechat').sourceId).toBe('abc-7');
  expect(read({ messageId: 'own', mime: mail }, 'wechat').sourceId).toBe('own');
  expect(() => read({ messageId: '', mime: mime('From: a@x.example\n\nx') }, 'wechat')).toThrow(/messageId/);
});

test('parties can be user names', () => {
  const { participants } = read({ from: 'anna.ek', to: ['bo_88'], usersEmailAddress: [] });
  expect(participants.map(({ numbers: n, addresses, asWritten }) => [n, addresses, asWritten])).toEqual([
    [[], [], 'anna.ek'],
    [[], [], 'bo_88'],
  ]);
});

/** The eight formats of TeleMessage, and the one that its own mails use. */
const formats = [
  'Anna Ek 46701740605 <anna@contoso.example>',
  '"Anna Ek 46701740605" <anna@contoso.example>',
  'Ek Anna 46701740605 <anna@contoso.example>',
  'Ek, Anna 46701740605 <anna@contoso.example>',
  '46701740605 <anna@contoso.example>',
  'Anna Ek <anna@contoso.example>',
  'Ek Anna <anna@contoso.example>',
  'Ek, Anna <anna@contoso.example>',
];
const user = { mobileNumber: '46701740605', emailAddress: 'anna@contoso.example' };

describe.each(formats)('%s', (format) => {
  const isAnna = { numbers: ['+46701740605'], addresses: ['anna@contoso.example'] };

  test('is one participant in a chat', () => {
    const { participants } = read({ from: format, to: ['UNKNOWN'], usersEmailAddress: [user] });
    expect(participants).toMatchObject([isAnna]);
    expect(participants).toHaveLength(1);
  });

  test('is one participant in a list of a chat', () => {
    const { participants } = read({
      from: '12015550177',
      to: [format],
      usersEmailAddress: [
        { mobileNumber: '12015550177' },
        { emailAddress: format, mobileNumber: '46701740605' },
      ],
    });
    expect(participants).toHaveLength(2);
    expect(participants[1]).toMatchObject(isAnna);
  });

  test.each(['From', 'To', 'Cc'])('is one participant in %s of a mail', (header) => {
    const { participants } = read(
      { mime: mime(`${header}: ${format}\n\nx`), usersEmailAddress: [user] },
      'wechat',
    );
    expect(participants).toMatchObject([isAnna]);
    expect(participants).toHaveLength(1);
  });
});

test('two entries with one address are two participants if one of them has a number', () => {
  const { participants } = read({ usersEmailAddress: [user, { emailAddress: user.emailAddress }] });
  expect(participants.map(({ numbers: n, addresses }) => [...n, ...addresses])).toEqual([
    ['+46701740605', 'anna@contoso.example'],
    ['anna@contoso.example'],
    ['+12015550177'],
  ]);
});
