import { messageId, single, type Case, type Fate, type Slot } from './item';
import { filePart, mailPart, message, multipart, textPart, type Part } from './mail';
import { mail, subjectTo, wechatItem } from './wechat';
import { everybody, parties, type Parties } from './parties';

/** Mails with the mistakes of real senders, and with parts that a reader easily drops. */

/** An item whose mail is what `make` returns. The line names the parties. */
function raw(
  tag: string,
  make: (slot: Slot, who: Parties, id: string) => Buffer | string,
  fate?: Fate,
): Case {
  return single((slot) => {
    const who = parties(slot.r, 1, 'en');
    const id = messageId(slot);
    const mime = () => Buffer.from(make(slot, who, id));
    return wechatItem(id, everybody(who), mime, { tags: [tag], ...(fate ? { fate } : {}) });
  });
}

const withPart = (tag: string, part: () => Part, fate?: Fate) =>
  raw(
    tag,
    (slot, who, id) => mail(slot, id, { ...who, subject: subjectTo('message', who.from, who.to) }, part()),
    fate,
  );

const withHeader = (part: Part, name: string, value: string): Part => ({
  ...part,
  headers: part.headers.map(([key, old]) => [key, key === name ? value : old]),
});

function nested(levels: number): Part {
  let part: Part = textPart('At the bottom.', { encoding: '7bit' });
  for (let level = levels; level > 0; level--) part = multipart('mixed', `level-${level}`, [part]);
  return part;
}

const forwarded = (id: string) =>
  message(
    [
      ['From', 'Carrier <ops@carrier.example>'],
      ['To', 'desk@nordlink.example'],
      ['Subject', 'Arrival notice'],
      ['Date', 'Fri, 20 Nov 2026 04:10:00 +0000'],
      ['Message-ID', `<inner-${id}@carrier.example>`],
    ],
    textPart('ETA 3 December.'),
  );

const bare = (contentType: string, body: string): Part => ({
  headers: [['Content-Type', contentType]],
  body: Buffer.from(body),
});

const parts: Case[] = [
  withPart('nestedMail', () =>
    multipart('mixed', 'outer', [textPart('Forwarded.'), mailPart(forwarded('1'))]),
  ),
  withPart('nestedMail', () => mailPart(forwarded('2'))),
  withPart('deliveryReport', () =>
    multipart('report; report-type=delivery-status', 'report', [
      textPart('The message could not be delivered.'),
      bare(
        'message/delivery-status',
        'Reporting-MTA: dns; mx.example\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n',
      ),
      bare('text/rfc822-headers', 'Subject: offer\r\nFrom: a@customer.example\r\n'),
    ]),
  ),
  withPart('calendar', () =>
    multipart('alternative', 'meeting', [
      textPart('Meeting at three.'),
      bare(
        'text/calendar; charset=utf-8; method=REQUEST',
        'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@nordlink.example\r\n' +
          'DTSTAMP:20261120T080000Z\r\nDTSTART:20261120T150000Z\r\nSUMMARY:Möte\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
      ),
    ]),
  ),
  withPart('secondText', () =>
    multipart('mixed', 'texts', [textPart('First part.'), textPart('Second part.')]),
  ),
  withPart('blankFirstText', () => multipart('mixed', 'texts', [textPart(' \n'), textPart('The text.')])),
];

const mails: Case[] = [
  raw(
    'noSeparator',
    (_slot, { from }) => `From: ${from.email ?? ''}\r\nSubject: offer\r\nThe text follows at once.`,
  ),
  raw('headerless', () => 'Only a text, and nothing that looks like a header.\r\n\r\nSecond paragraph.\r\n'),
  raw('noFrom', () => message([['Subject', 'No sender']], textPart('Who wrote this?'))),
  raw('lineFeedsOnly', () => 'Subject: offer\nContent-Type: text/plain\n\nUnix line ends.\n'),
  withPart('openBoundary', () => multipart('mixed', 'open', [textPart('First.')], { closed: false })),
  withPart('reusedBoundary', () =>
    multipart('mixed', 'again', [multipart('mixed', 'again', [textPart('Twice.')])]),
  ),
  withPart('brokenBase64', () => ({ ...textPart('x'), body: Buffer.from('SGVsbG8s*IHdvcmxk!!\r\n=QQ') })),
  withPart('brokenBase64', () =>
    multipart('mixed', 'broken', [
      textPart('The file is damaged.'),
      {
        ...filePart({ name: 'a.bin', contentType: 'application/octet-stream', content: Buffer.from('abc') }),
        body: Buffer.from('AAEC AwQF\r\nBgc'),
      },
    ]),
  ),
  withPart('badCharset', () =>
    withHeader(
      textPart('Plain ASCII.', { encoding: '7bit' }),
      'Content-Type',
      'text/plain; charset=x-no-such',
    ),
  ),
  withPart('badCharset', () =>
    withHeader(textPart('Grüße', { encoding: '8bit' }), 'Content-Type', 'text/plain; charset="utf-8'),
  ),
  withPart('badEncoding', () =>
    withHeader(textPart('Plain.', { encoding: '7bit' }), 'Content-Transfer-Encoding', '7-bit ascii '),
  ),
  // Deeper than any client writes, and than parsers read.
  withPart('deepNesting', () => nested(300), 'unreadable'),
  // On these 54 bytes a widely used parser runs without end.
  raw('neverEnding', () => 'Content-Disposition:inline\nContent-Type:message/rfc822'),
];

export const malformedMails: Case[] = [...parts, ...mails];
