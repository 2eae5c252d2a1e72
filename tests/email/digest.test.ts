import { itemKey } from '../../shared/email/digest';
import type { Email } from '../../shared/email/email';
import { aFile, anEmail } from './email-fixtures';

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
