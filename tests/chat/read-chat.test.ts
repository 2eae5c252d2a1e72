import { connectors } from '../../shared/connectors';
import { isEvent, readChat } from '../../shared/chat/read-chat';
import { itemKey } from '../../shared/email/item-key';
import { sourceMessage } from '../../shared/telemessage/message';
import { fixtureNames, readFixture, readMessage, shown } from '../support/email-fixtures';

const folder = 'chats';
const minimal = {
  messageId: '1709292600000_1',
  gatewayReceivedDate: '2024-03-01T12:00:00Z',
  sourceType: 'WHATSAPP_ARCHIVER',
  usersEmailAddress: [],
};
const read = (fields: Record<string, unknown>) =>
  readChat(sourceMessage.parse({ ...minimal, ...fields }), connectors.whatsapp);

describe('readChat', () => {
  test.each(fixtureNames(folder))('reads %s as its expected email', (name) => {
    const email = readChat(readMessage(folder, name), connectors.whatsapp);
    const actual = JSON.parse(JSON.stringify({ ...email, attachments: email.attachments.map(shown) }));
    expect(actual).toEqual(readFixture(folder, `${name}.expected.json`));
  });

  test('gives both directions of a chat one key and one topic', () => {
    const [there, back] = ['one-to-one', 'one-to-one-answer'].map(
      (name) => readChat(readMessage(folder, name), connectors.whatsapp).chat,
    );
    expect(back).toEqual(there);
  });

  test('tells two edits of one message apart by their keys', () => {
    const keys = ['edit-first', 'edit-second'].map((name) => {
      const message = readMessage(folder, name);
      return itemKey('whatsapp', message.messageId, readChat(message, connectors.whatsapp));
    });
    expect(new Set(keys).size).toBe(2);
  });

  test.each(['not base64!', 'QUJD%', 'A', 'QUJDR', '=', 'QQ===', 'QU=D', 'QUI==', 'QUJD='])(
    'refuses attachment content %j and says which attachment, not its name',
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

  test('keeps the suffix of a name that is too long', () => {
    const [file] = read({ attachment: [{ name: `${'n'.repeat(400)}.pdf`, content: '' }] }).attachments;
    expect(file!.name).toHaveLength(255);
    expect(file!.name).toMatch(/n\.pdf$/);
  });

  test('does not slow down with a group of thousands', () => {
    const to = Array.from({ length: 20_000 }, (_, index) => String(447700000000 + index));
    const toEnriched = to.map((value) => ({ value, fullName: { firstName: value } }));
    const usersEmailAddress = to.map((mobileNumber) => ({
      mobileNumber,
      emailAddress: `u${mobileNumber}@a.com`,
    }));
    const email = read({ to, toEnriched, usersEmailAddress, groupMessage: true });
    expect(email.to.at(-1)).toEqual({
      name: to.at(-1),
      number: to.at(-1),
      address: `u${to.at(-1)}@a.com`,
    });
  });
});

describe('isEvent', () => {
  test('tells device health from communications', () => {
    const contexts = ['event', 'Event ', 'app-message', undefined];
    const events = contexts.map((messageContext) =>
      isEvent(sourceMessage.parse({ ...minimal, messageContext })),
    );
    expect(events).toEqual([true, true, false, false]);
  });
});
