import type { Email } from '../../shared/email/email';
import type { MailboxItem } from '../../shared/email/mailbox-item';
import { propertyIds, propertyValue } from '../../shared/email/provenance';
import { usableAddress, type Recipient } from '../../shared/email/recipient';
import { sourceMessage } from '../../shared/telemessage/message';
import {
  aFile,
  anEmail,
  aProvenance,
  convert,
  convertChat,
  fixtureNames,
  named,
  readFixture,
  readMessage,
  shown,
} from '../support/email-fixtures';

const folder = 'mailbox-items';

interface Created {
  subject: string;
  body: { contentType: string; content: string };
  from: Recipient;
  sender: Recipient;
  toRecipients: Recipient[];
  ccRecipients: Recipient[];
  bccRecipients: Recipient[];
  internetMessageId: string;
  isRead: boolean;
  singleValueExtendedProperties: { id: string; value: string }[];
}

type ShownFile = ReturnType<typeof shown>;

interface Fixture {
  email: Omit<Email, 'attachments' | 'bodyFile'> & { attachments: ShownFile[]; bodyFile?: ShownFile };
  dropped: Parameters<typeof convert>[1];
  provenance: Parameters<typeof convert>[2];
  addresses: unknown[];
}

const created = (item: MailboxItem) => item.json as unknown as Created;
const property = (item: MailboxItem, id: string) => propertyValue(created(item), id);

function convertFixture(name: string): MailboxItem {
  const { email, dropped, provenance, addresses } = readFixture(folder, `${name}.json`) as Fixture;
  const { attachments, bodyFile, ...rest } = email;
  const file = (one: ShownFile) => ({ ...one, content: Buffer.from(one.content, 'base64') });
  const files = { attachments: attachments.map(file), ...(bodyFile && { bodyFile: file(bodyFile) }) };
  return convert({ ...rest, ...files }, dropped, provenance, usersOf(addresses));
}

const usersOf = (usersEmailAddress: unknown[]) =>
  named(
    sourceMessage.parse({
      messageId: '1',
      gatewayReceivedDate: '2024-03-01T12:00:00Z',
      sourceType: 'WECHAT',
      usersEmailAddress,
    }),
  ).users;

const every: [string, () => MailboxItem][] = [
  ...fixtureNames('chats').map((name): [string, () => MailboxItem] => [
    `chats/${name}`,
    () => convertChat(readMessage('chats', name)),
  ]),
  ...fixtureNames(folder).map((name): [string, () => MailboxItem] => [
    `${folder}/${name}`,
    () => convertFixture(name),
  ]),
];

describe('mailboxItem', () => {
  test.each(fixtureNames(folder))('makes the expected item of %s', (name) => {
    const { json, attachments, itemKey } = convertFixture(name);
    const actual = { json, attachments: attachments.map(shown), itemKey };
    expect(JSON.parse(JSON.stringify(actual))).toEqual(readFixture(folder, `${name}.expected.json`));
  });

  describe.each(every)('of %s', (_name, make) => {
    test('is the same every time', () => {
      expect(JSON.stringify(make().json)).toBe(JSON.stringify(make().json));
    });

    test('has only properties that a create request accepts', () => {
      expect(Object.keys(make().json).sort()).toEqual(
        [
          'bccRecipients',
          'body',
          'ccRecipients',
          'from',
          'internetMessageId',
          'isRead',
          'sender',
          'singleValueExtendedProperties',
          'subject',
          'toRecipients',
        ].sort(),
      );
      const ids = created(make()).singleValueExtendedProperties.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of ids) {
        expect(id).toMatch(
          /^(Integer 0x0E07|SystemTime 0x(0039|0E06)|Binary 0x0071|String 0x(001A|0070|1042|1039|007D)|String \{5d1c3d6a-0f5e-4c58-9a8e-6f3f6b7f2a41\} Name [A-Z]\w+)$/,
        );
      }
    });

    test('has recipients that Exchange accepts', () => {
      const { from, sender, toRecipients, ccRecipients, bccRecipients } = created(make());
      const all = [from, sender, ...toRecipients, ...ccRecipients, ...bccRecipients];
      expect(all.length).toBeLessThanOrEqual(482);
      for (const { emailAddress, ...rest } of all) {
        expect(rest).toEqual({});
        expect(usableAddress(emailAddress.address)).toBe(emailAddress.address);
        expect(emailAddress.name).toMatch(/^[^\p{Cc}\p{Cs}]{1,256}$/u);
      }
    });

    test('has values that Exchange accepts', () => {
      const item = created(make());
      expect(item.subject.length).toBeLessThanOrEqual(255);
      expect(item.internetMessageId).toMatch(/^<[0-9a-f]{40}@(wechat|whatsapp)\.archive\.invalid>$/);
      for (const { id, value } of item.singleValueExtendedProperties) {
        expect(value).not.toBe('');
        expect(Buffer.byteLength(value)).toBeLessThanOrEqual(30_000);
        if (id.startsWith('SystemTime')) expect(value).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      }
      const whole = JSON.stringify(item);
      expect(whole).not.toMatch(/\\u0000|\\ud[89a-f]/);
      expect(Buffer.byteLength(whole)).toBeLessThan(3_000_000);
    });

    test('can be found by its provenance, in the text and in the properties', () => {
      const item = make();
      const content = created(item).body.content;
      for (const id of [propertyIds.sha256, propertyIds.batch, propertyIds.position, propertyIds.itemKey]) {
        expect(content).toContain(property(item, id));
      }
      expect(property(item, propertyIds.itemKey)).toBe(item.itemKey);
    });
  });

  test('begins the body with the text of the chat, word for word', () => {
    const message = readMessage('chats', 'one-to-one');
    expect(created(convertChat(message)).body.content.startsWith(`${message.textContent}\n\n`)).toBe(true);
  });

  test('cuts a long subject between code points and repeats it whole in the body', () => {
    const message = readMessage('chats', 'long-subject');
    const { subject, body } = created(convertChat(message));
    expect(subject).toBe('x'.repeat(254));
    expect(body.content).toContain(`Full subject: ${message.subject}\n`);
  });

  test('takes the arrival time for a missing send time, never the current time', () => {
    const { sentAt: _sentAt, ...undated } = anEmail();
    const item = convert(undated, [], aProvenance());
    expect(property(item, 'SystemTime 0x0039')).toBe('2024-03-01T12:00:00.000Z');
    expect(property(item, 'SystemTime 0x0E06')).toBe('2024-03-01T12:00:00.000Z');
  });

  test('names the recipients beyond the limit in the body', () => {
    const to = Array.from({ length: 479 }, (_, index) => ({
      name: `Member ${index}`,
      number: `4477009${index}`,
    }));
    const cc = [
      { name: 'Last in', address: 'last@contoso.com' },
      { name: 'First out', number: '46701234567' },
    ];
    const bcc = [{ name: 'Hidden', address: 'hidden@contoso.com' }];
    const item = created(convert(anEmail({ to, cc, bcc }), [], aProvenance()));
    expect([item.toRecipients, item.ccRecipients, item.bccRecipients].map((list) => list.length)).toEqual([
      479, 1, 0,
    ]);
    expect(item.body.content).toContain(
      'Further recipients (2): First out 46701234567 <46701234567@wechat.invalid>; ' +
        'Hidden <hidden@contoso.com>\n',
    );
  });

  test('attaches a text that is too long for a request, and shows its beginning', () => {
    const content = `${'😀\n"'.repeat(700_000)}end`;
    const item = convert(anEmail({ body: { type: 'text', content } }), [], aProvenance());
    expect(Buffer.byteLength(JSON.stringify(item.json))).toBeLessThan(3_000_000);
    expect(item.attachments.map(({ name }) => name)).toEqual(['message.txt']);
    expect(item.attachments[0]!.content.toString().startsWith(`${content}\n\n`)).toBe(true);
    const shownText = created(item).body.content;
    expect(shownText.startsWith(content.slice(0, 200_000))).toBe(true);
    expect(shownText).toContain('message.txt');
    expect(shownText).toContain(item.itemKey);
  });

  test('shows the provenance in the body, however many details there are', () => {
    const to = Array.from({ length: 30_000 }, (_, index) => ({
      name: `Member ${index}`,
      number: `4477${index}`,
    }));
    const notSupplied = Array.from({ length: 60 }, () => 'd'.repeat(50_000));
    const facts = { network: 'WeChat', source: 'WECHAT', notSupplied };
    const item = convert(anEmail({ to, facts }), [], aProvenance());
    expect(Buffer.byteLength(JSON.stringify(item.json))).toBeLessThan(3_000_000);
    expect(created(item).body.content).toContain(item.itemKey);
    expect(item.attachments[0]!.content.toString()).toContain('Member 29999');
  });

  test('attaches HTML that is too long for a request, and shows none of it', () => {
    const content = `<table>${'<tr><td>cell</td></tr>'.repeat(150_000)}</table>`;
    const item = convert(anEmail({ body: { type: 'html', content } }), [], aProvenance());
    expect(item.attachments[0]!.name).toBe('message.html');
    expect(item.attachments[0]!.content.toString()).toContain('<td>');
    expect(created(item).body.content).not.toContain('<td>');
  });

  test('cuts a long header block at the end of a line', () => {
    const headers = Array.from({ length: 2_000 }, (_, index) => `X-Line-${index}: é`).join('\r\n');
    const kept = property(convert(anEmail({ headers }), [], aProvenance()), 'String 0x007D')!;
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(30_000);
    expect(Buffer.byteLength(kept)).toBeGreaterThan(29_900);
    expect(headers.startsWith(kept)).toBe(true);
    expect(kept).toMatch(/: é\r\n$/);
  });

  test('cuts the addresses of a very large group between entries', () => {
    const users = Array.from({ length: 3_000 }, (_, index) => ({
      name: '',
      address: `member.${index}@contoso.com`,
    }));
    const value = property(convert(anEmail(), [], aProvenance(), users), propertyIds.usersEmailAddress)!;
    expect(Buffer.byteLength(value)).toBeLessThanOrEqual(30_000);
    expect(value).toMatch(/^member\.0@contoso\.com;.*;member\.\d+@contoso\.com$/);
  });

  test('names thousands of participants by address in the body, and counts the rest', () => {
    const users = Array.from({ length: 7_000 }, (_, index) => ({
      name: '',
      address: `the.member.with.number.${index}@contoso.com`,
    }));
    const { content } = created(convert(anEmail(), [], aProvenance(), users)).body;
    const found = content.match(/\bthe\.member\.with\.number\.\d+@contoso\.com\b/g)!.length;
    expect(found).toBeGreaterThan(4_000);
    expect(content.includes(`@contoso.com and ${7_000 - found} more\n`)).toBe(true);
    expect(Buffer.byteLength(content)).toBeLessThan(300_000);
    expect(content.startsWith('At noon?\n\n')).toBe(true);
  });

  test('does not change the bytes of attachments', () => {
    const content = Buffer.from([0, 0xff, 0xd8, 0, 13, 10]);
    const item = convert(anEmail({ attachments: [aFile('x', content)] }), [], aProvenance());
    expect(item.attachments[0]!.content).toEqual(content);
  });
});
