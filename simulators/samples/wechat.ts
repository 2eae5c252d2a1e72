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
import {
  canEncode,
  encodedWords,
  filePart,
  mailDate,
  message,
  multipart,
  textPart,
  type Header,
  type Part,
} from './mail';
import { amr, fileOf, jpeg, png } from './media';
import type { Language } from './organisation';
import { everybody, parties, type Parties } from './parties';
import { usersEmailAddress, type Mention } from './people';
import type { Random } from './random';
import { chatText, fileNames, groupNames, plainText } from './texts';

/** Archived messages of WeChat and WeCom, which contain an e-mail. */

/** The address of a party in a mail. The archiver invents one if it knows only a number. */
const addressOf = ({ person, email }: Mention) => email ?? `${person.number}@mobile.archiver.example`;

/** TeleMessage's default display format, `First Last Mobile <address>`. */
export function mailbox(one: Mention, charset = 'UTF-8'): string {
  const { givenName, familyName, nativeName } = one.person;
  const isNative = nativeName !== `${givenName} ${familyName}` && Number(one.person.number) % 2 === 0;
  const name = [isNative ? nativeName : `${givenName} ${familyName}`, one.number].filter(Boolean).join(' ');
  return `${encodedWords(name, charsetFor(name, charset))} <${addressOf(one)}>`;
}

/** The character set, or UTF-8 if the character set does not have all characters of the text. */
const charsetFor = (text: string, charset: string) => (canEncode(text, charset) ? charset : 'UTF-8');

export const numberOf = ({ number, email }: Mention) => number ?? email ?? 'UNKNOWN';

export function subjectTo(what: string, from: Mention, to: Mention[], group?: string): string {
  const target = group === undefined ? numberOf(to[0]!) : `chat group ${group}`;
  return `WeChat ${what} from ${numberOf(from)} to ${target}`;
}

export interface MailFields extends Parties {
  subject: string | Buffer;
  charset?: string;
  /** Replaces the date of the slot; null omits it. */
  date?: string | null;
  headers?: Header[];
  /** Replaces the sender in `From`. */
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
    ['Subject', typeof subject === 'string' ? encodedWords(subject, charsetFor(subject, charset)) : subject],
    ...(fields.headers ?? []),
  ];
  return message(headers, part);
}

/** The archived message that contains the mail. */
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

/** A chat message, in UTF-8 or in the character set that the sender's country used before. */
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

/** The kinds of message that WeCom archives, and the text by which the archiver describes each in its mail. */
export const wecomKinds: [kind: string, describe: (r: Random) => string][] = [
  ['text', (r) => chatText(r, 'zh')],
  ['image', () => '[图片] 文件大小 215 KB'],
  ['revoke', (r) => `[撤回] 原消息 ${r.int(1e9)}_1603876045_external`],
  ['agree', () => '[同意] 客户同意会话存档'],
  ['disagree', () => '[不同意] 客户不同意会话存档'],
  ['voice', (r) => `[语音] ${1 + r.int(59)} 秒`],
  ['video', (r) => `[视频] ${1 + r.int(59)} 秒`],
  ['card', () => '[名片] 北欧联运（上海）有限公司 王芳'],
  ['location', () => '[位置] 上海市虹桥路1号 (31.1945, 121.3265)，缩放 15'],
  ['emotion', () => '[表情] gif 290 × 290'],
  ['file', () => '[文件] 第四季度报价.xlsx，18 KB'],
  ['link', () => '[链接] 港口公告\nhttps://port.example/notice?id=20261120&lang=zh'],
  ['weapp', () => '[小程序] 物流查询 — 查看运单状态'],
  ['chatrecord', (r) => `[聊天记录] 群聊的聊天记录\n王芳: ${chatText(r, 'zh')}\n李娜: ${chatText(r, 'zh')}`],
  ['todo', () => '[待办] 周五前提交报销单'],
  ['vote', () => '[投票] 年会地点？\n1. 杭州\n2. 苏州\n3. 斯德哥尔摩'],
  ['collect', () => '[填表] 团建报名\n姓名：\n人数：'],
  ['redpacket', () => '[红包] 恭喜发财，大吉大利 🧧 ¥88.00'],
  ['external_redpacket', () => '[互通红包] 合作愉快 ¥20.00'],
  ['meeting', () => '[会议] 周会\n时间：15:00–16:00\n地点：三号会议室'],
  ['docmsg', () => '[在线文档] 交货计划\nhttps://doc.example/s/3xTq'],
  ['markdown', () => '**今日到港** 3 艘\n> 延误 1 艘\n[详情](https://port.example)'],
  ['news', () => '[图文] 集装箱运价指数本周上涨 2.3%'],
  ['calendar', () => '[日程] 客户来访\n开始：09:30\n参与人：张伟、陈静'],
  ['mixed', (r) => `[混合消息]\n${chatText(r, 'zh')}\n[图片]`],
  ['meeting_voice_call', (r) => `[音频存档] 通话 ${60 + r.int(900)} 秒`],
  ['voip_doc_share', () => '[音频共享文档] 采购合同.pdf'],
  ['sphfeed', () => '[视频号] 北欧联运：新航线开通'],
];

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

/** An ordinary item: a kind by its weight, out of 100. */
export const ordinary: Case = single((slot) => {
  let rest = slot.r.int(100);
  return (weighted.find(([weight]) => (rest -= weight) < 0) ?? weighted[0]!)[1](slot);
});
