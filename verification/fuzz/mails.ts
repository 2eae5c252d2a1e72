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
import { baitText, cast, usersOf, type Known } from './chats';
import type { FuzzPerson } from './people';

/** Generated WeChat lines: mails in which a stranger's address stands everywhere but where participants stand. */

/** `own` as an address header writes a party; nothing of `bait` may be taken for a party. */
const partyForms: ((own: FuzzPerson, bait: FuzzPerson) => string)[] = [
  ({ upn }) => upn,
  ({ upn }) => `<${upn}>`,
  ({ upn, number }) => `Anna Berg ${number} <${upn}>`,
  ({ upn, number }) => `Anna Berg +${number} <${upn}>`,
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

/** A party without any address of the tenant: the bait in its name must stay a name. */
const emptyForms: ((bait: FuzzPerson) => string)[] = [
  ({ upn }) => `"${upn}" <wxid_1@wechat.invalid>`,
  ({ upn }) => `(${upn})`,
  ({ upn }) => `"${upn}"`,
  ({ upn }) => `${encodedWords(`<${upn}> ä`)} <x@outside.example>`,
  ({ number }) => `wxid_${number} <x@outside.example>`,
  () => 'undisclosed-recipients:;',
  () => '',
];

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
      // A line break in a header would begin a header of the mail's own.
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
  if (r.chance(0.2)) part.headers[0] = ['Content-Type', `text/plain; charset=${r.pick(charsets)}`];
  return part;
}

export function knownMail(r: Random): Known {
  const { parties, baits } = cast(r);
  const bait = () => r.pick(baits);
  const structural = new Set<string>();
  const certain = new Set<string>();
  const inUsers = parties.filter(() => r.chance(0.4));
  for (const { userId } of inUsers) certain.add(userId);
  const lists: Record<'From' | 'To' | 'Cc', string[]> = { From: [], To: [], Cc: [] };
  for (const party of parties) {
    const place = r.pick(['From', 'To', 'Cc', 'To'] as const);
    // A second author is no participant of the model, which holds one sender.
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
