import { messageId, threading } from '../../shared/email/threading';
import { anEmail } from '../support/email-fixtures';

const original = '1709292600000_1';

describe('threading', () => {
  test('never changes: acts of coming years must find the ids of today', () => {
    const email = anEmail({ chat: { key: 'group:1', topic: 'Team' } });
    expect(threading(email, 'whatsapp', original)).toEqual({
      internetMessageId: '<bd30f6731ceced85cec1a2138c7f4a261a814d7d@whatsapp.archive.invalid>',
      topic: 'Team',
      index: 'AdXANmkFgq4tsMt56IXLlyouh9Euvg==',
    });
  });

  test('links an act to the id of its original and keeps the references of the mail', () => {
    const email = anEmail({
      act: { kind: 'recalled', originalId: original },
      references: ['<a@example.com>', '<b@example.com>'],
    });
    const act = threading(email, 'wechat', `RECALL-${original}`);
    const id = threading(anEmail(), 'wechat', original).internetMessageId;
    expect(act.inReplyTo).toBe(id);
    expect(act.references).toBe(`<a@example.com> <b@example.com> ${id}`);
    expect(act.internetMessageId).not.toBe(id);
  });

  test('answers the newest reference of a mail that is no act', () => {
    const { inReplyTo, references } = threading(
      anEmail({ references: ['<a@x>', 'junk', '<b\r\nBcc: c@x>', '<d@x>'] }),
      'wechat',
      original,
    );
    expect([inReplyTo, references]).toEqual(['<d@x>', '<a@x> <d@x>']);
  });

  test('keeps the newest of an endless chain of references', () => {
    const chain = Array.from({ length: 5_000 }, (_, index) => `<${index}@example.com>`);
    const { inReplyTo, references } = threading(anEmail({ references: chain }), 'wechat', original);
    expect(references!.length).toBeLessThanOrEqual(8_000);
    expect(references!.endsWith('<4998@example.com> <4999@example.com>')).toBe(true);
    expect(references!.startsWith('<')).toBe(true);
    expect(inReplyTo).toBe('<4999@example.com>');
  });

  test('gives every item of a chat one index, and every chat and connector its own', () => {
    const index = (key: string, connector: string, id: string) =>
      threading(anEmail({ chat: { key, topic: 'same' } }), connector, id).index;
    expect(index('one', 'wechat', 'a')).toBe(index('one', 'wechat', 'b'));
    const others = [index('one', 'wechat', 'a'), index('two', 'wechat', 'a'), index('one', 'whatsapp', 'a')];
    expect(new Set(others).size).toBe(3);
  });

  test('writes an index of 22 bytes whose time is 2020-01-01', () => {
    const bytes = Buffer.from(threading(anEmail(), 'wechat', original).index, 'base64');
    expect(bytes).toHaveLength(22);
    const filetime = Buffer.concat([bytes.subarray(0, 6), Buffer.alloc(2)]).readBigUInt64BE();
    const at = Number(filetime / 10_000n) - 11_644_473_600_000;
    expect(new Date(at).toISOString()).toBe('2020-01-01T00:00:00.000Z');
  });

  test('gives ids that differ by connector and by source id', () => {
    const ids = [messageId('wechat', 'a'), messageId('wechat', 'b'), messageId('whatsapp', 'a')];
    expect(new Set(ids).size).toBe(3);
  });

  test('takes the subject where the chat has no name, and nothing where there is none', () => {
    const chat = { key: 'k', topic: ' ' };
    expect(threading(anEmail({ chat }), 'wechat', 'a').topic).toBe('Lunch');
    expect(threading(anEmail({ chat, subject: '' }), 'wechat', 'a')).not.toHaveProperty('topic');
  });
});
