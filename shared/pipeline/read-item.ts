import { createHash } from 'node:crypto';
import { connectors } from '../connectors';
import type { Deps } from '../deps';
import type { Email } from '../email/email';
import { readChat } from '../email/read-chat';
import { PermanentError } from '../errors';
import type { ItemPointer, Provenance } from '../item';
import { sourceMessage, type SourceMessage } from '../telemessage/message';

export interface SourceItem {
  message: SourceMessage;
  provenance: Provenance;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the pointer's bytes as an archived message.
 *
 * @throws PermanentError `unreadable`, saying what was expected and where, never what stood there
 */
export async function readSource(
  deps: Pick<Deps, 'batches' | 'config'>,
  pointer: ItemPointer,
): Promise<SourceItem> {
  const { lineMaxBytes } = deps.config.import;
  if (pointer.length > lineMaxBytes)
    throw new PermanentError(
      'unreadable',
      `The line has ${pointer.length} bytes, more than LINE_MAX_MB allows`,
    );
  const line = await deps.batches.readRange(pointer.blob, pointer.offset, pointer.length);
  const message = parseLine(line);
  return {
    message,
    provenance: {
      connector: pointer.connector,
      batch: pointer.batch,
      position: pointer.position,
      sourceId: message.messageId,
      sha256: createHash('sha256').update(line).digest('hex'),
      receivedAt: message.gatewayReceivedDate,
    },
  };
}

function parseLine(line: Buffer): SourceMessage {
  let text: string;
  try {
    text = utf8.decode(line);
  } catch (cause) {
    throw new PermanentError('unreadable', 'The line is not UTF-8', { cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new PermanentError('unreadable', 'The line is not JSON');
  }
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
