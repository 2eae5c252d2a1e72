import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readChat } from '../shared/chat/read-chat';
import { connectors } from '../shared/connectors';
import { itemKey } from '../shared/email/item-key';
import { mailboxItem } from '../shared/email/mailbox-item';
import { namedIn } from '../shared/participants/participants';
import { createNumbers } from '../shared/participants/phone';
import { sourceMessage } from '../shared/telemessage/message';
import { archivedIn } from '../simulators/samples/day';

/**
 * `npm run picture` draws docs/archived-item.svg: a mailbox of the sample tenant as Outlook shows it. Everything about the
 * items comes from the code that imports; only Outlook's own furniture is drawn by hand.
 */

const connector = connectors.whatsapp;
const owner = 'Grace Okafor';
const day = { from: '2026-11-05T00:00:00.000Z', to: '2026-11-06T00:00:00.000Z' };
/** The item that is open: a message to a group, with an attachment. */
const openId = '1793844375000_1724415487';
const newerShown = 1;
const shownRows = 9;

interface Recipient {
  emailAddress: { name: string; address?: string };
}

/** What the picture shows of an item. */
interface ShownItem {
  id: string;
  subject: string;
  from: Recipient;
  to: Recipient[];
  receivedAt: string;
  body: string;
  files: { name: string; bytes: number }[];
}

const numbers = createNumbers();

/** The items of the day in the owner's folder, newest first, each as the import makes it. */
function itemsOfOwner(): ShownItem[] {
  const shown: ShownItem[] = [];
  let position = -1;
  for (const { item, arrivedAtMs } of archivedIn(connector.id, day)) {
    position++;
    const isTheirs = item.mentions.some(({ person }) => person.employee?.user.displayName === owner);
    if (!isTheirs || item.fate !== 'delivered' || item.tags.includes('encrypted') || item.bytes > 100_000)
      continue;
    const line = item.line(new Date(arrivedAtMs).toISOString());
    const message = sourceMessage.parse(JSON.parse(line.toString()));
    const source = namedIn(message, numbers);
    const email = readChat(source, connector);
    const { json, attachments } = mailboxItem(
      email,
      [],
      {
        connector: connector.id,
        batch: 1,
        position,
        sourceId: message.messageId,
        sha256: createHash('sha256').update(line).digest('hex'),
        receivedAt: message.gatewayReceivedDate,
      },
      connector,
      {
        itemClass: connector.itemClass,
        users: source.users,
        itemKey: itemKey(connector.id, message.messageId, email),
      },
    );
    shown.push({
      id: message.messageId,
      subject: json['subject'] as string,
      from: json['from'] as Recipient,
      to: json['toRecipients'] as Recipient[],
      receivedAt: message.gatewayReceivedDate,
      body: (json['body'] as { content: string }).content,
      files: attachments.map(({ name, content }) => ({ name, bytes: content.length })),
    });
  }
  return shown.reverse();
}

const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`).replace(/[^\P{Cc}\t\n]/gu, ' ');

/** About how wide a text is in an Outlook font, in pixels; a little too much, so that no line leaves its pane. */
function widthOf(text: string, size: number): number {
  let ems = 0;
  for (const character of text) {
    if (/[\u1100-\u11ff\u2e80-\uffef]|\p{Extended_Pictographic}/u.test(character)) ems += 1.05;
    else if (/[ iljtfrI.,:;'|!()[\]]/.test(character)) ems += 0.36;
    else if (/[mwMW@—%&]/.test(character)) ems += 0.95;
    else ems += /\p{Lu}/u.test(character) ? 0.7 : 0.59;
  }
  return ems * size * 1.03;
}

function clipped(text: string, size: number, width: number): string {
  let kept = '';
  for (const character of text) {
    if (widthOf(`${kept}${character}…`, size) > width) return `${kept.trimEnd()}…`;
    kept += character;
  }
  return kept;
}

/** Lines as a mail program breaks them: at spaces, and inside a word only where the word is too long for a line. */
function wrapped(text: string, size: number, width: number): string[] {
  return text.split(/\r?\n/).flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(/(?<= )/)) {
      if (line !== '' && widthOf(line + word.trimEnd(), size) > width) {
        lines.push(line);
        line = '';
      }
      line += word;
    }
    return [...lines, line];
  });
}

interface TextStyle {
  size?: number;
  weight?: number;
  fill?: string;
  anchor?: 'start' | 'middle' | 'end';
}
const text = (x: number, y: number, content: string, style: TextStyle = {}) => {
  const { size = 13, weight = 400, fill = ink, anchor = 'start' } = style;
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${fill}" text-anchor="${anchor}" xml:space="preserve">${escaped(content)}</text>`;
};
const box = (x: number, y: number, width: number, height: number, fill: string, rest = '') =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}" ${rest}/>`;

const ink = '#242424';
const grey = '#616161';
const faint = '#e0e0e0';
const blue = '#0f6cbd';
const [width, height] = [1280, 760];
const top = 48;
const folderPane = { x: 0, width: 216 };
const listPane = { x: 216, width: 372 };
const readingPane = { x: 588, width: width - 588 };
const rowHeight = 70;

const dateAndTime = (iso: string) =>
  `${['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][new Date(iso).getUTCDay()]} ${iso.slice(8, 10)}/${iso.slice(5, 7)}/${iso.slice(0, 4)} ${iso.slice(11, 16)}`;
const addressed = ({ emailAddress: { name, address } }: Recipient) =>
  address ? `${name} <${address}>` : name;
const initials = (name: string) =>
  name
    .split(' ')
    .filter((word) => /^\p{L}/u.test(word))
    .slice(0, 2)
    .map((word) => [...word][0])
    .join('');

function titleBar(): string {
  return [
    box(0, 0, width, top, blue),
    text(20, 30, 'Outlook', { size: 16, weight: 600, fill: '#ffffff' }),
    box(listPane.x, 9, listPane.width + 60, 30, '#ffffff', 'rx="4" opacity="0.92"'),
    text(listPane.x + 34, 29, 'Search', { fill: grey }),
    `<g stroke="${grey}" stroke-width="1.5" fill="none"><circle cx="${listPane.x + 17}" cy="23" r="5"/><path d="M${listPane.x + 21} 27l5 5"/></g>`,
    `<circle cx="${width - 32}" cy="24" r="15" fill="#ffffff"/>`,
    text(width - 32, 29, initials(owner), { weight: 600, fill: blue, anchor: 'middle' }),
  ].join('\n');
}

function folders(): string {
  const standard = ['Inbox', 'Drafts', 'Sent Items', 'Deleted Items', 'Archive', 'Junk Email'];
  const names = [...standard, connectors.wechat.folder, connector.folder];
  const icon = (y: number, fill: string) =>
    `<path d="M28 ${y - 10}h5l2 2h8v9h-15z" fill="none" stroke="${fill}" stroke-width="1.2" stroke-linejoin="round"/>`;
  return [
    box(folderPane.x, top, folderPane.width, height - top, '#f5f5f5'),
    text(20, top + 34, owner, { weight: 600 }),
    ...names.map((name, index) => {
      const y = top + 70 + index * 34;
      const isOpen = name === connector.folder;
      return [
        isOpen ? box(8, y - 21, folderPane.width - 16, 32, '#cfe4fa', 'rx="4"') : '',
        icon(y, isOpen ? blue : grey),
        text(52, y, name, isOpen ? { weight: 600, fill: '#0c3b5e' } : {}),
      ].join('');
    }),
  ].join('\n');
}

function list(rows: ShownItem[], total: number): string {
  const { x } = listPane;
  const inner = listPane.width - 34;
  return [
    box(x, top, listPane.width, height - top, '#ffffff'),
    text(x + 18, top + 32, connector.folder, { size: 17, weight: 600 }),
    text(x + listPane.width - 16, top + 32, 'By date ↓', { size: 12, fill: grey, anchor: 'end' }),
    box(x, top + 48, listPane.width, 1, faint),
    ...rows.map(({ id, from, receivedAt, subject, body, files }, index) => {
      const y = top + 49 + index * rowHeight;
      const isOpen = id === openId;
      const preview = body.split('\n').find((line) => line.trim() !== '') ?? '';
      const time = receivedAt.slice(11, 16);
      const clip = `<path d="M${x + listPane.width - 24} ${y + 30}v7a3.5 3.5 0 0 0 7 0v-9a2.3 2.3 0 0 0-4.6 0v8" fill="none" stroke="${grey}" stroke-width="1.2"/>`;
      return [
        isOpen ? box(x, y, listPane.width, rowHeight - 1, '#cfe4fa') : '',
        isOpen ? box(x, y, 3, rowHeight - 1, blue) : '',
        text(x + 18, y + 21, clipped(from.emailAddress.name, 14, inner - 60), { size: 14 }),
        text(x + listPane.width - 16, y + 21, time, { size: 12, fill: grey, anchor: 'end' }),
        text(x + 18, y + 40, clipped(subject, 13, inner - 22), { fill: isOpen ? '#0c3b5e' : ink }),
        files.length > 0 ? clip : '',
        text(x + 18, y + 58, clipped(preview, 12.5, inner), { size: 12.5, fill: grey }),
        box(x, y + rowHeight - 1, listPane.width, 1, '#f0f0f0'),
      ].join('');
    }),
    box(x, height - 26, width - x, 26, '#fafafa'),
    text(x + 18, height - 9, `Items: ${total}`, { size: 11.5, fill: grey }),
    box(x, top, 1, height - top, faint),
  ].join('\n');
}

function reading({ subject, from, to, receivedAt, body, files }: ShownItem): string {
  const x = readingPane.x + 28;
  const inner = readingPane.width - 56;
  const title = wrapped(subject, 22, inner);
  let y = top + 42;
  const titles = title.map((line, index) => text(x, y + index * 27, line, { size: 20, weight: 600 }));
  y += title.length * 27 + 8;
  const head = [
    `<circle cx="${x + 20}" cy="${y + 20}" r="20" fill="#8764b8"/>`,
    text(x + 20, y + 25, initials(from.emailAddress.name), {
      weight: 600,
      fill: '#ffffff',
      anchor: 'middle',
    }),
    text(x + 54, y + 15, clipped(addressed(from), 14, inner - 54), { size: 14, weight: 600 }),
    text(x + 54, y + 36, clipped(`To: ${to.map(addressed).join('; ')}`, 12.5, inner - 54 - 150), {
      size: 12.5,
      fill: grey,
    }),
    text(x + inner, y + 36, dateAndTime(receivedAt), { size: 12.5, fill: grey, anchor: 'end' }),
  ];
  y += 60;
  const cards = files.map(({ name, bytes }, index) => {
    const left = x + index * 252;
    return [
      box(left, y, 240, 48, '#ffffff', `rx="4" stroke="${faint}"`),
      box(left + 12, y + 10, 22, 28, '#c4314b', 'rx="2"'),
      text(left + 23, y + 28, (name.split('.').at(-1) ?? '').toUpperCase().slice(0, 4), {
        size: 8.5,
        weight: 700,
        fill: '#ffffff',
        anchor: 'middle',
      }),
      text(left + 46, y + 21, clipped(name, 12.5, 184), { size: 12.5 }),
      text(left + 46, y + 38, `${bytes} bytes`, { size: 11, fill: grey }),
    ].join('');
  });
  y += files.length > 0 ? 66 : 6;
  const lines = wrapped(body.trimEnd(), 14, inner);
  return [
    box(readingPane.x, top, readingPane.width, height - top - 26, '#ffffff'),
    box(readingPane.x, top, 1, height - top - 26, faint),
    ...titles,
    ...head,
    ...cards,
    box(x, y - 4, inner, 1, faint),
    ...lines.map((line, index) => (line === '' ? '' : text(x, y + 26 + index * 22, line, { size: 14 }))),
  ].join('\n');
}

function picture(): string {
  const items = itemsOfOwner();
  const index = items.findIndex(({ id }) => id === openId);
  const open = items[index];
  if (!open) throw new Error(`The sample day has no item ${openId} for ${owner}: choose another one`);
  const first = Math.max(0, index - newerShown);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="'Segoe UI',system-ui,-apple-system,'Helvetica Neue',Arial,'Noto Sans','Noto Sans CJK SC','Noto Sans SC','Microsoft YaHei','PingFang SC',sans-serif">
<title>${escaped(`${open.subject}, in the mailbox of ${owner}`)}</title>
<clipPath id="window"><rect width="${width}" height="${height}" rx="10"/></clipPath>
<g clip-path="url(#window)">
${[titleBar(), folders(), list(items.slice(first, first + shownRows), items.length), reading(open)].join('\n')}
</g>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="none" stroke="#c7c7c7"/>
</svg>
`;
}

const file = join(resolve(process.argv[2] ?? 'docs'), 'archived-item.svg');
writeFileSync(file, picture());
console.log(file);
