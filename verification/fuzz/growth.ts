import { readChat } from '../../shared/chat/read-chat';
import { connectors } from '../../shared/connectors';
import { readDate } from '../../shared/email/dates';
import type { Email } from '../../shared/email/email';
import { containedHtml } from '../../shared/email/foreign-html';
import { mailboxItem } from '../../shared/email/mailbox-item';
import { oneLine } from '../../shared/email/safe-text';
import { attachmentName } from '../../shared/email/attachment-name';
import { actionInText } from '../../shared/email/message-action';
import { readSourceSubject } from '../../shared/email/source-subject';
import { decodeBytes } from '../../shared/mail/charset';
import { readAddresses } from '../../shared/mail/addresses';
import { enrichedText, unflowed } from '../../shared/mail/body-text';
import { decodeWords } from '../../shared/mail/encoded-words';
import { readStructured } from '../../shared/mail/parameters';
import { readMail } from '../../shared/mail/read-mail';
import { parseMapping } from '../../shared/mapping/reader';
import { cleanAddress } from '../../shared/participants/address';
import { namedIn, participants } from '../../shared/participants/participants';
import { numberIn, readParties } from '../../shared/participants/party-list';
import { createNumbers } from '../../shared/participants/phone';
import { readLine } from '../../shared/reading/read-line';
import { idAtStart } from '../../shared/reading/source-id';
import { sourceMessage } from '../../shared/telemessage/message';

/**
 * How the time of each reader of foreign text grows with the text. A reader whose time is not in proportion lets one item
 * hold up all others. A new reader needs a line here for each shape that could cost it more than the shape before.
 */
interface Reader {
  name: string;
  /** The shape; repeated, or made to a number of pieces. */
  shapes: Record<string, string | ((pieces: number) => string)>;
  read: (text: string) => unknown;
  /** Pieces of the longer text. */
  pieces: number;
}

const now = '2024-05-31T04:00:05.000Z';
const numbers = createNumbers();
const context = {
  messageId: '1',
  receivedAt: now,
  connector: connectors.wechat,
  sourceType: 'WECHAT',
  numbers,
};
const minimal = { messageId: '1', gatewayReceivedDate: now, sourceType: 'X' };
const parsed = (more: object) => sourceMessage.parse({ ...minimal, ...more });
const named = (more: object) => namedIn(parsed(more), numbers);
const people = (count: number) => Array.from({ length: count }, (_, at) => String(447700000000 + at));
const mail = (text: string) => readMail(Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1'), context);
const pieces = (text: string) => Array.from(text.split(','));

const quarrelsome = {
  'open parentheses': '(',
  'closing parentheses': ')',
  'open brackets': '<',
  quotes: '"',
  'backslashes and quotes': '\\"',
  semicolons: ';',
  commas: ',',
  blanks: ' ',
  'lines of blanks': ' \n',
  digits: '1',
  'digits and blanks': '1 ',
  'plus signs': '+',
  'at signs': '@',
  'equals signs': '=',
  'open encoded words': '=?a?q?',
  'encoded words': '=?utf-8?q?a?= ',
  'percent signs': '%20',
  letters: 'a',
  'letters and dots': 'a.',
  'brackets with addresses': '<a@b.c>',
};

const groupOf = (count: number): object => ({
  to: people(count),
  toEnriched: people(count).map((value) => ({ value, fullName: { firstName: value } })),
  usersEmailAddress: people(count).map((mobileNumber) => ({
    mobileNumber,
    emailAddress: `u${mobileNumber}@a.com`,
  })),
  groupMessage: true,
});

export const readers: Reader[] = [
  { name: 'numberIn', shapes: quarrelsome, pieces: 60_000, read: numberIn },
  { name: 'numbers', shapes: quarrelsome, pieces: 60_000, read: numbers },
  { name: 'oneLine', shapes: quarrelsome, pieces: 200_000, read: oneLine },
  { name: 'cleanAddress', shapes: quarrelsome, pieces: 60_000, read: cleanAddress },
  {
    name: 'readParties',
    shapes: { ...quarrelsome, 'blanks in a name': (n) => `"${' ,'.repeat(n)}x" <a@b.c>`, phrases: 'a b, ' },
    pieces: 20_000,
    read: (text) => readParties(text),
  },
  {
    name: 'attachmentName',
    shapes: quarrelsome,
    pieces: 60_000,
    read: (text) => attachmentName(text, 'a/b', new Map()),
  },
  { name: 'readSourceSubject', shapes: quarrelsome, pieces: 60_000, read: readSourceSubject },
  { name: 'actionInText', shapes: quarrelsome, pieces: 60_000, read: actionInText },
  {
    name: 'unflowed',
    shapes: { ...quarrelsome, 'open lines': 'a \n', quotations: '> a \n' },
    pieces: 60_000,
    read: (text) => unflowed(text, true),
  },
  {
    name: 'decodeBytes, damaged',
    shapes: { halves: '\xed\xa0\xbd', cut: '\xe4\xbd', sound: '\xe4\xbd\xa0\xe4', escapes: '\x1b$B$"\x1b(B' },
    pieces: 60_000,
    read: (text) =>
      [undefined, 'utf-8', 'iso-8859-1', 'gbk', 'iso-2022-jp'].map((label) =>
        decodeBytes(Buffer.from(text, 'latin1'), label),
      ),
  },
  {
    name: 'readAddresses',
    shapes: { ...quarrelsome, 'nested words': '=?a?q?x' },
    pieces: 40_000,
    read: (text) => readAddresses(text),
  },
  {
    name: 'readStructured',
    shapes: quarrelsome,
    pieces: 40_000,
    read: (text) => readStructured(`text/plain; charset=${text}`),
  },
  {
    name: 'readStructured, value',
    shapes: quarrelsome,
    pieces: 40_000,
    read: (text) => readStructured(text),
  },
  {
    name: 'readStructured, sections',
    shapes: { sections: (n) => Array.from({ length: n }, (_, at) => `a*${at}=x;`).join('') },
    pieces: 20_000,
    read: (text) => readStructured(`a/b; ${text}`),
  },
  { name: 'decodeWords', shapes: quarrelsome, pieces: 60_000, read: (text) => decodeWords(text) },
  { name: 'readDate', shapes: quarrelsome, pieces: 60_000, read: (text) => readDate(text, now) },
  {
    name: 'enrichedText',
    shapes: {
      ...quarrelsome,
      params: '<param>',
      'open tags': '<<',
      nofill: '<nofill>',
      'params closed': '<param></param>',
      comments: '<comment>',
    },
    pieces: 30_000,
    read: (text) => [enrichedText(text, 'text/enriched'), enrichedText(text, 'text/richtext')],
  },
  {
    name: 'containedHtml',
    shapes: {
      ...quarrelsome,
      paragraphs: '<p>x',
      bold: '<b>x',
      'tables in tables': '<table>',
      'closed divs': '<div></div>',
      attributes: (n) => `<p ${'a=b '.repeat(n)}>`,
      styles: (n) => `<p style="${'color:red;'.repeat(n)}">`,
      comments: '<!--',
      entities: '&amp',
      'ends without starts': '</p>',
    },
    pieces: 20_000,
    read: containedHtml,
  },
  {
    name: 'readMail',
    pieces: 20_000,
    shapes: {
      'open brackets in To': (n) => `To: ${',<'.repeat(n)}\n\nx`,
      'open comments in To': (n) => `To: ${'('.repeat(n)}\n\nx`,
      'open words in the subject': (n) => `Subject: ${'=?a?q?'.repeat(n)}\n\nx`,
      'quotes in a parameter': (n) => `Content-Type: text/plain; x=${'" '.repeat(n)}\n\nx`,
      'parentheses in a parameter': (n) => `Content-Type: text/plain${'('.repeat(n)}; x\n\nx`,
      'open HTML elements': (n) => `Content-Type: text/html\n\n${'<style><!--<p'.repeat(n)}`,
      'lines like a delimiter': (n) =>
        `Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${'--\n'.repeat(n)}`,
      'padded base64': (n) => `Content-Transfer-Encoding: base64\n\n${'QQ=='.repeat(n)}`,
      'open comments in the date': (n) => `Date: ${'('.repeat(n)}\n\nx`,
      'open ids in References': (n) => `References: ${'<a@'.repeat(n)}\n\nx`,
      headers: (n) => `${'X: y\n'.repeat(n)}\nx`,
      'folded header': (n) => `X: y\n${' z\n'.repeat(n)}\nx`,
      recipients: (n) => `To: ${Array.from({ length: n }, (_, at) => `A <a${at}@b.c>`).join(',')}\n\nx`,
    },
    read: (text) => mail(`From: a@x.com\n${text}`),
  },
  {
    name: 'readMail, multiparts',
    pieces: 2_000,
    shapes: {
      'without a boundary': (n) =>
        `Content-Type: multipart/mixed; boundary=b\n${'\n--b\nContent-Type: multipart/mixed\n\nx'.repeat(n)}`,
      parts: (n) =>
        `Content-Type: multipart/mixed; boundary=b\n${'\n--b\nContent-Disposition: attachment; filename=a\n\nx'.repeat(n)}`,
    },
    read: mail,
  },
  {
    name: 'lists of users',
    shapes: quarrelsome,
    pieces: 60_000,
    read: (text) => parsed({ usersEmailAddress: text, to: [text] }),
  },
  {
    name: 'readChat',
    shapes: { members: (n) => people(n).join(',') },
    pieces: 8_000,
    read: (text) => readChat(named(groupOf(pieces(text).length)), connectors.whatsapp),
  },
  {
    name: 'readChat, one field',
    shapes: quarrelsome,
    pieces: 60_000,
    read: (text) =>
      readChat(
        named({
          from: text,
          to: [text],
          textContent: text,
          subject: text,
          dialogGroupName: text,
          messageContext: text,
          callInfo: { callStatus: text, recipientNum: text },
          attachment: [{ name: text, contentType: text, content: '' }],
        }),
        connectors.whatsapp,
      ),
  },
  {
    name: 'participants',
    shapes: { members: (n) => people(n).join(',') },
    pieces: 8_000,
    read: (text) => participants(named(groupOf(pieces(text).length)).users, emailTo(pieces(text))),
  },
  {
    name: 'participants of one key',
    shapes: { members: (n) => people(n).join(',') },
    pieces: 8_000,
    read: (text) =>
      participants(
        named({
          usersEmailAddress: pieces(text).map((number) => ({ emailAddress: 'a@b.c', mobileNumber: number })),
        }).users,
        emailTo([]),
      ),
  },
  {
    name: 'mailboxItem',
    shapes: { members: (n) => people(n).join(',') },
    pieces: 8_000,
    read: (text) => itemOf(emailTo(pieces(text)), pieces(text).length),
  },
  {
    name: 'mailboxItem, text',
    shapes: quarrelsome,
    pieces: 60_000,
    read: (text) =>
      itemOf(
        {
          ...emailTo([]),
          subject: text,
          facts: { network: text, source: text, kind: text, status: text, notSupplied: [text] },
          body: { type: 'text', content: text },
        },
        0,
      ),
  },
  {
    name: 'idAtStart',
    shapes: { ...quarrelsome, fields: '{"a":1,', 'open text': '{"' },
    pieces: 60_000,
    read: (text) => idAtStart(Buffer.from(text)),
  },
  {
    name: 'readLine',
    shapes: {
      brackets: '[',
      escapes: '{"a":"\\\\',
      mime: (n) => JSON.stringify({ ...minimal, mime: ' '.repeat(n) + 'eA==' }),
    },
    pieces: 60_000,
    read: (text) => quietly(() => readLine(Buffer.from(text), 'wechat', numbers)),
  },
  {
    name: 'parseMapping',
    shapes: {
      ...quarrelsome,
      rows: (n) =>
        people(n)
          .map((number) => `\n+${number},a@b.c`)
          .join(''),
    },
    pieces: 8_000,
    read: (text) => parseMapping(Buffer.from(`Mobile number,Email address${text}`), { maxRows: 100_000 }),
  },
];

function emailTo(to: string[]): Email {
  return {
    subject: '',
    to: to.map((number) => ({ name: `N ${number}`, number, address: `u${number}@a.com` })),
    cc: [],
    bcc: [],
    sentAsWritten: '',
    body: { type: 'text', content: '' },
    facts: { network: 'WeChat', source: 'WECHAT' },
    attachments: [],
    conversation: { key: '', topic: '' },
    references: [],
  };
}

function itemOf(email: Email, users: number) {
  const provenance = {
    connector: 'wechat',
    batch: 1,
    position: 0,
    sourceId: '1',
    sha256: '',
    receivedAt: now,
  } as const;
  const options = { itemClass: 'IPM.ExternalData.WeChat', itemKey: '', users: named(groupOf(users)).users };
  return mailboxItem(email, [], provenance, connectors.wechat, options);
}

function quietly(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

const parts = 16;
/** About 1 if the time is in proportion to the length, about 16 if it is quadratic. */
export const mostGrowth = 5;

/**
 * How much more CPU time one text of so many pieces takes than 16 texts of a sixteenth of it. Unlike a limit in seconds,
 * the ratio does not depend on the machine or its load; the fastest of several runs keeps pauses out.
 */
export function growthOf(
  { read, pieces }: Pick<Reader, 'read' | 'pieces'>,
  shape: Reader['shapes'][string],
): number {
  const make = (count: number) => (typeof shape === 'string' ? shape.repeat(count) : shape(count));
  const whole = make(pieces);
  const part = make(Math.ceil(pieces / parts));
  const readParts = () => {
    for (let at = 0; at < parts; at++) read(part);
  };
  let [wholeTime, partsTime] = [Infinity, Infinity];
  for (let run = 0; run < 3; run++) {
    wholeTime = Math.min(
      wholeTime,
      cpuTime(() => read(whole)),
    );
    partsTime = Math.min(partsTime, cpuTime(readParts));
  }
  // Below some milliseconds, the clock decides.
  return wholeTime / Math.max(partsTime, 3_000);
}

function cpuTime(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** The readers and shapes whose time grows faster than the text. */
export function findGrowth(): { name: string; growth: number }[] {
  return readers.flatMap((reader) =>
    Object.entries(reader.shapes).flatMap(([shape, made]) => {
      const growth = growthOf(reader, made);
      return growth > mostGrowth ? [{ name: `${reader.name}, ${shape}`, growth }] : [];
    }),
  );
}
