import { createHash } from 'node:crypto';
import { isDeviceEvent, readChat } from '../chat/read-chat';
import { connectors } from '../connectors';
import type { Deps } from '../deps';
import type { Email } from '../email/email';
import { itemKey } from '../email/item-key';
import { PermanentError, type KnownOfItem } from '../errors';
import type { ItemPointer, Provenance } from '../item';
import { sourceMessage, type SourceMessage } from '../telemessage/message';

/** An archived item, read: a device event, or a communication in the hub model. */
export type ReadItem = {
  known: Required<KnownOfItem>;
  /** Arrival at TeleMessage, ISO-8601 UTC. */
  arrivedAt: string;
} & (
  | { kind: 'deviceEvent' }
  | { kind: 'communication'; message: SourceMessage; email: Email; itemKey: string; provenance: Provenance }
);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How far to search for the source id of a line that is not JSON or too long to be read. */
const searchedBytes = 64 * 1024;

/**
 * Reads the item that a pointer names.
 *
 * @throws PermanentError `unreadable`, with what is known of the item; its message says what was expected and where,
 *   never what was found
 */
export async function readItem(
  deps: Pick<Deps, 'batches' | 'config' | 'mailParser'>,
  pointer: ItemPointer,
): Promise<ReadItem> {
  const { message, sha256 } = await readLine(deps, pointer);
  const known = { sourceId: message.messageId, sha256 };
  const arrivedAt = message.gatewayReceivedDate;
  if (isDeviceEvent(message)) return { kind: 'deviceEvent', known, arrivedAt };
  const email = await readEmail(deps, pointer, message).catch((error: unknown) => {
    if (!(error instanceof PermanentError)) throw error;
    throw new PermanentError(error.reason, error.message, { cause: error, known });
  });
  const { connector, batch, position } = pointer;
  const provenance = { connector, batch, position, ...known, receivedAt: arrivedAt };
  const key = itemKey(connectors[connector].id, known.sourceId, email);
  return { kind: 'communication', known, arrivedAt, message, email, itemKey: key, provenance };
}

/** The pointer's bytes as an archived message. */
async function readLine(
  deps: Pick<Deps, 'batches' | 'config'>,
  pointer: ItemPointer,
): Promise<{ message: SourceMessage; sha256: string }> {
  const { lineMaxBytes } = deps.config.import;
  if (pointer.length > lineMaxBytes) {
    const length = Math.min(pointer.length, searchedBytes);
    const start = await deps.batches.readRange(pointer.blob, pointer.offset, length);
    throw unreadable(`The line has ${pointer.length} bytes, more than LINE_MAX_MB allows`, idAtStart(start));
  }
  const line = await deps.batches.readRange(pointer.blob, pointer.offset, pointer.length);
  const sha256 = createHash('sha256').update(line).digest('hex');
  return { message: parseLine(line, sha256), sha256 };
}

function parseLine(line: Buffer, sha256: string): SourceMessage {
  let text: string;
  try {
    text = utf8.decode(line);
  } catch (cause) {
    throw unreadable('The line is not UTF-8', { sha256, ...idAtStart(line) }, cause);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Without the cause: the parser's own message quotes the text.
    throw unreadable('The line is not JSON', { sha256, ...idAtStart(line) });
  }
  const parsed = sourceMessage.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'line'}: ${issue.message}`);
  throw notArchived(problems.join('; '), { sha256, ...idOf(json) });
}

function idOf(json: unknown): KnownOfItem {
  const { messageId } = (json ?? {}) as { messageId?: unknown };
  return typeof messageId === 'string' && messageId !== '' ? { sourceId: messageId } : {};
}

/** The source id of a line that cannot be parsed, if it is among the plain fields at the start of the line. */
function idAtStart(line: Buffer): KnownOfItem {
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

async function readEmail(
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
  if (!mime) throw notArchived('mime: missing');
  const compact = /\s/.test(mime) ? mime.replace(/\s+/g, '') : mime;
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(compact)) throw notArchived('mime: not base64');
  return Buffer.from(compact, 'base64');
}

const unreadable = (message: string, known: KnownOfItem = {}, cause?: unknown) =>
  new PermanentError('unreadable', message, { known, ...(cause === undefined ? {} : { cause }) });

const notArchived = (problems: string, known?: KnownOfItem) =>
  unreadable(`The line is not an archived message (${problems})`, known);
