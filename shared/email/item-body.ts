import type { Language } from '../languages';
import type { Provenance } from '../item';
import { numberKey, partiesIn, type Attachment, type Email, type Party } from './email';
import { containedHtml } from './foreign-html';
import { factLines, firstLine } from './item-lines';
import { translate, type Phrase, type Values } from './phrases';
import { shownSourceId } from './provenance';
import { usableAddress, type Recipient } from './recipient';
import { acceptable, cutTo, escapeHtml, firstWithin, oneLine } from './safe-text';
import type { Dropped } from './size-rules';

/**
 * A create request takes 4 MB of JSON, attachments included. An item of 10 MB of pure text passes the size rule, so
 * a longer body is attached as a file instead of failing the request.
 */
const maxBodyBytes = 2_000_000;
const maxShortTextLength = 250_000;
const maxBlockBytes = 400_000;
const maxWrittenLength = 200;
/** Room for about 4,000 people: a longer list would push the text of the chat out of the body. */
const maxParticipantsBytes = 200_000;
const maxParticipantTextLength = 256;

export interface BodyFacts {
  email: Email;
  dropped: readonly Dropped[];
  provenance: Provenance<string>;
  itemKey: string;
  /** As Exchange will keep it. */
  subject: string;
  fullSubject: string;
  /** Recipients beyond those that fit into the item's own fields. */
  further: readonly Recipient[];
  /** The entries of the source's *User's Email address*. */
  users: readonly Party[];
  language: Language;
}

/**
 * The item's body: the source's text word for word (HTML in a container of its own), or what the item is if it has no text;
 * then a block of lines that this app writes, which nothing in the text can hide. When both are too
 * long for a request, the body holds the beginning and `file` holds everything.
 */
export function itemBody(facts: BodyFacts): {
  body: { contentType: 'text' | 'html'; content: string };
  file?: Attachment;
} {
  const { type, content, shown } = facts.email.body;
  const text = acceptable(type === 'html' ? (shown ?? containedHtml(content)) : content);
  const isBlank = content.trim() === '';
  const first = isBlank
    ? oneLine(firstLine(facts.email, facts.email.attachments, facts.language))
    : undefined;
  const lines = blockLines(facts, first);
  const begin = first === undefined ? text : type === 'html' ? `<p>${escapeHtml(first)}</p>` : first;
  const whole = begin + block(facts, lines);
  if (Buffer.byteLength(JSON.stringify(whole)) <= maxBodyBytes) {
    return { body: { contentType: type, content: whole } };
  }
  const name = type === 'html' ? 'message.html' : 'message.txt';
  const notice = translate('longBody', { name }, facts.language);
  const cut = translate('cut', {}, facts.language);
  // The last line is the provenance, which must not be cut: put it first.
  const ordered = [notice, ...lines.slice(-1), ...lines.slice(0, -1)].map((line) => shortLine(line, cut));
  const kept = firstWithin(maxBlockBytes, ordered, '\n');
  // HTML that is cut can display something other than the whole does, so none of it is shown.
  const shortText = type === 'html' ? '' : `${cutTo(maxShortTextLength, text)}\n${cut}`;
  return {
    body: { contentType: type, content: shortText + block(facts, kept) },
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
  return count === 0 ? names : translate('andMore', { names, count }, language);
}

function shortLine(line: string, cut: string): string {
  const short = cutTo(maxBlockBytes / 10, line);
  return short.length < line.length ? `${short} ${cut}` : line;
}

function blockLines(facts: BodyFacts, said: string | undefined): string[] {
  const { email, dropped, provenance, itemKey, subject, fullSubject, further, language } = facts;
  const written = cutTo(maxWrittenLength, oneLine(email.sentAsWritten));
  const lines = factLines(email, said, language);
  const add = (phrase: Phrase, values?: Values) => {
    lines.push(oneLine(translate(phrase, values, language)));
  };
  if (subject !== fullSubject) add('fullSubject', { subject: fullSubject });
  if (email.sentAt === undefined) add(written === '' ? 'sentMissing' : 'sentImpossible', { written });
  for (const { name, size, sha256, refused } of dropped)
    add(refused ? 'refused' : 'dropped', { name, size, sha256 });
  if (further.length > 0) {
    const names = further.map(({ emailAddress: { name, address } }) => `${name} <${address}>`).join('; ');
    add('furtherRecipients', { count: further.length, names });
  }
  const participants = furtherParticipants(email, facts.users);
  if (participants.length > 0) {
    const count = participants.length;
    add('furtherParticipants', { count, names: bounded(participants, language) });
  }
  const { connector, batch, position, sha256 } = provenance;
  const { source } = email.facts;
  add('provenance', {
    source,
    connector,
    batch,
    position,
    sha256,
    itemKey,
    sourceId: shownSourceId(provenance),
  });
  return lines;
}

/**
 * The entries of *User's Email address* that a search in the item's own fields would miss: those whose address, or
 * whose number if they have no address, no sender or recipient has. Each once, in the source's order, as
 * `Name number <address>` on one line.
 */
function furtherParticipants(email: Pick<Email, 'from' | 'to' | 'cc'>, users: readonly Party[]): string[] {
  const found = new Set<string>();
  for (const party of partiesIn(email)) {
    // An unusable address is not in the item, which has a made one instead.
    if (party.address !== undefined && usableAddress(party.address) !== undefined)
      found.add(addressKey(party.address));
    found.add(numberKey(party));
  }
  const further: string[] = [];
  for (const user of users) {
    const address = participantText(user.address);
    const number = participantText(user.number);
    const key = address === '' ? numberKey(user) : addressKey(address);
    if (key === '' || found.has(key)) continue;
    found.add(key).add(numberKey(user));
    const words = [participantText(user.name), number].filter((word) => word !== '').join(' ');
    further.push(words === '' ? address : address === '' ? words : `${words} <${address}>`);
  }
  return further;
}

function participantText(text: string | undefined): string {
  return cutTo(maxParticipantTextLength, oneLine(text ?? ''));
}

function addressKey(address: string): string {
  return address.trim().toLowerCase();
}

/** The lines below the text, under a separator that names the network; an item never begins with blank lines. */
function block({ email, language }: BodyFacts, lines: readonly string[]): string {
  const separator = translate('separator', { network: oneLine(email.facts.network) }, language);
  const all = [separator, ...lines];
  if (email.body.type === 'text') return `\n\n${all.join('\n')}\n`;
  return `\n<hr style="clear:both">\n<div>${all.map(escapeHtml).join('<br>\n')}</div>\n`;
}
