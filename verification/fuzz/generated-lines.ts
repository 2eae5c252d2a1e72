import type { Random } from '../../simulators/samples/random';
import {
  encodedWords,
  filePart,
  mailPart,
  message,
  multipart,
  textPart,
  type Header,
  type Part,
} from '../../simulators/samples/mail';
import { encrypted } from '../../simulators/samples/encrypted';
import { odd, type Json } from './mutate';
import { people, type FuzzPerson } from './people';

/**
 * Generated lines whose participants are known. Each also names strangers, the baits, in every place that must not
 * make them participants: names, texts, file names and headers that name no party.
 */

export interface GeneratedLine {
  line: Buffer;
  /** Users whose mailboxes may get the item. */
  may: Set<string>;
  /** Users whose mailboxes must get the item if it is imported at all. */
  must: Set<string>;
}

/** Ways to write an address in a field that should hold only that address; `bait` must never become a participant. */
const addressForms: ((own: string, bait: string) => string)[] = [
  (own) => own,
  (own) => ` ${own.toUpperCase()} `,
  (own) => `mailto:${own}`,
  (own) => `Name <${own}>`,
  (own) => `\u200b${own}\u200b`,
  (own) => `'${own}'.`,
  (own) => `Ek, Anna <\u00a0${own} >`,
  (own) => `Anna Ek ${own}`,
  (own, bait) => `"${bait}" <${own}>`,
  (own, bait) => `${bait.replace('@', ' at ')} <${own}>`,
];

const numberForms: ((digits: string) => string)[] = [
  (digits) => digits,
  (digits) => `+${digits}`,
  (digits) => `00${digits}`,
  (digits) => `${digits}@s.whatsapp.net`,
  (digits) => `\u202a+${digits.slice(0, 3)}\u2011${digits.slice(3)}\u202c`,
  (digits) => `+${digits.replace(/\d/g, (digit) => String.fromCharCode(0x660 + Number(digit)))}`,
  (digits) => digits.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))),
  (digits) => `+${digits.slice(0, 2)} ${digits.slice(2, 5)}-${digits.slice(5)}`,
];

const baitTexts: ((bait: FuzzPerson) => string)[] = [
  ({ upn }) => `write to ${upn}`,
  ({ upn, number }) => `To: "x" <${upn}>\r\nCc: +${number} <${upn}>`,
  ({ number }) => `call +${number} now`,
  ({ upn }) => `"${upn}"@evil.example`,
  ({ upn }) => `<mailto:${upn}>`,
];

/** A text that tries to send the item to a stranger's mailbox. */
const baitText = (r: Random, baits: readonly FuzzPerson[]): string =>
  Array.from({ length: r.int(3) + 1 }, () => r.pick(baitTexts)(r.pick(baits))).join(
    r.pick(['\n', ' ', '; ']),
  );

function cast(r: Random): { parties: FuzzPerson[]; baits: FuzzPerson[] } {
  const all = r.some(people, 9);
  const count = r.int(4);
  return { parties: all.slice(0, count), baits: all.slice(5) };
}

function usersOf(r: Random, parties: readonly FuzzPerson[], baits: readonly FuzzPerson[]) {
  const bait = () => r.pick(baits).upn;
  return parties.map(({ addresses, number }) => {
    const withAddress = r.chance(0.7);
    return {
      ...(withAddress ? { emailAddress: r.pick(addressForms)(r.pick(addresses), bait()) } : {}),
      ...(!withAddress || r.chance(0.6) ? { mobileNumber: r.pick(numberForms)(number) } : {}),
      ...(r.chance(0.5)
        ? { firstName: r.chance(0.3) ? bait() : 'Anna', lastName: r.chance(0.3) ? `<${bait()}>` : 'Å' }
        : {}),
    };
  });
}

const contexts = ['app-message', 'multimedia-message', 'voice-call', 'video-call', 'call-log', 'unheard-of'];
const actions = ['', '', '', 'DELETE_FOR_ME-', 'DELETE_FOR_ALL-', 'EDIT-', 'RECALL-', 'DELETE_FOR_ALL-EDIT-'];

/** More people than a row, a body or a recipient list can hold. */
const strangers = Array.from({ length: 3000 }, (_, at) => ({
  emailAddress: `stranger-${at}@outside.example`,
  firstName: 'Ö'.repeat(200),
}));

export function generatedChat(r: Random): GeneratedLine {
  const { parties, baits } = cast(r);
  const text = () => baitText(r, baits);
  const users = usersOf(r, parties, baits);
  const inFields = parties.filter(() => r.chance(0.5));
  const [from, ...to] = inFields.map(({ number }) => number);
  const members = r.chance(0.02) ? Array.from({ length: 700 }, (_, at) => String(12015559000 + at)) : [];
  const attachment = Array.from({ length: r.chance(0.3) ? r.int(4) : 0 }, () => ({
    name: r.pick([text(), '../../etc/passwd', 'C:\\x\\y.docx', '', '.', '\u202egpj.exe', `${text()}.pdf`]),
    contentType: r.pick(['image/png', 'text/plain', '', 'x', 'text/html; charset="x"']),
    content: Buffer.from(r.chance(0.02) ? 'x'.repeat(1_100_000) : text()).toString('base64'),
    attachSize: r.pick([1, -1, '99', 1e12]),
  }));
  const line = {
    messageId: `${r.pick(actions)}${1_700_000_000_000 + r.int(1e9)}_${r.int(1e9)}${r.chance(0.05) ? text() : ''}${r.chance(0.003) ? '9'.repeat(600_000) : ''}`,
    gatewayReceivedDate: '2026-11-20T08:00:05Z',
    sourceType: r.pick(['WHATSAPP_ARCHIVER', 'WHATSAPP_CLOUD_ARCHIVER']),
    usersEmailAddress: r.chance(0.003) ? [...users, ...strangers] : users,
    messageContext: r.pick(contexts),
    messageTime: r.pick([
      '2026-11-20T08:00:00Z',
      '2026-02-30T00:00:00Z',
      '0',
      '1969-01-01T00:00:00Z',
      '',
      '3609-01-01T00:00:00Z',
    ]),
    direction: r.pick(['In', 'Out', 'Sideways']),
    from: from ?? 'UNKNOWN',
    to: to.length + members.length > 0 ? [...to, ...members] : ['UNKNOWN'],
    fromEnriched: { fullName: { firstName: text(), lastName: text() }, value: from ?? '' },
    toEnriched: to.map((value) => ({ fullName: { firstName: text() }, value })),
    groupMessage: r.chance(0.3),
    dialogGroupName: text(),
    dialogGroupId: r.chance(0.5) ? text() : '',
    subject: text(),
    textContent: r.chance(0.01) ? text().repeat(40_000) : text(),
    ...(attachment.length > 0 ? { attachment } : {}),
    ...(r.chance(0.2)
      ? { callInfo: { callID: text(), callStatus: r.pick(['Answered', text()]), startTime: text() } }
      : {}),
    ...(r.chance(0.1) ? { [r.pick(['to_', 'cc', 'email', 'x'])]: odd(r) } : {}),
  } satisfies { [key: string]: Json | undefined };
  const named = new Set(parties.map(({ userId }) => userId));
  return { line: Buffer.from(JSON.stringify(line)), may: named, must: named };
}

/** Ways to write a party in an address header; `bait` must never become a participant. */
const partyForms: ((own: FuzzPerson, bait: FuzzPerson) => string)[] = [
  ({ upn }) => upn,
  ({ upn }) => `<${upn}>`,
  ({ upn, number }) => `Anna Berg ${number} <${upn}>`,
  ({ upn, number }) => `Anna Berg +${number} <${upn}>`,
  ({ upn, number }) => `"Anna Berg ${number}" <${upn}>`,
  ({ upn, number }) => `Berg, Anna ${number} <${upn}>`,
  ({ upn, number }) => `${number} <${upn}>`,
  ({ upn }) => `Berg, Anna <${upn}>`,
  ({ upn }) => `[Anna Berg] ${upn}`,
  ({ upn }) => `"Anna" <'${upn}'>`,
  ({ upn }, bait) => `"${bait.upn}" <${upn}>`,
  ({ upn }, bait) => `"Berg, Anna <${bait.upn}>" <${upn}>`,
  ({ upn }, bait) => `Anna (${bait.upn}) <${upn}>`,
  ({ upn }, bait) => `${encodedWords(`Ä <${bait.upn}>, `)} <${upn}>`,
  ({ upn }, bait) => `${encodedWords(`Ä\r\nTo: ${bait.upn}`)} <${upn}>`,
  ({ upn }, bait) => `"\\"${bait.upn}\\" via" <${upn}>`,
  ({ upn }, bait) => `<@${bait.upn.split('@')[1]},@relay.example:${upn}>`,
  ({ upn }, bait) => `Group (${bait.upn}): ${upn};`,
  ({ upn }, bait) => `Anna =?utf-8?Q?=3C${bait.upn.replace('@', '=40')}=3E?= <${upn}>`,
];

/** A party without an address of the tenant; the bait in its name must stay a name. */
const emptyForms: ((bait: FuzzPerson) => string)[] = [
  ({ upn }) => `"${upn}" <wxid_1@wechat.invalid>`,
  ({ upn }) => `(${upn})`,
  ({ upn }) => `"${upn}"`,
  ({ upn }) => `${encodedWords(`<${upn}> ä`)} <x@outside.example>`,
  ({ number }) => `wxid_${number} <x@outside.example>`,
  () => 'undisclosed-recipients:;',
  () => '',
];

/** A chat or mail as TeleMessage encrypts it, in a third of the cases with a damaged leaf or somebody else's key. */
export function encryptedLine(
  connector: 'wechat' | 'whatsapp',
  r: Random,
): GeneratedLine & { connector: typeof connector } {
  const { line, may } = connector === 'wechat' ? generatedMail(r) : generatedChat(r);
  const item = {
    id: String(r.int(1e9)),
    mentions: [],
    fate: 'delivered' as const,
    tags: [],
    bytes: 0,
    line: () => line,
  };
  const sealed = encrypted(item, r.chance(0.1)).line('');
  return { connector, line: r.chance(0.3) ? damagedLeaf(sealed, r) : sealed, may, must: new Set() };
}

/** The line with one other character below the header of its mail, or in the text of its chat. */
function damagedLeaf(line: Buffer, r: Random): Buffer {
  const json = JSON.parse(line.toString()) as { mime?: string; textContent?: string };
  const damage = (text: string, from: number): string => {
    const at = from + r.int(Math.max(text.length - from, 1));
    if (!/[A-Za-z0-9]/.test(text.charAt(at))) return text;
    return `${text.slice(0, at)}${text.charAt(at) === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  };
  if (json.mime !== undefined) {
    const mail = Buffer.from(json.mime, 'base64').toString('latin1');
    json.mime = Buffer.from(damage(mail, mail.indexOf('\r\n\r\n') + 4), 'latin1').toString('base64');
  } else if (typeof json.textContent === 'string') json.textContent = damage(json.textContent, 0);
  return Buffer.from(JSON.stringify(json));
}

const charsets = ['UTF-8', 'gb18030', 'x-no-such', 'utf-7', 'iso-2022-jp'];

function bodyOf(r: Random, baits: readonly FuzzPerson[], depth = 0): Part {
  const text = () => baitText(r, baits);
  const kind = r.int(depth > 2 ? 2 : 6);
  if (kind === 0)
    return textPart(`<p>${text()}</p><script>${text()}</script><!-- ${text()}`, {
      subtype: 'html',
      encoding: 'base64',
    });
  if (kind === 3)
    return filePart({
      // A line break would end the header and begin one that names the bait as a party.
      name: r.pick([text().replace(/\s+/g, ' '), '..\\..\\x', '附件.docx', ' ']),
      contentType: r.pick(['application/pdf', 'text/plain', 'message/rfc822']),
      content: Buffer.from(text()),
      nameStyle: r.pick(['extended', 'encodedWord', 'raw', 'none']),
    });
  if (kind === 4)
    return mailPart(
      message(
        [
          ['From', r.pick(baits).upn],
          ['To', baits.map(({ upn }) => upn).join(', ')],
        ],
        textPart(text()),
      ),
    );
  if (kind === 5)
    return multipart(
      r.pick(['mixed', 'alternative', 'related', 'digest', 'report']),
      r.pick(['b', 'b b', `b${r.int(99)}`]),
      Array.from({ length: r.int(4) }, () => bodyOf(r, baits, depth + 1)),
      { closed: r.chance(0.8) },
    );
  const part = textPart(text(), { encoding: r.pick(['7bit', '8bit', 'quoted-printable', 'base64']) });
  // A text that was cut by bytes, in the middle of a character.
  if (r.chance(0.1)) {
    const cut = textPart(`报价 ${text()} 周五 😀`, { encoding: '8bit' });
    return { ...cut, body: cut.body.subarray(0, cut.body.length - 1 - r.int(3)) };
  }
  if (r.chance(0.2)) part.headers[0] = ['Content-Type', `text/plain; charset=${r.pick(charsets)}`];
  return part;
}

export function generatedMail(r: Random): GeneratedLine {
  const { parties, baits } = cast(r);
  const bait = () => r.pick(baits);
  const structural = new Set<string>();
  const certain = new Set<string>();
  const inUsers = parties.filter(() => r.chance(0.4));
  for (const { userId } of inUsers) certain.add(userId);
  const lists: Record<'From' | 'To' | 'Cc', string[]> = { From: [], To: [], Cc: [] };
  for (const party of parties) {
    const place = r.pick(['From', 'To', 'Cc', 'To'] as const);
    // The e-mail model holds one sender, so a second author does not become a participant.
    if (place === 'From' && lists.From.length > 0) continue;
    lists[place].push(r.pick(partyForms)(party, bait()));
    structural.add(party.userId);
  }
  for (const place of ['From', 'To', 'Cc'] as const)
    if (lists[place].length === 0 && r.chance(0.6)) lists[place].push(r.pick(emptyForms)(bait()));
  const headers: Header[] = [];
  for (const place of ['From', 'To', 'Cc'] as const)
    if (lists[place].length > 0) headers.push([place, lists[place].join(r.pick([', ', ',\r\n ']))]);
  headers.push(
    ['Subject', r.chance(0.5) ? encodedWords(baitText(r, baits)) : baitText(r, baits).replace(/\s+/g, ' ')],
    [
      'Date',
      r.pick([
        'Fri, 20 Nov 2026 04:10:00 +0000',
        '',
        'Fri, 32 Foo 3609',
        '0',
        'Thu, 1 Jan 1970 (x) 00:00:00',
      ]),
    ],
    ['Bcc', bait().upn],
    ['Reply-To', bait().upn],
    ['Resent-To', bait().upn],
    ['Delivered-To', bait().upn],
    ['X-Original-To', bait().upn],
    ['Return-Path', `<${bait().upn}>`],
    ['Message-ID', `<${bait().upn}>`],
    ['References', baits.map(({ upn }) => `<${upn}>`).join(' ')],
  );
  const mime = message(r.some(headers, headers.length), bodyOf(r, baits));
  const line = {
    messageId: `${r.pick(['', '', 'RECALL-', 'EDIT-'])}${1_700_000_000_000 + r.int(1e9)}_${r.int(1e9)}`,
    gatewayReceivedDate: '2026-11-20T08:00:05Z',
    sourceType: r.pick(['WECHAT', 'WECOM']),
    usersEmailAddress: usersOf(r, inUsers, baits),
    mime: mime.toString('base64'),
  };
  for (const userId of structural) certain.add(userId);
  return { line: Buffer.from(JSON.stringify(line)), may: certain, must: certain };
}
