import type { ConnectorId } from '../../shared/connectors';
import { staff } from '../../simulators/samples/organisation';

/** A day in which every field that a person can fill, and every secret, holds something that can be searched for. */

const own = staff.slice(0, 4);
export const secrets = { username: 'reader-Zinnober', password: 'pw-Quittengelee-4711' };

/** What only evidence, quarantine and mailboxes may contain. */
export const needles = {
  secret: [secrets.username, secrets.password],
  number: [...own.map(({ number }) => number), '46701740999', '8613900009999'],
  address: [
    ...own.flatMap(({ user }) => [user.userPrincipalName, ...(user.mail ? [user.mail] : [])]),
    'stranger.violett@outside.example',
    'wxid_magenta',
  ],
  name: ['Seedfirstname', 'Seedlastname', 'Seedgroup'],
  text: ['Rhabarberkuchen', '기밀문서', '机密计划', 'Seedsubject', 'Seedfile', 'Seedreply', 'Seedgarbage'],
};
export const allNeedles: string[] = [...new Set(Object.values(needles).flat())];

const users = (count: number) =>
  own.slice(0, count).map(({ number, user }) => ({
    mobileNumber: number,
    emailAddress: user.userPrincipalName,
    firstName: 'Seedfirstname',
    lastName: 'Seedlastname',
  }));
const arrival = (at: number) => new Date(Date.parse('2026-11-20T08:00:00Z') + at * 1000).toISOString();

const mime = (at: number, extra = '') =>
  Buffer.from(
    [
      `From: Seedfirstname Seedlastname ${own[0]!.number} <${own[0]!.user.userPrincipalName}>`,
      `To: "wxid_magenta" <stranger.violett@outside.example>`,
      `Subject: Seedsubject ${at}`,
      'MIME-Version: 1.0',
      `Content-Type: multipart/mixed; boundary=b${extra}`,
      '',
      '--b',
      'Content-Type: text/plain; charset=utf-8',
      '',
      'Rhabarberkuchen 기밀문서 机密计划 call 46701740999',
      '--b',
      'Content-Type: application/pdf; name="Seedfile.pdf"',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from('Seedreply').toString('base64'),
      '--b--',
    ].join('\r\n'),
  ).toString('base64');

const chat = (at: number, change: object = {}) => ({
  messageId: `17951454140${String(at).padStart(2, '0')}_1`,
  gatewayReceivedDate: arrival(at),
  sourceType: 'WHATSAPP_ARCHIVER',
  usersEmailAddress: users(3),
  messageContext: 'app-message',
  messageTime: arrival(at),
  direction: 'Out',
  from: own[0]!.number,
  to: own.slice(1, 4).map(({ number }) => number),
  fromEnriched: { fullName: { firstName: 'Seedfirstname', lastName: 'Seedlastname' }, value: own[0]!.number },
  groupMessage: true,
  dialogGroupName: 'Seedgroup',
  dialogGroupId: 'Seedgroup-7',
  subject: `Seedsubject of ${own[0]!.number}`,
  textContent: `Rhabarberkuchen 기밀문서 机密计划 ${needles.address.join(' ')} 46701740999 ${at}`,
  attachment: [
    { name: 'Seedfile.txt', contentType: 'text/plain', content: Buffer.from('Seedreply').toString('base64') },
  ],
  ...change,
});

/** Lines that no reader takes, each with something worth keeping secret in it. */
const broken = (at: number): string[] => [
  `{"gatewayReceivedDate":"${arrival(at)}","textContent":"Rhabarberkuchen 46701740999`,
  `Rhabarberkuchen of stranger.violett@outside.example`,
  JSON.stringify({ ...chat(at), textContent: { Rhabarberkuchen: 'Seedfirstname 46701740999' } }),
  JSON.stringify({ ...chat(at), attachment: [{ name: 'Seedfile', content: 'Rhabarberkuchen!' }] }),
  JSON.stringify({ ...chat(at), messageId: { Rhabarberkuchen: 1 } }),
];
/** Nobody of the organisation. */
const strangers = {
  usersEmailAddress: [{ mobileNumber: '8613900009999', emailAddress: 'stranger.violett@outside.example' }],
  from: '8613900009999',
  to: ['46701740999'],
};

export function seededLines(connector: ConnectorId): { gatewayReceivedDate: string; line: Buffer }[] {
  const texts =
    connector === 'whatsapp'
      ? [
          ...Array.from({ length: 12 }, (_, at) => JSON.stringify(chat(at))),
          JSON.stringify(chat(20, strangers)),
          JSON.stringify(chat(21, { textContent: 'Rhabarberkuchen '.repeat(80_000) })),
          JSON.stringify(chat(22, { messageContext: 'event', textContent: 'Rhabarberkuchen' })),
          ...broken(23),
        ]
      : [
          ...Array.from({ length: 12 }, (_, at) =>
            JSON.stringify({ ...chat(at), sourceType: 'WECHAT', mime: mime(at) }),
          ),
          JSON.stringify({ ...chat(20), mime: 'Rhabarberkuchen!' }),
          JSON.stringify({ ...chat(21), mime: mime(21, ';charset="Rhabarberkuchen') }),
          ...broken(22),
        ];
  return texts.map((text, at) => ({ gatewayReceivedDate: arrival(at), line: Buffer.from(text) }));
}
