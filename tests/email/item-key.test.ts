import { itemKey } from '../../shared/email/item-key';
import type { Email } from '../../shared/email/email';
import { connectors } from '../../shared/connectors';
import { readChat } from '../../shared/chat/read-chat';
import { sourceMessage } from '../../shared/telemessage/message';
import { aFile, anEmail } from '../support/email-fixtures';

const email = anEmail({ attachments: [aFile('a.pdf', 'bytes'), aFile('b.pdf', '')] });
const key = (changes: Partial<Email> = {}) =>
  itemKey('whatsapp', '1709292600000_1', { ...email, ...changes });

describe('itemKey', () => {
  test('never changes: mailboxes hold the keys of today for decades', () => {
    expect(key()).toBe('96650167a9f7785f643bb4f3c04df097cd9e2ff1d445976dbd33dc7c9f055348');
  });

  test('stays when only names, subject, parties, details or transport change', () => {
    const same: Partial<Email>[] = [
      { attachments: [aFile('other.doc', 'bytes'), aFile('', '')] },
      { subject: 'Re: Lunch' },
      { from: { name: 'Somebody' }, to: [], cc: [], bcc: [] },
      { details: ['more'], headers: 'Received: later', references: ['<a@b>'] },
      { sentAt: '2024-03-01T11:31:00.000Z', chat: { key: 'k', topic: 't' } },
    ];
    expect(new Set(same.map(key))).toEqual(new Set([key()]));
  });

  test('differs for every other connector, id, send time, text and content', () => {
    const others = [
      key(),
      itemKey('wechat', '1709292600000_1', email),
      itemKey('whatsapp', '1709292600000_2', email),
      key({ sentAsWritten: 'Fri, 1 Mar 2024 19:31:00 +0800' }),
      key({ body: { type: 'text', content: 'At noon? ' } }),
      key({ body: { type: 'text', content: '\ud800' } }),
      key({ body: { type: 'text', content: '\ud801' } }),
      key({ attachments: [aFile('a.pdf', 'bytes')] }),
      key({ attachments: [aFile('a.pdf', 'byte'), aFile('b.pdf', 's')] }),
      key({ attachments: [aFile('a.pdf', ''), aFile('b.pdf', 'bytes')] }),
      key({ attachments: [] }),
    ];
    expect(new Set(others).size).toBe(others.length);
  });

  test('keeps the border between fields', () => {
    const one = itemKey('w', 'ab', anEmail({ sentAsWritten: 'c' }));
    const other = itemKey('w', 'a', anEmail({ sentAsWritten: 'bc' }));
    expect(one).not.toBe(other);
  });
});

const chatKey = (fields: Record<string, unknown>) => {
  const messageId = '1709292600000_1';
  const message = sourceMessage.parse({
    messageId,
    gatewayReceivedDate: '2024-03-01T12:00:00Z',
    sourceType: 'WHATSAPP_ARCHIVER',
    from: '46701740605',
    to: ['46701740606'],
    direction: 'Out',
    ...fields,
  });
  return itemKey('whatsapp', messageId, readChat(message, connectors.whatsapp));
};
const differ = (keys: string[]) => expect(new Set(keys).size).toBe(keys.length);
const missed = {
  callStatus: 'Missed',
  startTime: '2024-03-01T11:30:00Z',
  endTime: '2024-03-01T11:30:00Z',
};
const call = { messageContext: 'voice-call', subject: 'A call', callInfo: missed };

describe('the key of an item without text and attachments', () => {
  const silent = { body: { type: 'text' as const, content: '' }, attachments: [] };

  test('never changes: mailboxes hold the keys of today for decades', () => {
    expect([key({ ...silent, subject: '' }), key(silent), chatKey(call)]).toEqual([
      'fb933c894621524e6b4d88a09711f419a47fa1c084abef1bc8a9b7eafddecc3a',
      'ef905bd9c4252c6fc85b26b8c66ccf8e1fb25349fc82326ecad700963b29c141',
      '7dc51ef88875c9c65c16dac2f11d32232a838cae8cddb75ab4db545900041818',
    ]);
  });

  test('tells a mail by its subject', () => {
    differ(['', 'Call of 5 minutes', 'Missed call'].map((subject) => key({ ...silent, subject })));
    differ([
      key({ ...silent, subject: 'A' }),
      key({ ...silent, subject: 'A', attachments: email.attachments }),
    ]);
  });

  test('tells a call by kind, direction, status, start and end', () => {
    differ([
      chatKey(call),
      chatKey({ ...call, messageContext: 'video-call' }),
      chatKey({ ...call, direction: 'In' }),
      ...[
        { callStatus: 'Answered' },
        { startTime: '2024-03-01T11:29:00Z' },
        { endTime: '2024-03-01T12:00:00Z' },
      ].map((change) => chatKey({ ...call, callInfo: { ...missed, ...change } })),
    ]);
  });

  test('tells a call of which nothing else is said by its subject', () => {
    const untold = { messageContext: 'call-log', callInfo: null };
    differ(['', 'Missed call', 'Answered call'].map((subject) => chatKey({ ...untold, subject })));
  });

  test('stays when a call comes again with other names, parties, subject or call id', () => {
    const again = [
      { fromEnriched: { value: '46701740605', fullName: { firstName: 'Anna' } } },
      { to: ['46701740607'] },
      { subject: 'Another' },
      { callInfo: { ...missed, callID: '7', recipientNum: '46701740606' } },
    ];
    for (const change of again) expect(chatKey({ ...call, ...change })).toBe(chatKey(call));
  });

  test('tells a chat by the subject of the source, never by one that is made of names', () => {
    const anna = { fromEnriched: { value: '46701740605', fullName: { firstName: 'Anna' } } };
    expect(chatKey(anna)).toBe(chatKey({}));
    expect(chatKey({ ...anna, textContent: ' ', subject: '' })).toBe(chatKey({ textContent: ' ' }));
    differ([chatKey({}), chatKey({ subject: 'One' }), chatKey({ subject: 'Other' })]);
  });

  test('stands back where there is a text or an attachment', () => {
    const spoken = { ...call, textContent: 'Missed call' };
    const answered = { ...spoken, subject: 'Other', callInfo: { ...missed, callStatus: 'Answered' } };
    expect(chatKey(answered)).toBe(chatKey(spoken));
    const attachment = [{ name: 'a.txt', content: 'QUJD' }];
    expect(chatKey({ attachment, subject: 'One' })).toBe(chatKey({ attachment, subject: 'Other' }));
  });
});
