import { readAct } from '../email/message-action';
import { readAddresses } from './addresses';
import { attachmentName } from './attachment-name';
import { decodeBytes } from './charset';
import type { Attachment, Email, Party } from '../email/email';
import { decodeRaw, decodeText } from './encoded-words';
import { enrichedWords } from './enriched-text';
import type { Headers } from './header';
import { contentIdsOf, isBlankHtml, isBlankText } from './html-text';
import { chatOf } from './conversation';
import { readMailDate } from './dates';
import { readStructure, type Leaf } from './structure';
import { readStructured } from './parameters';
import { isReadable } from '../email/safe-text';
import { decodeTransfer } from './transfer-encoding';

/** What the feed says about a mail besides the mail itself. */
export interface MailContext {
  /** TeleMessage's id of the item; a prefix tells an act. */
  messageId: string;
  /** Arrival at TeleMessage, ISO-8601 UTC. */
  receivedAt: string;
  /** Name of the network, for a chat that nothing else names. */
  network: string;
}

const maxHeaderBytes = 32 * 1024;

function leafBytes(raw: Buffer, leaf: Leaf): Buffer {
  const bytes = raw.subarray(leaf.start, leaf.end);
  if (leaf.kind === 'note') return bytes;
  const encoding = leaf.headers.first('content-transfer-encoding') ?? '';
  return decodeTransfer(bytes, encoding, leaf.type.startsWith('text/'));
}

/** The charset that an HTML text declares within itself, where its header declares none. */
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

/** The charset that most likely also holds for what declares none: the first that is more than ASCII. */
function charsetOf(leaves: Leaf[]): string | undefined {
  return leaves
    .map((leaf) => leaf.content.parameters.get('charset'))
    .find((charset) => charset !== undefined && !/ascii/i.test(charset));
}

function isCandidate(leaf: Leaf): boolean {
  if (leaf.kind === 'note' || !/^text\/(plain|html|enriched|richtext)$/.test(leaf.type)) return false;
  return !/^\s*"?attachment\b/i.test(leaf.headers.first('content-disposition') ?? '');
}

interface Parts {
  body: Email['body'];
  bodyFile?: Attachment;
  attachments: Attachment[];
}

interface LeafFile {
  leaf: Leaf;
  content: Buffer;
}

/** Every leaf is the body or an attachment; only text parts of nothing but blanks, without a name, fall away. */
function readParts(raw: Buffer, leaves: Leaf[], mailCharset: string | undefined): Parts {
  let body: Email['body'] | undefined;
  let enriched: Email['body'] | undefined;
  let bodyFile: LeafFile | undefined;
  const files: LeafFile[] = [];
  for (const leaf of leaves) {
    const content = leafBytes(raw, leaf);
    if (isCandidate(leaf)) {
      const named = fileName(leaf, mailCharset) !== undefined;
      // Nothing but blanks, in any charset: no evidence is lost with it.
      const empty = content.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
      if (empty && !named) continue;
      const text = body || empty ? '' : leafText(leaf, content, mailCharset);
      const found = bodyOf(leaf.type, text);
      const sound = isReadable(content, text);
      // A file under a wrong type would show as noise in place of the real text.
      if (!body && found && (sound || !named)) {
        if (!isEnriched(leaf.type)) {
          body = found;
          if (named || !sound) bodyFile = { leaf, content };
          continue;
        }
        // It is attached too. Beside a plain text or HTML of the same words it is the lesser one.
        if (leaf.alternative) enriched ??= found;
        else body = found;
      }
    }
    files.push({ leaf, content });
  }
  body ??= enriched ?? { type: 'text', content: '' };
  const cids = body.type === 'html' ? contentIdsOf(body.content) : new Set<string>();
  const count = new Map<string, number>();
  const attach = ({ leaf, content }: LeafFile): Attachment => {
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

function isEnriched(type: string): type is 'text/enriched' | 'text/richtext' {
  return type === 'text/enriched' || type === 'text/richtext';
}

/** What a reader sees of a text part; undefined when that is nothing. */
function bodyOf(type: string, text: string): Email['body'] | undefined {
  if (type === 'text/html') return isBlankHtml(text) ? undefined : { type: 'html', content: text };
  const content = isEnriched(type) ? enrichedWords(text, type) : text;
  return isBlankText(content) ? undefined : { type: 'text', content };
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

/** The header block as written, with its folds, cut at a line's end. */
function headerText(raw: Buffer, headers: Headers, charset: string | undefined): string | undefined {
  const block = raw.subarray(headers.start, Math.min(headers.end, headers.start + maxHeaderBytes));
  let text = decodeRaw(block.toString('latin1'), charset);
  if (block.length < headers.end - headers.start || Buffer.byteLength(text) > maxHeaderBytes) {
    // Decoding can make a text longer: three bytes for one at most.
    while (Buffer.byteLength(text) > maxHeaderBytes) text = text.slice(0, Math.floor(text.length * 0.9));
    const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'));
    if (end > 0) text = text.slice(0, end + 1);
  }
  return text.trim() === '' ? undefined : text;
}

function messageIds(values: string[]): string[] {
  return values.flatMap((value) => value.match(/<[^<>\s@]{1,500}@[^<>\s@]{1,500}>/g) ?? []);
}

function signature({ name, address }: Party): string {
  if (!address) return name;
  return name === '' ? address : `${name} <${address}>`;
}

/**
 * Reads a mail (RFC 5322, MIME) into the hub model. Pure; time is linear in the mail's length, and attachments
 * may share memory with `raw`. Mails that break the rules are read as well as they can be: no part is dropped
 * and no byte of an attachment is changed. Throws PermanentError `unreadable` for nesting above 256 levels.
 */
export function readMail(raw: Uint8Array, context: MailContext): Email {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const { headers, leaves } = readStructure(bytes);
  const charset = charsetOf(leaves);
  const { body, bodyFile, attachments } = readParts(bytes, leaves, charset);

  const parties = (name: string): Party[] =>
    headers.all(name).flatMap((value) => readAddresses(value, charset));
  const authors = parties('from');
  const from = authors[0] ?? parties('sender')[0];
  const to = parties('to');
  const sentAsWritten = decodeText(headers.first('date') ?? '', charset);
  const sentAt = readMailDate(sentAsWritten, context.receivedAt);
  const chain = messageIds(headers.all('references'));
  const answered = messageIds(headers.all('in-reply-to'));
  const original = headerText(bytes, headers, charset);
  const act = readAct(context.messageId);

  const email = {
    subject: decodeText(headers.first('subject') ?? '', charset),
    ...(from ? { from } : {}),
    to: to.length > 0 ? to : parties('apparently-to'),
    cc: parties('cc'),
    bcc: parties('bcc'),
    ...(act ? { act } : {}),
  };
  return {
    ...email,
    ...(sentAt === undefined ? {} : { sentAt }),
    sentAsWritten,
    body,
    // The model holds one sender; nobody else would tell that others signed too.
    details: authors.length > 1 ? [`From: ${authors.map(signature).join(', ')}`] : [],
    attachments,
    ...(bodyFile && { bodyFile }),
    chat: chatOf({
      email,
      references: chain,
      answered,
      threadIndex: headers.first('thread-index'),
      threadTopic: decodeText(headers.first('thread-topic') ?? '', charset),
      messageId: context.messageId,
      network: context.network,
    }),
    references: [...new Set([...chain, ...answered])],
    ...(original === undefined ? {} : { headers: original }),
  };
}
