import {
  callStatuses,
  contentRandom,
  isoSeconds,
  megabyte,
  messageId,
  single,
  type Case,
  type Fate,
  type SampleItem,
  type Slot,
} from './item';
import { amr, fileOf, jpeg, mp3, png } from './media';
import type { Language } from './organisation';
import { colleagues, crowd, mention, mentions, nearlyFull, type Person } from './people';
import { randomBytes } from './random';
import { chatText, fileNames } from './texts';
import { parties, unusualParties, type Parties } from './parties';
import { call, chat, digits, groupOf, subjectOf, whatsappItem, type Draft, type File } from './whatsapp';

/** The rare items of a WhatsApp day, one of each kind. */

function odd(tag: string, make: (slot: Slot, who: Parties) => Omit<Draft, 'id' | 'who'>): Case {
  return single((slot) => {
    const who = parties(slot.r, 1, 'en');
    return whatsappItem(slot, messageId(slot), who, () => ({ text: 'Noted.', ...make(slot, who) }), {
      tags: [tag],
    });
  });
}

const languages = (['zh', 'zhHant', 'ko', 'ja', 'sv', 'fr', 'en'] satisfies Language[]).map((language) =>
  single((slot) => chat(slot, parties(slot.r, 1, language), { tags: ['language'] })),
);

const texts = [
  '👨‍👩‍👧‍👦 👩🏽‍💻 🏳️‍🌈 ❤️‍🔥 1️⃣ 🇰🇷',
  'First line\nsecond line\r\n\tindented\n\n  and two blanks',
  '<script>alert(1)</script> & <b>bold</b> "quoted"',
  '=SUM(A1:A9)',
  'Separated\u2028by U+2028\u2029and U+2029',
  'A lone surrogate \ud83d, a NUL \u0000 and a bell \u0007',
  'e\u0301 is é; שלום; مرحبا; \u202eright to left\u202c',
  'Every clause of the agreement. '.repeat(2000),
].map((text) => odd('oddText', () => ({ text })));

const empty = [
  odd('emptyBody', () => ({ text: '' })),
  odd('emptyBody', () => ({ text: null })),
  odd('emptyBody', () => ({ fields: { textContent: undefined, subject: '' } })),
  odd('nullFields', () => ({
    fields: { attachment: null, toEnriched: null, fromEnriched: null, callInfo: null, dialogGroupName: null },
  })),
  odd('unknownField', () => ({ fields: { reactions: [{ emoji: '👍', by: 'UNKNOWN' }], schemaVersion: 7 } })),
];

const absurdDates = [
  '1969-12-31T23:59:59Z',
  '3609-03-14T12:00:00Z',
  '0',
  '2026-02-30T10:00:00Z',
  'noon',
  '',
  null,
].map((time) => odd('absurdDate', () => ({ time })));
const oldDates = [odd('oldDate', () => ({ time: '1997-06-03T14:15:00Z' }))];

function group(memberCount: number, inside: number): Case {
  return single((slot) => {
    const people = [...slot.r.some(colleagues, inside), ...crowd(memberCount - inside)];
    const [from, ...to] = mentions(people, slot.r);
    const who = { from: from!, to, language: 'zh' as const };
    return chat(slot, who, { group: groupOf(slot.r), tags: [`group${memberCount}`] });
  });
}

const attached = (tag: string, files: (slot: Slot) => File[]) => odd(tag, (slot) => ({ files: files(slot) }));

const files: Case[] = [
  ...fileNames.map((name) => attached('fileName', (slot) => [fileOf(name, contentRandom(slot))])),
  attached('sameName', (slot) => {
    const r = contentRandom(slot);
    return [fileOf('报价.csv', r), fileOf('报价.csv', r), fileOf('报价.CSV', r)];
  }),
  attached('pathName', (slot) => [fileOf('/storage/emulated/0/WhatsApp/offer.pdf', contentRandom(slot))]),
  attached('pathName', (slot) => [fileOf('..\\..\\offer.txt', contentRandom(slot))]),
  attached('longName', (slot) => [fileOf(`${'very long '.repeat(40)}.txt`, contentRandom(slot))]),
  attached('noName', (slot) => [fileOf('', contentRandom(slot))]),
  attached('zeroBytes', () => [{ name: 'empty.txt', contentType: 'text/plain', content: Buffer.alloc(0) }]),
  attached('picture', (slot) => [
    { name: 'hamn.png', contentType: 'image/png', content: png(contentRandom(slot)) },
    { name: '부산.jpg', contentType: 'image/jpeg', content: jpeg(contentRandom(slot)) },
  ]),
  attached('voice', (slot) => [{ name: '语音.amr', contentType: 'audio/amr', content: amr(slot.label, 3) }]),
  attached('voice', (slot) => [
    { name: 'voice.mp3', contentType: 'audio/mpeg', content: mp3(slot.label, 12) },
  ]),
];

/** A message with files of these lengths, and with a text if one is given. */
function large(
  tag: string,
  lengths: number[],
  options: { fate?: Fate; text?: string; with?: Person } = {},
): Case {
  return single((slot) => {
    const who = parties(slot.r, 1, 'en');
    if (options.with) who.to.push(mention(options.with, slot.r));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const draft = () => ({
      text: options.text ?? '',
      files: lengths.map((length, index) => ({
        name: `video ${index + 1}.mp4`,
        contentType: 'video/mp4',
        content: randomBytes(`${slot.label}/${index}`, length),
      })),
    });
    const fate = options.fate ?? 'delivered';
    const bytes = Math.ceil(total * 1.334) + 2000;
    return whatsappItem(slot, messageId(slot), who, draft, { fate, tags: [tag], bytes });
  });
}

/** A later action on a message repeats its text, but not its files. */
function messageAction(
  slot: Slot,
  prefix: string,
  label: string,
  original: SampleItem,
  who: Parties,
  text: string,
  tag: string,
) {
  const subject = `${label} ${subjectOf('message', who)}`;
  return whatsappItem(slot, `${prefix}-${original.id}`, who, () => ({ text, subject }), { tags: [tag] });
}

const deletions: Case[] = (['READ', 'UNREAD', 'UNKNOWN'] as const).flatMap((state) =>
  (['Me', 'All'] as const).map((scope) => ({
    size: 2,
    make: ([first, second]: Slot[]) => {
      const who = parties(first!.r, 1);
      const text = chatText(contentRandom(first!), who.language);
      const withFile = state === 'UNREAD';
      const sent = whatsappItem(first!, messageId(first!), who, () => ({
        text,
        files: withFile ? [fileOf(fileNames[0], contentRandom(first!))] : [],
      }));
      const prefix = `DELETE_FOR_${scope.toUpperCase()}`;
      return [
        sent,
        messageAction(second!, prefix, `DELETED For ${scope} ${state}`, sent, who, text, 'deletion'),
      ];
    },
  })),
);

/** Two edits of one message have the same id and different contents. */
const edits: Case = {
  size: 3,
  make: ([first, ...later]) => {
    const who = parties(first!.r, 1, 'en');
    const versions = ['We ship on Friday.', 'We ship on Thursday.', 'We ship on Thursday, 10:00.'];
    const sent = whatsappItem(first!, messageId(first!), who, () => ({ text: versions[0]! }), {
      tags: ['edited'],
    });
    const changes = later.map((slot, index) => {
      const text = [
        `Original Message (Msg ID - ${sent.id})`,
        `Edit ID - ${slot.sentAtMs}_${index + 1}`,
        `Previous Text: ${versions[index]}`,
        `Edited Text: ${versions[index + 1]}`,
      ].join('\n');
      return messageAction(slot, 'EDIT', index === 0 ? 'EDIT READ' : 'EDIT UNREAD', sent, who, text, 'edit');
    });
    return [sent, ...changes];
  },
};

/** Device events of the archived phones: they are in the same feed, but are not communications. */
const deviceEvents = [
  'Install',
  'Uninstall',
  'SIM change',
  'Low storage',
  'Missing permissions',
  'Update',
  'Restart',
  'Offline',
].map((what) =>
  single((slot) => {
    const owner = mention(slot.r.pick(colleagues), slot.r);
    const who: Parties = { from: owner, to: [], language: 'en' };
    const subject = `Device event: ${what}`;
    const draft = () => ({ context: 'event', subject, text: `${what} on the device of ${digits(owner)}` });
    return whatsappItem(slot, messageId(slot), who, draft, { fate: 'event', tags: ['event'] });
  }),
);

/** Different ids of digits that are the same floating-point number. */
const hugeIds = ['0', '1'].map((end) =>
  single((slot) => {
    const who = parties(slot.r, 1, 'ko');
    return whatsappItem(slot, `90071992547409930${slot.sentAtMs}${end}`, who, () => ({ text: '네' }), {
      tags: ['hugeId'],
    });
  }),
);

const twins: Case = {
  size: 2,
  make: ([first, second]) => {
    const who = parties(first!.r, 1, 'sv');
    const time = isoSeconds(first!.sentAtMs);
    return [first!, second!].map((slot) =>
      whatsappItem(slot, messageId(slot), who, () => ({ text: 'Ja.', time }), { tags: ['twin'] }),
    );
  },
};

const mapping: Case[] = unusualParties.map(([tag, make]) =>
  single((slot) => {
    const [from, ...to] = make(slot.r);
    return chat(slot, { from: from!, to, language: 'en' }, { tags: [tag] });
  }),
);

export const whatsappCases: Case[] = [
  ...languages,
  ...texts,
  ...empty,
  ...absurdDates,
  ...oldDates,
  group(3, 2),
  group(300, 12),
  ...files,
  large('mb2_7', [Math.round(2.7 * megabyte)], { text: 'The video', with: nearlyFull }),
  large('mb5', [5 * megabyte]),
  large('mb10', [10 * megabyte]),
  large('mb10AndOne', [10 * megabyte + 1, 20_000], { text: 'Two videos', fate: 'partial' }),
  large('mb12OfSmall', Array<number>(6).fill(2 * megabyte), { text: 'All of them', fate: 'tooLarge' }),
  ...(['voice-call', 'video-call', 'call-log'] as const).flatMap((context) =>
    callStatuses.map((status) => single((slot) => call(slot, context, status, ['call']))),
  ),
  ...deletions,
  edits,
  ...deviceEvents,
  ...hugeIds,
  twins,
  ...mapping,
];
