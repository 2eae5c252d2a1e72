import type { Provenance } from '../item';
import type { SourceMessage } from '../telemessage/message';
import type { Attachment, Email } from './email';
import { furtherParticipants } from './further-participants';
import { shownSourceId } from './provenance';
import { acceptable, cutTo, firstWithin, oneLine } from './safe-text';
import type { Dropped } from './size-rules';
import type { Recipient } from './smtp-address';
import { say, type Language, type Phrase } from './phrases';

/**
 * A create request holds 4 MB of JSON, attachments and all. A longer body goes along as a file, because an
 * item of 10 MB of pure text is within the size rule and must not fail on the transport.
 */
const maxBodyBytes = 2_000_000;
const maxShortTextLength = 250_000;
const maxBlockBytes = 400_000;
const maxWrittenLength = 200;
/** Some 4,000 people: a chat of more must not push its own text out of the body. */
const maxParticipantsBytes = 200_000;

export interface BodyFacts {
  email: Email;
  dropped: readonly Dropped[];
  provenance: Provenance;
  itemKey: string;
  /** The subject as Exchange will keep it. */
  subject: string;
  fullSubject: string;
  /** Recipients that the item's own fields have no room for. */
  further: readonly Recipient[];
  /** The source's *User's Email address* property. */
  addresses: SourceMessage['usersEmailAddress'];
  language: Language;
}

/**
 * The item's body: the source's text word for word, then a block of the lines that the product writes. When
 * both are too long for a request, the body holds the beginning, and the whole stands in `file`.
 */
export function itemBody(facts: BodyFacts): {
  body: { contentType: 'text' | 'html'; content: string };
  file?: Attachment;
} {
  const { type, content } = facts.email.body;
  const text = acceptable(content);
  const lines = blockLines(facts);
  const whole = text + (type === 'html' ? closers(text) : '') + block(type, lines, facts.language);
  if (Buffer.byteLength(JSON.stringify(whole)) <= maxBodyBytes) {
    return { body: { contentType: type, content: whole } };
  }
  const name = type === 'html' ? 'message.html' : 'message.txt';
  const notice = say('longBody', { name }, facts.language);
  const cut = say('cut', {}, facts.language);
  // The provenance, which is last, must not be what is left out.
  const first = [notice, ...lines.slice(-1), ...lines.slice(0, -1)].map((line) => shortLine(line, cut));
  const kept = firstWithin(maxBlockBytes, first, '\n');
  // HTML cut anywhere would show as something else than it was, so none of it is shown.
  const begin = type === 'html' ? '' : `${cutTo(maxShortTextLength, text)}\n${cut}`;
  return {
    body: { contentType: type, content: begin + block(type, kept, facts.language) },
    file: {
      name,
      contentType: type === 'html' ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
      content: Buffer.from(whole),
      inline: false,
    },
  };
}

function bounded(people: string[], language: Language): string {
  const kept = firstWithin(maxParticipantsBytes, people, '');
  const names = kept.join('; ');
  const count = people.length - kept.length;
  return count === 0 ? names : say('andMore', { names, count }, language);
}

function shortLine(line: string, cut: string): string {
  const short = cutTo(maxBlockBytes / 10, line);
  return short.length < line.length ? `${short} ${cut}` : line;
}

const actLines = {
  recalled: 'recalledLine',
  deletedForMe: 'deletedForMeLine',
  deletedForAll: 'deletedForAllLine',
  deleted: 'deletedLine',
  edited: 'editedLine',
} as const satisfies Record<NonNullable<Email['act']>['kind'], Phrase>;

function blockLines(facts: BodyFacts): string[] {
  const { email, dropped, provenance, itemKey, subject, fullSubject, further, language } = facts;
  const written = cutTo(maxWrittenLength, oneLine(email.sentAsWritten));
  const lines: string[] = [];
  const add = (phrase: Phrase, values?: Record<string, string | number>) => {
    lines.push(oneLine(say(phrase, values, language)));
  };
  if (subject !== fullSubject) add('fullSubject', { subject: fullSubject });
  if (email.sentAt === undefined) add(written === '' ? 'sentMissing' : 'sentImpossible', { written });
  for (const { name, size, sha256, refused } of dropped)
    add(refused ? 'refused' : 'dropped', { name, size, sha256 });
  if (further.length > 0) {
    const names = further.map(({ emailAddress: { name, address } }) => `${name} <${address}>`).join('; ');
    add('furtherRecipients', { count: further.length, names });
  }
  const participants = furtherParticipants(email, facts.addresses);
  if (participants.length > 0) {
    const count = participants.length;
    add('furtherParticipants', { count, names: bounded(participants, language) });
  }
  if (email.act) add(actLines[email.act.kind], { id: email.act.originalId });
  lines.push(...email.details.map(oneLine));
  const { connector, batch, position, sha256 } = provenance;
  add('provenance', { connector, batch, position, sha256, itemKey, sourceId: shownSourceId(provenance) });
  return lines;
}

function block(type: 'text' | 'html', lines: readonly string[], language: Language): string {
  const separator = say('separator', {}, language);
  if (type === 'text') return `\n\n${[separator, ...lines].join('\n')}\n`;
  return `\n<hr>\n<div>${[separator, ...lines].map(escapeHtml).join('<br>\n')}</div>\n`;
}

/** Ends what broken HTML left open, or everything after it, the archive's own lines too, would be invisible. */
function closers(html: string): string {
  const text = html.toLowerCase();
  const open = (start: string, end: string) => text.lastIndexOf(start) > text.lastIndexOf(end);
  const elements = ['style', 'script', 'title', 'textarea', 'noscript', 'template'];
  const ends = elements.filter((name) => open(`<${name}`, `</${name}`)).map((name) => `</${name}>`);
  return (open('<!--', '-->') ? '-->' : '') + ends.join('');
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
