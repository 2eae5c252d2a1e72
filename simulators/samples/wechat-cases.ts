import {
  callStatuses,
  contentRandom,
  megabyte,
  messageId,
  single,
  type Case,
  type Fate,
  type Slot,
} from './item';
import { encode, filePart, mailDate, multipart, textPart, type Part } from './mail';
import { fileOf, jpeg, png } from './media';
import type { Language } from './organisation';
import {
  addressesOf,
  colleagues,
  outsiders,
  crowd,
  mention,
  mentions,
  nearlyFull,
  type Person,
} from './people';
import { randomBytes } from './random';
import { fileNames, groupNames } from './texts';
import { everybody, parties, unusualParties, type Parties } from './parties';
import {
  call,
  chat,
  mail,
  numberOf,
  subjectTo,
  wechatItem,
  wecom,
  wecomKinds,
  type MailFields,
} from './wechat';

/** The rare items of a WeChat day, one of each kind. */

/** A mail with an unusual field or body. */
function odd(
  tag: string,
  make: (slot: Slot, who: Parties) => { fields?: Partial<MailFields>; part?: Part },
  language: Language = 'en',
): Case {
  return single((slot) => {
    const who = parties(slot.r, 1, language);
    const id = messageId(slot);
    const mime = () => {
      const { fields, part } = make(slot, who);
      const subject = subjectTo('message', who.from, who.to);
      return mail(slot, id, { ...who, subject, ...fields }, part ?? textPart('See you on Monday.'));
    };
    return wechatItem(id, everybody(who), mime, { tags: [tag] });
  });
}

const charsets = (['zh', 'zhHant', 'ko', 'ja', 'sv'] as const).map((language) =>
  single((slot) => chat(slot, parties(slot.r, 1, language), { legacy: true, tags: ['charset'] })),
);

const headers: Case[] = [
  odd(
    'rawHeader',
    () => ({ fields: { subject: encode('微信消息：合同已签', 'GB18030'), charset: 'GB18030' } }),
    'zh',
  ),
  odd('rawHeader', () => ({ fields: { subject: Buffer.from('Återkoppling på anbudet 📄') } }), 'sv'),
  odd('rawHeader', () => ({ fields: { subject: encode('계약 확인', 'EUC-KR') } }), 'ko'),
  odd(
    'encodedWord',
    () => ({ fields: { subject: Buffer.from('=?iso-8859-1?Q?F=F6rslag_p=E5?= pris') } }),
    'sv',
  ),
  odd('encodedWord', () => ({ fields: { subject: Buffer.from('=?utf-7?Q?Hi_+ZeVnLIqe-?=') } }), 'ja'),
  odd('longSubject', () => ({ fields: { subject: `Re: ${'delivery schedule and '.repeat(20)}prices` } })),
  odd('noSubject', () => ({ fields: { subject: '' } })),
  odd('emptyBody', () => ({ part: textPart('') })),
  odd('references', () => ({ fields: { headers: [['In-Reply-To', '<4711.1@wechat.archiver.example>']] } })),
];

const dates = [
  'Wed, 31 Dec 1969 23:59:59 +0000',
  'Thu, 1 Jan 1970 00:00:00 +0000',
  'Sat, 14 Mar 3609 12:00:00 +0800',
  'Mon, 30 Feb 2026 10:00:00 +0100',
  'yesterday, about noon',
  null,
];
const absurdDates = dates.map((date) => odd('absurdDate', () => ({ fields: { date } })));
const oldDates = [
  odd('oldDate', () => ({ fields: { date: 'Tue, 3 Jun 1997 09:15:00 EST' } })),
  odd('oldDate', (slot) => ({
    fields: { date: mailDate(slot.sentAtMs, 8).replace('+0800', '(China Standard Time) +0800') },
  })),
];

function group(memberCount: number, inside: number): Case {
  return single((slot) => {
    const { r } = slot;
    const people = [...r.some(colleagues, inside), ...crowd(memberCount - inside)];
    const [from, ...to] = mentions(people, r);
    return chat(
      slot,
      { from: from!, to, language: 'zh' },
      { group: groupNames[1], tags: [`group${memberCount}`] },
    );
  });
}

const attached = (tag: string, files: (slot: Slot) => Parameters<typeof filePart>[0][]) =>
  odd(tag, (slot) => ({
    part: multipart('mixed', `mix-${slot.sentAtMs}`, [
      textPart('Files attached.'),
      ...files(slot).map(filePart),
    ]),
  }));

const files: Case[] = [
  ...fileNames.map((name, index) =>
    attached('fileName', (slot) => [
      { ...fileOf(name, contentRandom(slot)), nameStyle: index % 2 === 0 ? 'extended' : 'encodedWord' },
    ]),
  ),
  attached('sameName', (slot) => [
    fileOf('报价.csv', contentRandom(slot)),
    { ...fileOf('报价.csv', contentRandom({ ...slot, label: `${slot.label}/second` })), nameStyle: 'raw' },
  ]),
  attached('pathName', (slot) => [fileOf('C:\\Users\\wei\\Desktop\\offer.pdf', contentRandom(slot))]),
  attached('pathName', (slot) => [fileOf('../../etc/offer.txt', contentRandom(slot))]),
  attached('longName', (slot) => [fileOf(`${'很长的文件名'.repeat(45)}.txt`, contentRandom(slot))]),
  attached('noName', (slot) => [{ ...fileOf('x.txt', contentRandom(slot)), nameStyle: 'none' }]),
  attached('zeroBytes', () => [{ name: 'empty.txt', contentType: 'text/plain', content: Buffer.alloc(0) }]),
  odd('inline', (slot) => {
    const r = contentRandom(slot);
    const html = '<p>Before <img src="cid:a@x.example"> and after <img src="cid:b@x.example"></p>';
    const alternative = multipart('alternative', 'alt-1', [
      textPart('Before and after'),
      textPart(html, { subtype: 'html', encoding: 'quoted-printable' }),
    ]);
    const pictures = [
      filePart({ name: 'före.png', contentType: 'image/png', content: png(r), contentId: 'a@x.example' }),
      filePart({ name: 'efter.jpg', contentType: 'image/jpeg', content: jpeg(r), contentId: 'b@x.example' }),
    ];
    return { part: multipart('related', 'rel-1', [alternative, ...pictures]) };
  }),
];

/** A mail with one file of `length` bytes, and with a text if one is given. */
function large(
  tag: string,
  length: number,
  options: { fate?: Fate; text?: string; with?: Person } = {},
): Case {
  return single((slot) => {
    const who = parties(slot.r, 1, 'en');
    if (options.with) who.to.push(mention(options.with, slot.r));
    const id = messageId(slot);
    const mime = () => {
      const content = randomBytes(slot.label, length);
      const file = filePart({ name: 'Scan (signed).tif', contentType: 'image/tiff', content });
      const parts = [...(options.text === undefined ? [] : [textPart(options.text)]), file];
      const subject = subjectTo('file message', who.from, who.to);
      return mail(slot, id, { ...who, subject }, multipart('mixed', 'large', parts));
    };
    const fate = options.fate ?? 'delivered';
    return wechatItem(id, everybody(who), mime, {
      fate,
      tags: [tag],
      bytes: Math.ceil(length * 1.83) + 3000,
    });
  });
}

/** A message and its recall, which names the message by its id. */
const recall: Case = {
  size: 2,
  make: ([first, second]) => {
    const who = parties(first!.r, 1, 'zh');
    const original = chat(first!, who, { tags: ['recalled'] });
    const id = `RECALL-${original.id}`;
    const text = `${numberOf(who.from)} recalled a message\nOriginal Message (Msg ID - ${original.id})`;
    const mime = () =>
      mail(
        second!,
        id,
        { ...who, subject: `RECALLED ${subjectTo('message', who.from, who.to)}` },
        textPart(text),
      );
    return [original, wechatItem(id, everybody(who), mime, { tags: ['recall'] })];
  },
};

/** Different ids that are equal when they are read as numbers. */
const hugeIds = ['9007199254740992', '9007199254740993'].map((start) =>
  single((slot) => {
    const who = parties(slot.r, 1, 'sv');
    const id = `${start}${slot.sentAtMs}`;
    const mime = () =>
      mail(slot, id, { ...who, subject: subjectTo('message', who.from, who.to) }, textPart('Hej!'));
    return wechatItem(id, everybody(who), mime, { tags: ['hugeId'] });
  }),
);

/** Two messages with the same sender, time, subject and text: only their ids differ. */
const twins: Case = {
  size: 2,
  make: ([first, second]) => {
    const who = parties(first!.r, 1, 'fr');
    const twin = { ...second!, sentAtMs: first!.sentAtMs };
    return [first!, twin].map((slot) => {
      const id = messageId(slot);
      const subject = subjectTo('message', who.from, who.to);
      return wechatItem(id, everybody(who), () => mail(slot, id, { ...who, subject }, textPart('Oui.')), {
        tags: ['twin'],
      });
    });
  },
};

const mapping: Case[] = unusualParties.map(([tag, make]) =>
  single((slot) => {
    const [from, ...to] = make(slot.r);
    return chat(slot, { from: from!, to, language: 'en' }, { tags: [tag] });
  }),
);

/** The display name of an outsider contains an employee's address: the mail must not be filed for that employee. */
const trap = single((slot) => {
  const { r } = slot;
  const outsider = { person: r.pick(outsiders), email: 'someone@customer.example' };
  const who: Parties = { from: outsider, to: [mention(colleagues[0]!, r)], language: 'en' };
  const author = `"${addressesOf(colleagues[1]!)[0]} (201) 555-0123" <${outsider.email}>`;
  const id = messageId(slot);
  const mime = () => mail(slot, id, { ...who, subject: 'Fwd: offer', author }, textPart('See below.'));
  return wechatItem(id, everybody(who), mime, { tags: ['addressInName'] });
});

/** A number in parentheses and without quotes is a comment by the rules of e-mail. */
const commentNumber = single((slot) => {
  const who: Parties = { ...parties(slot.r, 1, 'en'), from: { person: outsiders.at(-1)! } };
  const author = 'Ava Brooks (201) 555-0177 <ava.brooks@customer.example>';
  const id = messageId(slot);
  const mime = () => mail(slot, id, { ...who, subject: 'Call me', author }, textPart('After six, please.'));
  return wechatItem(id, everybody(who), mime, { tags: ['numberInComment'] });
});

export const wechatCases: Case[] = [
  ...charsets,
  ...headers,
  ...absurdDates,
  ...oldDates,
  group(3, 2),
  group(300, 12),
  ...wecomKinds.map((_, kind) => single((slot) => wecom(slot, kind))),
  ...callStatuses.flatMap((status) =>
    (['voice', 'video'] as const).map((kind) =>
      single((slot) => ({ ...call(slot, kind, status), tags: ['call'] })),
    ),
  ),
  ...files,
  large('mb2_7', Math.round(2.7 * megabyte), { text: 'Scan', with: nearlyFull }),
  large('mb5', 5 * megabyte, { text: 'Scan' }),
  large('mb10', 10 * megabyte),
  large('mb10AndOne', 10 * megabyte + 1, { text: 'Scan', fate: 'partial' }),
  recall,
  ...hugeIds,
  twins,
  ...mapping,
  trap,
  commentNumber,
];
