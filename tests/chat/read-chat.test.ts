import { connectors } from '../../shared/connectors';
import { isDeviceEvent, readChat } from '../../shared/chat/read-chat';
import { itemKey } from '../../shared/email/item-key';
import { sourceMessage } from '../../shared/telemessage/message';
import { fixtureNames, named, readFixture, readMessage, shown } from '../support/email-fixtures';

const folder = 'chats';
const minimal = {
  messageId: '1709292600000_1',
  gatewayReceivedDate: '2024-03-01T12:00:00Z',
  sourceType: 'WHATSAPP_ARCHIVER',
  usersEmailAddress: [],
};
const read = (fields: Record<string, unknown>) =>
  readChat(named(sourceMessage.parse({ ...minimal, ...fields })), connectors.whatsapp);

describe('readChat', () => {
  test.each(fixtureNames(folder))('reads %s as its expected email', (name) => {
    const email = readChat(named(readMessage(folder, name)), connectors.whatsapp);
    const actual = JSON.parse(JSON.stringify({ ...email, attachments: email.attachments.map(shown) }));
    expect(actual).toEqual(readFixture(folder, `${name}.expected.json`));
  });

  test('gives both directions of a conversation one key and one topic', () => {
    const [there, back] = ['one-to-one', 'one-to-one-answer'].map(
      (name) => readChat(named(readMessage(folder, name)), connectors.whatsapp).conversation,
    );
    expect(back).toEqual(there);
  });

  test('gives two edits of one message different item keys', () => {
    const keys = ['edit-first', 'edit-second'].map((name) => {
      const message = readMessage(folder, name);
      return itemKey('whatsapp', message.messageId, readChat(named(message), connectors.whatsapp));
    });
    expect(new Set(keys).size).toBe(2);
  });

  test.each(['not base64!', 'QUJD%', 'A', 'QUJDR', '=', 'QQ===', 'QU=D', 'QUI==', 'QUJD='])(
    'refuses attachment content %j and states the index, not the name',
    (content) => {
      const attachment = [
        { name: 'first.txt', content: 'QUJD' },
        { name: 'secret.txt', content },
      ];
      expect(() => read({ attachment })).toThrow(
        expect.objectContaining({ reason: 'unreadable', message: 'Attachment 1 is not base64.' }),
      );
    },
  );

  test.each(['QUI=', 'QUI', ' Q U\tI\r\n=\n'])('decodes %j', (content) => {
    expect(read({ attachment: [{ name: 'a', content }] }).attachments[0]!.content.toString()).toBe('AB');
  });

  test('decodes every byte of a large attachment', () => {
    const bytes = Buffer.alloc(5_000_001, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    const [file] = read({ attachment: [{ name: 'big.bin', content: bytes.toString('base64') }] }).attachments;
    expect(file!.content.equals(bytes)).toBe(true);
  });

  test('cuts a long file name before its suffix', () => {
    const [file] = read({ attachment: [{ name: `${'n'.repeat(400)}.pdf`, content: '' }] }).attachments;
    expect(file!.name).toHaveLength(255);
    expect(file!.name).toMatch(/n\.pdf$/);
  });

  describe('of a group', () => {
    const group = (size: number) => {
      const to = Array.from({ length: size }, (_, index) => String(447700000000 + index));
      return sourceMessage.parse({
        ...minimal,
        to,
        toEnriched: to.map((value) => ({ value, fullName: { firstName: value } })),
        usersEmailAddress: to.map((mobileNumber) => ({
          mobileNumber,
          emailAddress: `u${mobileNumber}@a.com`,
        })),
        groupMessage: true,
      });
    };
    const readGroup = (message: ReturnType<typeof group>) => readChat(named(message), connectors.whatsapp);

    test('finds name and address of each of thousands of members', () => {
      const last = '447700019999';
      expect(readGroup(group(20_000)).to.at(-1)).toEqual({
        name: last,
        number: last,
        address: `u${last}@a.com`,
        e164: `+${last}`,
      });
    });
  });
});

describe('isDeviceEvent', () => {
  test('is true for device health alone', () => {
    const contexts = ['event', 'Event ', 'app-message', undefined];
    const events = contexts.map((messageContext) =>
      isDeviceEvent(sourceMessage.parse({ ...minimal, messageContext })),
    );
    expect(events).toEqual([true, true, false, false]);
  });
});
