import { messageId, threading } from '../../shared/email/threading';
import { anEmail } from '../support/email-fixtures';

const original = '1709292600000_1';

describe('threading', () => {
  test('never changes: actions of coming years must link to the ids of today', () => {
    const email = anEmail({ conversation: { key: 'group:1', topic: 'Team' } });
    expect(threading(email, 'whatsapp', original)).toEqual({
      internetMessageId: '<bd30f6731ceced85cec1a2138c7f4a261a814d7d@whatsapp.archive.invalid>',
      topic: 'Team',
      index: 'AdXANmkFgq4tsMt56IXLlyouh9Euvg==',
    });
  });

  test('links a message action to the id of its original and keeps the references of the mail', () => {
    const email = anEmail({
      action: { kind: 'recalled', originalId: original },
      references: ['<a@example.com>', '<b@example.com>'],
    });
    const action = threading(email, 'wechat', `RECALL-${original}`);
    const id = threading(anEmail(), 'wechat', original).internetMessageId;
    expect(action.inReplyTo).toBe(id);
    expect(action.references).toBe(`<a@example.com> <b@example.com> ${id}`);
    expect(action.internetMessageId).not.toBe(id);
  });

  test('answers the newest reference of a mail that is not a message action', () => {
    const { inReplyTo, references } = threading(
      anEmail({ references: ['<a@x>', 'junk', '<b\r\nBcc: c@x>', '<d@x>'] }),
      'wechat',
      original,
    );
    expect([inReplyTo, references]).toEqual(['<d@x>', '<a@x> <d@x>']);
  });

  test('keeps the newest ids of an endless chain of references', () => {
    const chain = Array.from({ length: 5_000 }, (_, index) => `<${index}@example.com>`);
    const { inReplyTo, references } = threading(anEmail({ references: chain }), 'wechat', original);
    expect(references!.length).toBeLessThanOrEqual(8_000);
    expect(references!.endsWith('<4998@example.com> <4999@example.com>')).toBe(true);
    expect(references!.startsWith('<')).toBe(true);
    expect(inReplyTo).toBe('<4999@example.com>');
  });

  test('gives all items of a conversation one index, and every conversation and connector its own', () => {
    const index = (key: string, connector: string, id: string) =>
      threading(anEmail({ conversation: { key, topic: 'same' } }), connector, id).index;
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

  test('takes the subject as the topic of an unnamed conversation, and no topic without a subject', () => {
    const conversation = { key: 'k', topic: ' ' };
    expect(threading(anEmail({ conversation }), 'wechat', 'a').topic).toBe('Lunch');
    expect(threading(anEmail({ conversation, subject: '' }), 'wechat', 'a')).not.toHaveProperty('topic');
  });
});
