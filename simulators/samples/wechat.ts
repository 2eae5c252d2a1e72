import { canEncode, encodedWords } from './charsets';
import {
  callStatuses,
  contentRandom,
  messageId,
  single,
  type Case,
  type Fate,
  type SampleItem,
  type Slot,
} from './item';
import { filePart, mailDate, message, multipart, textPart, type Header, type Part } from './mail';
import { amr, fileOf, jpeg, png } from './media';
import type { Language } from './organisation';
import { everybody, parties, type Parties } from './parties';
import { usersEmailAddress, type Mention } from './people';
import type { Random } from './random';
import { chatText, fileNames, groupNames, plainText } from './texts';
import { wecomKinds } from './wecom';

/** WeChat and WeCom: the archived message carries an e-mail. */

/** The address of a party in a mail; the archiver makes one up where it knows a number alone. */
const addressOf = ({ person, email }: Mention) => email ?? `${person.number}@mobile.archiver.example`;

/** TeleMessage's default display format, `First Last Mobile <address>`. */
export function mailbox(one: Mention, charset = 'UTF-8'): string {
  const { givenName, familyName, nativeName } = one.person;
  const isNative = nativeName !== `${givenName} ${familyName}` && Number(one.person.number) % 2 === 0;
  const name = [isNative ? nativeName : `${givenName} ${familyName}`, one.number].filter(Boolean).join(' ');
  return `${encodedWords(name, fits(name, charset))} <${addressOf(one)}>`;
}

/** The character set if it can write the text, else UTF-8. */
const fits = (text: string, charset: string) => (canEncode(text, charset) ? charset : 'UTF-8');

export const numberOf = ({ number, email }: Mention) => number ?? email ?? 'UNKNOWN';

export function subjectTo(what: string, from: Mention, to: Mention[], group?: string): string {
  const target = group === undefined ? numberOf(to[0]!) : `chat group ${group}`;
  return `WeChat ${what} from ${numberOf(from)} to ${target}`;
}

export interface MailFields extends Parties {
  subject: string | Buffer;
  charset?: string;
  /** Replaces the date that follows from the slot; null leaves it out. */
  date?: string | null;
  headers?: Header[];
  /** Replaces the `From` that follows from the sender. */
  author?: string;
}

const zoneHours: Record<Language, number> = { zh: 8, zhHant: 8, ko: 9, ja: 9, sv: 1, fr: 1, en: 0 };

export function mail(slot: Slot, id: string, fields: MailFields, part: Part): Buffer {
  const {
    from,
    to,
    subject,
    charset = 'UTF-8',
    date = mailDate(slot.sentAtMs, zoneHours[fields.language]),
  } = fields;
  const headers: Header[] = [
    ['Message-ID', `<${id.replaceAll(/[^\w.-]/g, '.')}@wechat.archiver.example>`],
    ...(date === null ? [] : [['Date', date] satisfies Header]),
    ['From', fields.author ?? mailbox(from, charset)],
    ['To', to.map((one) => mailbox(one, charset)).join(',\r\n ')],
    ['Subject', typeof subject === 'string' ? encodedWords(subject, fits(subject, charset)) : subject],
    ...(fields.headers ?? []),
  ];
  return message(headers, part);
}

/** The archived line around a mail. */
export function wechatItem(
  id: string,
  who: Mention[],
  mime: () => Buffer,
  options: { sourceType?: string; fate?: Fate; tags?: string[]; bytes?: number; fields?: object } = {},
): SampleItem {
  const { sourceType = 'WECHAT', fate = 'delivered', tags = [], bytes = 3000 } = options;
  return {
    id,
    mentions: who,
    fate,
    tags,
    bytes,
    line: (gatewayReceivedDate) =>
      Buffer.from(
        JSON.stringify({
          messageId: id,
          gatewayReceivedDate,
          sourceType,
          usersEmailAddress: usersEmailAddress(who),
          ...options.fields,
          mime: mime().toString('base64'),
        }),
      ),
  };
}

const legacyCharsets: Partial<Record<Language, string>> = {
  zh: 'GB18030',
  zhHant: 'Big5',
  ko: 'EUC-KR',
  ja: 'ISO-2022-JP',
  sv: 'ISO-8859-1',
};

/** A chat message as text, in UTF-8 or in what the sender's country used before it. */
export function chat(
  slot: Slot,
  who: Parties,
  options: { group?: string; legacy?: boolean; tags?: string[] } = {},
) {
  const id = messageId(slot);
  return wechatItem(
    id,
    everybody(who),
    () => {
      const r = contentRandom(slot);
      const charset = (options.legacy ?? r.chance(0.3)) ? (legacyCharsets[who.language] ?? 'UTF-8') : 'UTF-8';
      const subject = subjectTo('message', who.from, who.to, options.group);
      const text = charset === 'UTF-8' ? chatText(r, who.language) : plainText(r, who.language);
      const encoding =
        charset === 'ISO-2022-JP' ? '7bit' : r.pick(['base64', '8bit', 'quoted-printable'] as const);
      return mail(slot, id, { ...who, subject, charset }, textPart(text, { charset, encoding }));
    },
    options.tags ? { tags: options.tags } : {},
  );
}

const groupChat = (slot: Slot) => chat(slot, parties(slot.r, 2), { group: slot.r.pick(groupNames) });

function picture(slot: Slot): SampleItem {
  const who = parties(slot.r, 1);
  const id = messageId(slot);
  return wechatItem(id, everybody(who), () => {
    const r = contentRandom(slot);
    const contentId = `image1.${r.int(1e9)}@wechat.archiver.example`;
    const html = `<html><body><p>${r.pick(['[图片]', '[Picture]', '[사진]'])}</p><img src="cid:${contentId}"></body></html>`;
    const isPng = r.chance(0.5);
    const file = isPng
      ? { name: '图片.png', contentType: 'image/png', content: png(r) }
      : { name: 'mmexport1.jpg', contentType: 'image/jpeg', content: jpeg(r) };
    const parts = [textPart(html, { subtype: 'html' }), filePart({ ...file, contentId })];
    const subject = subjectTo('picture message', who.from, who.to);
    return mail(slot, id, { ...who, subject }, multipart('related', `rel-${id}`, parts));
  });
}

function withFile(
  slot: Slot,
  what: string,
  make: (r: Random) => { name: string; contentType: string; content: Buffer },
) {
  const who = parties(slot.r, 1);
  const id = messageId(slot);
  return wechatItem(id, everybody(who), () => {
    const r = contentRandom(slot);
    const file = { ...make(r), nameStyle: r.pick(['extended', 'encodedWord', 'raw'] as const) };
    const parts = [textPart(`[${what}] ${file.name}`), filePart(file)];
    const subject = subjectTo(`${what} message`, who.from, who.to);
    return mail(slot, id, { ...who, subject }, multipart('mixed', `mix-${id}`, parts));
  });
}

const file = (slot: Slot) => withFile(slot, 'file', (r) => fileOf(r.pick(fileNames), r));
const voice = (slot: Slot) =>
  withFile(slot, 'voice', (r) => ({
    name: 'voice.amr',
    contentType: 'audio/amr',
    content: amr(slot.label, 1 + r.int(4)),
  }));

export function call(slot: Slot, kind: 'voice' | 'video', status: (typeof callStatuses)[number]): SampleItem {
  const who = parties(slot.r, 1);
  const id = messageId(slot);
  return wechatItem(id, everybody(who), () => {
    const seconds = status === 'Answered' ? 5 + contentRandom(slot).int(3000) : 0;
    const what = status === 'Answered' ? `${kind} call` : `unanswered ${kind} call`;
    const duration = new Date(seconds * 1000).toISOString().slice(11, 19);
    const text = `Call type: ${kind}\nStatus: ${status}\nDuration: ${duration}`;
    return mail(slot, id, { ...who, subject: subjectTo(what, who.from, who.to) }, textPart(text));
  });
}

export function wecom(slot: Slot, kind: number): SampleItem {
  const who = parties(slot.r, 1 + slot.r.int(2), 'zh');
  const id = messageId(slot);
  const [name, describe] = wecomKinds[kind % wecomKinds.length]!;
  return wechatItem(
    id,
    everybody(who),
    () => {
      const subject = `WeCom ${name} message from ${numberOf(who.from)} to ${numberOf(who.to[0]!)}`;
      return mail(slot, id, { ...who, subject }, textPart(describe(contentRandom(slot))));
    },
    { sourceType: 'WECOM', tags: ['wecom'] },
  );
}

const weighted: [number, (slot: Slot) => SampleItem][] = [
  [64, (slot) => chat(slot, parties(slot.r, 1))],
  [14, groupChat],
  [8, (slot) => wecom(slot, slot.r.int(1000))],
  [5, picture],
  [4, file],
  [2, voice],
  [3, (slot) => call(slot, slot.r.pick(['voice', 'video']), slot.r.pick(callStatuses))],
];

/** An item as most are. */
export const ordinary: Case = single((slot) => {
  let rest = slot.r.int(100);
  return (weighted.find(([weight]) => (rest -= weight) < 0) ?? weighted[0]!)[1](slot);
});
