import { itemKey } from '../../shared/email/item-key';
import type { Email } from '../../shared/email/email';
import { connectors } from '../../shared/connectors';
import { readChat } from '../../shared/chat/read-chat';
import { sourceMessage } from '../../shared/telemessage/message';
import { aFile, anEmail, named } from '../support/email-fixtures';

const email = anEmail({ attachments: [aFile('a.pdf', 'bytes'), aFile('b.pdf', '')] });
const key = (changes: Partial<Email<Buffer>> = {}) =>
  itemKey('whatsapp', '1709292600000_1', { ...email, ...changes });

describe('itemKey', () => {
  test('never changes: mailboxes hold the keys of today for decades', () => {
    expect(key()).toBe('96650167a9f7785f643bb4f3c04df097cd9e2ff1d445976dbd33dc7c9f055348');
  });

  test('does not depend on names, subject, parties, details or transport', () => {
    const same: Partial<Email<Buffer>>[] = [
      { attachments: [aFile('other.doc', 'bytes'), aFile('', '')] },
      { subject: 'Re: Lunch' },
      { from: { name: 'Somebody' }, to: [], cc: [], bcc: [] },
      {
        facts: { network: 'WeCom', source: 'WECOM', kind: 'more' },
        headers: 'Received: later',
        references: ['<a@b>'],
      },
      { sentAt: '2024-03-01T11:31:00.000Z', conversation: { key: 'k', topic: 't' } },
    ];
    expect(new Set(same.map(key))).toEqual(new Set([key()]));
  });

  test('depends on connector, id, send time, text and attachments', () => {
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

  test('depends on where one field ends and the next begins', () => {
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
  return itemKey('whatsapp', messageId, readChat(named(message), connectors.whatsapp));
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

  test('depends on the subject of a mail', () => {
    differ(['', 'Call of 5 minutes', 'Missed call'].map((subject) => key({ ...silent, subject })));
    differ([
      key({ ...silent, subject: 'A' }),
      key({ ...silent, subject: 'A', attachments: email.attachments }),
    ]);
  });

  test('depends on kind, direction, status, start and end of a call', () => {
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

  test('depends on the subject of a call that has no other particulars', () => {
    const bare = { messageContext: 'call-log', callInfo: null };
    differ(['', 'Missed call', 'Answered call'].map((subject) => chatKey({ ...bare, subject })));
  });

  test('does not depend on names, parties, subject or call id of a call', () => {
    const again = [
      { fromEnriched: { value: '46701740605', fullName: { firstName: 'Anna' } } },
      { to: ['46701740607'] },
      { subject: 'Another' },
      { callInfo: { ...missed, callID: '7', recipientNum: '46701740606' } },
    ];
    for (const change of again) expect(chatKey({ ...call, ...change })).toBe(chatKey(call));
  });

  test('depends on the subject of the source, never on one made from names', () => {
    const anna = { fromEnriched: { value: '46701740605', fullName: { firstName: 'Anna' } } };
    expect(chatKey(anna)).toBe(chatKey({}));
    expect(chatKey({ ...anna, textContent: ' ', subject: '' })).toBe(chatKey({ textContent: ' ' }));
    differ([chatKey({}), chatKey({ subject: 'One' }), chatKey({ subject: 'Other' })]);
  });

  test('ignores subject and call when there is a text or an attachment', () => {
    const spoken = { ...call, textContent: 'Missed call' };
    const answered = { ...spoken, subject: 'Other', callInfo: { ...missed, callStatus: 'Answered' } };
    expect(chatKey(answered)).toBe(chatKey(spoken));
    const attachment = [{ name: 'a.txt', content: 'QUJD' }];
    expect(chatKey({ attachment, subject: 'One' })).toBe(chatKey({ attachment, subject: 'Other' }));
  });
});
