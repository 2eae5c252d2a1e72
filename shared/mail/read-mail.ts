import type { Connector } from '../connectors';
import { attachmentName } from '../email/attachment-name';
import { readDate } from '../email/dates';
import { partiesIn, type Attachment, type Email, type Party } from '../email/email';
import { readSourceSubject } from '../email/source-subject';
import { withE164 } from '../participants/participants';
import type { Numbers } from '../participants/phone';
import { unsealer, unsealText, type Opening, type Unseal } from '../telemessage/sealed';
import { readAddresses } from './addresses';
import { bodyOf, contentIdsOf, isEnriched, isReadable, unflowed } from './body-text';
import { decodeBytes } from './charset';
import { conversationOf } from './conversation';
import { decodeRaw, decodeText } from './encoded-words';
import { actionOf, factsOf } from './facts';
import type { Headers } from './header';
import { readStructured } from './parameters';
import { readStructure, type Leaf } from './structure';
import { readTeleMessageHeaders } from './telemessage-headers';
import { decodeTransfer } from './transfer-encoding';

/** What the feed says about a mail besides the mail itself. */
export interface MailContext {
  /** TeleMessage's id of the item; a prefix states a message action. */
  messageId: string;
  /** Arrival at TeleMessage, ISO-8601 UTC. */
  receivedAt: string;
  connector: Connector;
  /** TeleMessage's word for where the item was captured; may be empty. */
  sourceType: string;
  /** Reads the numbers of its parties. */
  numbers: Numbers;
  /** What opens the mail if it is encrypted. */
  opening?: Opening | undefined;
}

const maxHeaderBytes = 32 * 1024;

function leafBytes(leaf: Leaf, unseal: Unseal | undefined): Buffer {
  const bytes = leaf.bytes.subarray(leaf.start, leaf.end);
  if (leaf.kind === 'note') return bytes;
  const encoding = leaf.headers.first('content-transfer-encoding') ?? '';
  const isText = leaf.type.startsWith('text/');
  const content = decodeTransfer(bytes, encoding, isText && !unseal);
  if (!unseal) return content;
  return isText ? unsealText(unseal, content) : unseal(content);
}

/** How to open the parts of an encrypted mail; undefined for any other mail. */
function unsealerIn(headers: Headers, opening: Opening | undefined): Unseal | undefined {
  const text = headers.first('x-telemessage-enc-datakey');
  return text === undefined
    ? undefined
    : unsealer(text, headers.first('x-telemessage-enc-key-id') ?? '', opening);
}

/** The charset that the HTML declares in a meta element. */
function htmlCharset(bytes: Buffer): string | undefined {
  return /<meta[^>]{1,300}?charset\s*=\s*["']?\s*([\w:.-]{1,40})/i.exec(
    bytes.toString('latin1', 0, 2048),
  )?.[1];
}

function leafText(leaf: Leaf, bytes: Buffer, mailCharset: string | undefined): string {
  const declared = /^[^\s;(]+/.exec(leaf.content.parameters.get('charset')?.trim() ?? '')?.[0];
  return decodeBytes(
    bytes,
    declared ?? (leaf.type === 'text/html' ? htmlCharset(bytes) : undefined),
    mailCharset,
  );
}

/** The likeliest charset for text that declares none: the mail's first declared charset beyond ASCII. */
function charsetOf(leaves: Leaf[]): string | undefined {
  return leaves
    .map((leaf) => leaf.content.parameters.get('charset'))
    .find((charset) => charset !== undefined && !/ascii/i.test(charset));
}

const parameter = (leaf: Leaf, name: string) => leaf.content.parameters.get(name)?.trim().toLowerCase();
const isFlowed = (leaf: Leaf) => leaf.type === 'text/plain' && parameter(leaf, 'format') === 'flowed';
const isDelSp = (leaf: Leaf) => parameter(leaf, 'delsp') === 'yes';

function isCandidate(leaf: Leaf): boolean {
  if (leaf.kind === 'note' || !/^text\/(plain|html|enriched|richtext)$/.test(leaf.type)) return false;
  return !/^\s*"?attachment\b/i.test(leaf.headers.first('content-disposition') ?? '');
}

interface Parts {
  body: Email['body'];
  bodyFile?: Attachment<Buffer>;
  attachments: Attachment<Buffer>[];
}

interface LeafFile {
  leaf: Leaf;
  content: Buffer;
}

/** Every leaf becomes the body or an attachment; only unnamed text parts of nothing but blanks are dropped. */
function readParts(leaves: Leaf[], mailCharset: string | undefined, unseal: Unseal | undefined): Parts {
  let body: Email['body'] | undefined;
  let enriched: Email['body'] | undefined;
  let bodyFile: LeafFile | undefined;
  const files: LeafFile[] = [];
  for (const leaf of leaves) {
    const content = leafBytes(leaf, unseal);
    if (isCandidate(leaf)) {
      const named = fileName(leaf, mailCharset) !== undefined;
      // Blanks in any charset: dropping them loses no evidence.
      const empty = content.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
      if (empty && !named) continue;
      const text = body || empty ? '' : leafText(leaf, content, mailCharset);
      const found = bodyOf(leaf.type, isFlowed(leaf) ? unflowed(text, isDelSp(leaf)) : text);
      const sound = isReadable(content, text);
      // A named file with a wrong text type would show as noise in place of the real text.
      if (!body && found && (sound || !named)) {
        if (!isEnriched(leaf.type)) {
          body = found;
          if (named || !sound) bodyFile = { leaf, content };
          continue;
        }
        // Enriched text is attached too, and an alternative in plain text or HTML is the better body.
        if (leaf.alternative) enriched ??= found;
        else body = found;
      }
    }
    files.push({ leaf, content });
  }
  body ??= enriched ?? { type: 'text', content: '' };
  const cids = body.type === 'html' ? contentIdsOf(body.content) : new Set<string>();
  const count = new Map<string, number>();
  const attach = ({ leaf, content }: LeafFile): Attachment<Buffer> => {
    const written = fileName(leaf, mailCharset);
    const contentId = leaf.kind === 'note' ? undefined : contentIdOf(leaf.headers);
    return {
      name: attachmentName(written, leaf.type, count),
      contentType: leaf.type,
      content,
      inline: contentId !== undefined && cids.has(contentId.toLowerCase()),
      ...(contentId === undefined ? {} : { contentId }),
    };
  };
  const attachments = files.map(attach);
  return { body, attachments, ...(bodyFile && { bodyFile: attach(bodyFile) }) };
}

function fileName(leaf: Leaf, charset: string | undefined): string | undefined {
  if (leaf.kind === 'note') return undefined;
  const disposition = readStructured(leaf.headers.first('content-disposition') ?? '', charset);
  const type = readStructured(leaf.headers.first('content-type') ?? '', charset);
  return (
    disposition.parameters.get('filename') ??
    disposition.parameters.get('name') ??
    type.parameters.get('name') ??
    type.parameters.get('filename')
  );
}

function contentIdOf(headers: Headers): string | undefined {
  const written = decodeText(headers.first('content-id') ?? '');
  return (/<([^<>]+)>/.exec(written)?.[1] ?? written).trim() || undefined;
}

/** The header block as written, with its folds, cut at the end of a line. */
function headerText(raw: Buffer, headers: Headers, charset: string | undefined): string | undefined {
  const block = raw.subarray(headers.start, Math.min(headers.end, headers.start + maxHeaderBytes));
  let text = decodeRaw(block.toString('latin1'), charset);
  if (block.length < headers.end - headers.start || Buffer.byteLength(text) > maxHeaderBytes) {
    // Decoding can make the text longer, up to three bytes for one.
    while (Buffer.byteLength(text) > maxHeaderBytes) text = text.slice(0, Math.floor(text.length * 0.9));
    const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'));
    if (end > 0) text = text.slice(0, end + 1);
  }
  return text.trim() === '' ? undefined : text;
}

function messageIds(values: string[]): string[] {
  return values.flatMap((value) => value.match(/<[^<>\s@]{1,500}@[^<>\s@]{1,500}>/g) ?? []);
}

/**
 * Reads a mail (RFC 5322, MIME) into the hub model. A mail that breaks the rules is read as well as possible: no part
 * is dropped and no byte of an attachment changes. Pure; time is linear in the mail's length; attachments may share
 * memory with `raw`. Throws PermanentError `unreadable` for nesting above 256 levels,
 * `encrypted` for an encrypted mail without an opening that fits.
 */
export function readMail(raw: Uint8Array, context: MailContext): Email<Buffer> {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const { headers, leaves } = readStructure(bytes);
  const charset = charsetOf(leaves);
  const unseal = unsealerIn(headers, context.opening);
  const { body, bodyFile, attachments } = readParts(leaves, charset, unseal);

  const parties = (name: string): Party[] =>
    headers
      .all(name)
      .flatMap((value) => readAddresses(value, charset))
      .map((party) => withE164(party, context.numbers));
  const authors = parties('from');
  const from = authors[0] ?? parties('sender')[0];
  const to = parties('to');
  const sentAsWritten = decodeText(headers.first('date') ?? '', charset);
  const sentAt = readDate(sentAsWritten, context.receivedAt);
  const chain = messageIds(headers.all('references'));
  const answered = messageIds(headers.all('in-reply-to'));
  const original = headerText(bytes, headers, charset);
  const subject = decodeText(headers.first('subject') ?? '', charset);
  const own = readTeleMessageHeaders(headers, charset);
  const sayings = { ...context, headers: own, subject, said: readSourceSubject(subject), body };
  const action = actionOf(sayings);

  const email = {
    subject,
    ...(from ? { from } : {}),
    to: to.length > 0 ? to : parties('apparently-to'),
    cc: parties('cc'),
    bcc: parties('bcc'),
    ...(action ? { action } : {}),
  };
  return {
    ...email,
    ...(sentAt === undefined ? {} : { sentAt }),
    sentAsWritten,
    body,
    facts: {
      ...factsOf(sayings, action, {
        parties: partiesIn(email),
        // The model holds one sender.
        senders: authors,
      }),
      ...(unseal && context.opening && { openedWith: context.opening.openedWith }),
    },
    attachments,
    ...(bodyFile && { bodyFile }),
    conversation: conversationOf({
      email,
      references: chain,
      answered,
      threadIndex: headers.first('thread-index'),
      threadTopic: decodeText(headers.first('thread-topic') ?? '', charset),
      headers: own,
      network: context.connector.network,
    }),
    references: [...new Set([...chain, ...answered])],
    ...(original === undefined ? {} : { headers: original }),
  };
}
