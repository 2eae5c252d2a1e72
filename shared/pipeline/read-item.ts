import { createHash } from 'node:crypto';
import { connectors } from '../connectors';
import type { Deps } from '../deps';
import type { Email } from '../email/email';
import { readChat } from '../chat/read-chat';
import { PermanentError } from '../errors';
import type { ItemPointer, Provenance } from '../item';
import { sourceMessage, type SourceMessage } from '../telemessage/message';

export interface SourceItem {
  message: SourceMessage;
  provenance: Provenance;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** So much of a line that is no JSON, or too long to be read, is searched for its id. */
const searchedBytes = 64 * 1024;

/**
 * Reads the pointer's bytes as an archived message.
 *
 * @param known gets what can be told of the item, also when it cannot be read
 * @throws PermanentError `unreadable`, saying what was expected and where, never what stood there
 */
export async function readSource(
  deps: Pick<Deps, 'batches' | 'config'>,
  pointer: ItemPointer,
  known: Partial<Pick<Provenance, 'sourceId' | 'sha256'>> = {},
): Promise<SourceItem> {
  const { lineMaxBytes } = deps.config.import;
  if (pointer.length > lineMaxBytes) {
    const length = Math.min(pointer.length, searchedBytes);
    Object.assign(known, idAtStart(await deps.batches.readRange(pointer.blob, pointer.offset, length)));
    throw new PermanentError(
      'unreadable',
      `The line has ${pointer.length} bytes, more than LINE_MAX_MB allows`,
    );
  }
  const line = await deps.batches.readRange(pointer.blob, pointer.offset, pointer.length);
  const sha256 = createHash('sha256').update(line).digest('hex');
  known.sha256 = sha256;
  const json = parseLine(line, known);
  Object.assign(known, idOf(json));
  const message = readMessage(json);
  return {
    message,
    provenance: {
      connector: pointer.connector,
      batch: pointer.batch,
      position: pointer.position,
      sourceId: message.messageId,
      sha256,
      receivedAt: message.gatewayReceivedDate,
    },
  };
}

function parseLine(line: Buffer, known: { sourceId?: string }): unknown {
  let text: string;
  try {
    text = utf8.decode(line);
  } catch (cause) {
    Object.assign(known, idAtStart(line));
    throw new PermanentError('unreadable', 'The line is not UTF-8', { cause });
  }
  try {
    return JSON.parse(text);
  } catch {
    Object.assign(known, idAtStart(line));
    // The parser's own message quotes the text.
    throw new PermanentError('unreadable', 'The line is not JSON');
  }
}

function idOf(json: unknown): { sourceId?: string } {
  const { messageId } = (json ?? {}) as { messageId?: unknown };
  return typeof messageId === 'string' && messageId !== '' ? { sourceId: messageId } : {};
}

/** The id of a line that cannot be parsed, if it stands among the plain fields at the line's start. */
function idAtStart(line: Buffer): { sourceId?: string } {
  const text = line.toString('utf8', 0, searchedBytes);
  const field = /\s*[{,]\s*"((?:[^"\\]|\\.)*)"\s*:\s*("(?:[^"\\]|\\.)*"|[\w.+-]+)/y;
  for (let found = field.exec(text); found; found = field.exec(text)) {
    if (found[1] !== 'messageId') continue;
    try {
      return idOf({ messageId: JSON.parse(found[2]!) });
    } catch {
      return {};
    }
  }
  return {};
}

function readMessage(json: unknown): SourceMessage {
  const parsed = sourceMessage.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'line'}: ${issue.message}`);
  throw new PermanentError('unreadable', `The line is not an archived message (${problems.join('; ')})`);
}

/**
 * The item in the hub model.
 *
 * @throws PermanentError `unreadable`
 */
export async function readEmail(
  deps: Pick<Deps, 'mailParser'>,
  pointer: ItemPointer,
  message: SourceMessage,
): Promise<Email> {
  const connector = connectors[pointer.connector];
  if (connector.format === 'chat') return readChat(message, connector);
  return deps.mailParser.parse(decodeMime(message.mime), {
    messageId: message.messageId,
    receivedAt: message.gatewayReceivedDate,
    network: connector.network,
  });
}

function decodeMime(mime: string | undefined): Buffer {
  if (!mime) throw new PermanentError('unreadable', 'The line is not an archived message (mime: missing)');
  const compact = /\s/.test(mime) ? mime.replace(/\s+/g, '') : mime;
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(compact))
    throw new PermanentError('unreadable', 'The line is not an archived message (mime: not base64)');
  return Buffer.from(compact, 'base64');
}
