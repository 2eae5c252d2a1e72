import { readChat } from '../../shared/chat/read-chat';
import { connectors } from '../../shared/connectors';
import { itemKey } from '../../shared/email/item-key';
import { applySizeRules } from '../../shared/email/size-rules';
import { mailboxItem } from '../../shared/email/mailbox-item';
import { languages, type Language } from '../../shared/languages';
import { readMail } from '../../shared/mail/read-mail';
import { capturedFrom } from '../../shared/participants/participants';
import { sourceMessage } from '../../shared/telemessage/message';
import { aProvenance, named } from '../support/email-fixtures';
import { context, mail } from '../support/mail-fixtures';

/** How an archived item reads: subject and body as the mailbox has them. */

interface Shown {
  subject: string;
  body: string;
  key: string;
}

function chat(fields: Record<string, unknown>, language: Language = 'en'): Shown {
  const source = named(
    sourceMessage.parse({
      messageId: '1_1',
      gatewayReceivedDate: '2026-11-20T08:00:05Z',
      sourceType: 'WHATSAPP_ARCHIVER',
      messageTime: '2026-11-20T08:00:00Z',
      from: '46701740605',
      to: ['12015550177'],
      usersEmailAddress: [
        {
          mobileNumber: '46701740605',
          emailAddress: 'anna@contoso.example',
          firstName: 'Anna',
          lastName: 'Ek',
        },
      ],
      ...fields,
    }),
  );
  const email = readChat(source, connectors.whatsapp);
  const captured = capturedFrom(source, email);
  if (captured) email.facts.captured = captured;
  return shown(email, 'whatsapp', language);
}

function shown(
  email: ReturnType<typeof readChat>,
  connector: 'wechat' | 'whatsapp',
  language: Language,
): Shown {
  const sized = applySizeRules(email, 1e7);
  if (sized.kind !== 'fits') throw new Error('too large');
  const key = itemKey(connector, '1_1', email);
  const { json } = mailboxItem(sized.email, [], aProvenance({ connector }), connectors[connector], {
    itemClass: 'IPM.ExternalData.X',
    itemKey: key,
    users: [],
    language,
  });
  const { subject, body } = json as { subject: string; body: { content: string } };
  return { subject, body: body.content, key };
}

const wechat = (text: string, changes: Partial<typeof context> = {}) =>
  shown(readMail(mail(text), { ...context, ...changes }), 'wechat', 'en');
/** The lines above the auditor's. */
const linesOf = ({ body }: Shown) =>
  body.split(/\r?\n/).filter((line) => line !== '' && !/^Archived from/.test(line));

const call = {
  messageContext: 'voice-call',
  callInfo: {
    callStatus: 'Answered',
    recipientNum: '12015550177',
    startTime: '2026-11-20T07:00:00Z',
    endTime: '2026-11-20T07:12:34Z',
  },
};
const file = (contentType: string, name: string) => ({ name, contentType, content: 'AA==' });

test.each<[string, Record<string, unknown>, string, string[]]>([
  [
    'a message',
    { textContent: 'Hej!', direction: 'Out' },
    'WhatsApp message from 46701740605 to 12015550177',
    ['Hej!', '——— WhatsApp ———', 'Captured from: Anna Ek, 46701740605; sent by them'],
  ],
  [
    'a message that the captured person received',
    { textContent: 'Hej!', direction: 'In', from: '12015550177', to: ['46701740605'] },
    'WhatsApp message from 12015550177 to 46701740605',
    ['Hej!', '——— WhatsApp ———', 'Captured from: Anna Ek, 46701740605; received by them'],
  ],
  [
    'a message to a group, captured from a member',
    {
      textContent: 'Hej!',
      direction: 'In',
      msisdn: '+46 70-174 06 05',
      from: '12015550177',
      to: ['46701740605', '33612345678'],
      groupMessage: true,
      dialogGroupName: 'Harbour',
    },
    'WhatsApp message from 12015550177 to chat group Harbour',
    [
      'Hej!',
      '——— WhatsApp ———',
      'Chat group: Harbour (3 participants named)',
      'Captured from: Anna Ek, 46701740605; received by them',
    ],
  ],
  [
    'a message to a group, captured from nobody knows whom',
    { textContent: 'Hej!', direction: 'In', to: ['12015550177', '33612345678'], groupMessage: true },
    'WhatsApp message from 46701740605 to a chat group without a name',
    ['Hej!', '——— WhatsApp ———', 'Chat group without a name (3 participants named)'],
  ],
  [
    'a call',
    call,
    'WhatsApp voice call from 46701740605 to 12015550177',
    [
      'Voice call, answered',
      '——— WhatsApp ———',
      'From 2026-11-20T07:00:00Z to 2026-11-20T07:12:34Z, duration 0:12:34',
    ],
  ],
  [
    'a picture',
    { attachment: [file('image/jpeg', 'harbour.jpg')] },
    'WhatsApp message from 46701740605 to 12015550177',
    ['Picture: harbour.jpg', '——— WhatsApp ———'],
  ],
  [
    'a voice note',
    { attachment: [file('audio/amr', 'PTT-1.amr')] },
    'WhatsApp message from 46701740605 to 12015550177',
    ['Sound recording: PTT-1.amr', '——— WhatsApp ———'],
  ],
  [
    'several files',
    { attachment: [file('image/png', 'a.png'), file('application/pdf', 'b.pdf')] },
    'WhatsApp message from 46701740605 to 12015550177',
    ['2 files: a.png, b.pdf', '——— WhatsApp ———'],
  ],
  [
    'a deletion that repeats the text',
    {
      messageId: 'DELETE_FOR_ALL-1_0',
      textContent: 'Hej!',
      subject: 'DELETED For All READ WhatsApp message from A to B',
    },
    'DELETED For All READ WhatsApp message from A to B',
    [
      'Hej!',
      '——— WhatsApp ———',
      'Deleted for everyone. Id of the original message: 1_0',
      'The original message had been read.',
    ],
  ],
  [
    'a deletion without text',
    { messageId: 'DELETE_FOR_ME-1_0' },
    'DELETED For Me WhatsApp message from 46701740605 to 12015550177',
    ['Deleted for the archived person alone. Id of the original message: 1_0', '——— WhatsApp ———'],
  ],
  [
    'nothing at all',
    {},
    'WhatsApp message from 46701740605 to 12015550177',
    ['Message without text', '——— WhatsApp ———'],
  ],
])('%s reads', (_, fields, subject, lines) => {
  const item = chat(fields);
  expect(item.subject).toBe(subject);
  expect(linesOf(item)).toEqual(lines);
  expect(item.body).toMatch(
    /\nArchived from WHATSAPP_ARCHIVER by connector whatsapp: .*item key [0-9a-f]{64}, SHA-256 /,
  );
});

test.each<[string, string, Partial<typeof context>, string[]]>([
  ['WeChat', 'Subject: WeChat message from A to B', {}, ['x', '——— WeChat ———']],
  ['WeCom by its source type', 'Subject: s', { sourceType: 'WECOM' }, ['x', '——— WeCom ———']],
  [
    'WeCom by its subject',
    'Subject: WeCom card message from A to B',
    {},
    ['x', '——— WeCom ———', 'Kind: card'],
  ],
  ['a network that the app does not know', 'X-TELEMESSAGE-Network: LINE', {}, ['x', '——— LINE ———']],
  [
    'a group by its headers',
    'X-TELEMESSAGE-GroupID: 7\nX-TELEMESSAGE-GROUP_NAME: Harbour\nTo: a@x.com, b@x.com',
    {},
    ['x', '——— WeChat ———', 'Chat group: Harbour (2 participants named)'],
  ],
  [
    'a kind and a status as they are',
    'X-TELEMESSAGE-MessageType: Sticker\nX-TELEMESSAGE-Status: Forwarded',
    {},
    ['x', '——— WeChat ———', 'Kind: Sticker', 'Status: Forwarded'],
  ],
  [
    'a recall by its header',
    'X-TELEMESSAGE-MessageType: Recall',
    {},
    ['x', '——— WeChat ———', 'Recalled by the sender.'],
  ],
  [
    'a recall by its subject',
    'Subject: =?utf-8?B?W+aSpOWbnl0g5Y6f5raI5oGvIDEyMzRfNTY3OA==?=',
    {},
    ['x', '——— WeChat ———', 'Recalled by the sender. Id of the original message: 1234_5678'],
  ],
  [
    'a revoke of WeCom',
    'Subject: WeCom revoke message from A to B',
    {},
    ['x', '——— WeCom ———', 'Recalled by the sender.'],
  ],
  [
    'an unanswered call by its subject',
    'Subject: WeChat unanswered video call from A to B',
    {},
    ['x', '——— WeChat ———', 'Video call, not answered'],
  ],
])('a mail says of itself: %s', (_, header, changes, lines) => {
  expect(
    linesOf(wechat(`${header}\n\nx`, changes)).filter((line) => !/^(Sent time|Further)/.test(line)),
  ).toEqual(lines);
});

test('people write brackets too, and that recalls nothing', () => {
  expect(wechat('Subject: s\n\n[撤回] is what I will do').body).not.toContain('Recalled');
});

test('in five languages, the same item has the same key and other words', () => {
  const all = languages.map((language) => chat({ ...call, groupMessage: true }, language));
  expect(new Set(all.map(({ key }) => key)).size).toBe(1);
  expect(new Set(all.map(({ body }) => body.split('\n')[0])).size).toBe(languages.length);
  for (const { subject, body } of all) expect(subject + body).not.toMatch(/[{}]|undefined/);
});

test('an unknown party is the only entry that no other party is', () => {
  const users = [
    { mobileNumber: '46701740605', emailAddress: 'anna@contoso.example' },
    { emailAddress: 'bo@contoso.example', firstName: 'Bo' },
  ];
  const source = named(
    sourceMessage.parse({
      messageId: '1',
      gatewayReceivedDate: '2026-11-20T08:00:05Z',
      sourceType: 'X',
      from: 'UNKNOWN',
      fromEnriched: { fullName: { firstName: 'Bosse' }, value: 'UNKNOWN' },
      to: ['46701740605'],
      usersEmailAddress: users,
    }),
  );
  expect(readChat(source, connectors.whatsapp).from).toEqual({
    name: 'Bosse',
    address: 'bo@contoso.example',
  });
});
