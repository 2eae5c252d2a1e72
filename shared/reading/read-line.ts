import { isDeviceEvent, readChat } from '../chat/read-chat';
import { connectors, type ConnectorId } from '../connectors';
import type { Content } from '../email/content';
import type { Email, Party } from '../email/email';
import { containedHtml } from '../email/foreign-html';
import { itemKey } from '../email/item-key';
import { PermanentError, type KnownOfItem } from '../errors';
import { readMail } from '../mail/read-mail';
import { sourceIdIn } from '../mail/telemessage-headers';
import {
  capturedFrom,
  namedIn,
  participants,
  type NamedIn,
  type Participant,
} from '../participants/participants';
import type { Numbers } from '../participants/phone';
import { sourceMessage, type SourceMessage } from '../telemessage/message';
import { SealedError, unsealerOf, type Opening } from '../telemessage/sealed';
import { idAtStart, idOf } from './source-id';

/** An archived line, read: a device event, or a communication in the hub model. */
export type ReadLine<Bytes extends Content = Content> = {
  sourceId: string;
  /** Arrival at TeleMessage, ISO-8601 UTC. */
  arrivedAt: string;
} & (
  | { kind: 'deviceEvent' }
  | {
      kind: 'communication';
      /** The entries of *User's Email address*. */
      users: readonly Party[];
      email: Email<Bytes>;
      participants: Participant[];
      /** Indexes of the participants who took part in the message itself; absent if somebody who did is unknown. */
      chat?: number[] | undefined;
      itemKey: string;
    }
);

/**
 * More than any group of WeChat or WhatsApp has. An item with more parties is no real one: it would keep the app busy
 * with thousands of look-ups.
 */
const maxParties = 10_000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads an archived line. It runs in a thread that can be stopped, because the line is written by strangers.
 *
 * @param opening what opens the line if it is encrypted
 * @throws SealedError for an encrypted line without an opening
 * @throws PermanentError `unreadable` or `encrypted`, with what is known of the item; its message says what was expected and where,
 *   never what was found
 */
export function readLine(
  line: Buffer,
  connectorId: ConnectorId,
  numbers: Numbers,
  opening?: Opening,
): ReadLine<Buffer> {
  const message = parseLine(line);
  const { messageId: sourceId, gatewayReceivedDate: arrivedAt, usersEmailAddress } = message;
  if (isDeviceEvent(message)) return { kind: 'deviceEvent', sourceId, arrivedAt };
  try {
    expectFew(usersEmailAddress.length + message.to.length);
    const source = namedIn(message, numbers);
    const { users } = source;
    const email = readEmail(source, connectorId, opening);
    const captured = capturedFrom(source, email);
    if (captured) email.facts.captured = captured;
    if (email.body.type === 'html') email.body.shown = containedHtml(email.body.content);
    expectFew(usersEmailAddress.length + email.to.length + email.cc.length + email.bcc.length);
    return {
      kind: 'communication',
      sourceId,
      arrivedAt,
      users,
      email,
      ...participants(users, email),
      itemKey: itemKey(connectors[connectorId].id, sourceId, email),
    };
  } catch (error) {
    if (error instanceof SealedError) throw new SealedError(error.sealed, { sourceId });
    if (!(error instanceof PermanentError)) throw error;
    throw new PermanentError(error.reason, error.message, { cause: error, known: { sourceId } });
  }
}

function expectFew(parties: number): void {
  if (parties > maxParties) throw unreadable(`The item has ${parties} parties, more than ${maxParties}`);
}

function parseLine(line: Buffer): SourceMessage {
  let text: string;
  try {
    text = utf8.decode(line);
  } catch (cause) {
    throw unreadable('The line is not UTF-8', idAtStart(line), cause);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Without the cause: the parser's own message quotes the text.
    throw unreadable('The line is not JSON', idAtStart(line));
  }
  takeIdOfMail(json);
  const parsed = sourceMessage.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'line'}: ${issue.message}`);
  throw notArchived(problems.join('; '), idOf(json));
}

/** A feed of mails without ids of its own: the mail's own id takes the place. */
function takeIdOfMail(json: unknown): void {
  if (json === null || typeof json !== 'object') return;
  const line = json as { messageId?: unknown; mime?: unknown };
  if (
    typeof line.mime !== 'string' ||
    !(line.messageId === undefined || line.messageId === null || line.messageId === '')
  )
    return;
  const id = sourceIdIn(Buffer.from(line.mime, 'base64'));
  if (id !== undefined) line.messageId = id;
}

function readEmail(source: NamedIn, connectorId: ConnectorId, opening: Opening | undefined): Email<Buffer> {
  const { message, numbers } = source;
  const connector = connectors[connectorId];
  if (connector.format === 'chat') return readChat(source, connector, opening);
  const unseal = unsealerOf(message.securityContent, opening);
  const mime = decodeMime(message.mime);
  return readMail(unseal ? unseal(mime) : mime, {
    messageId: message.messageId,
    receivedAt: message.gatewayReceivedDate,
    connector,
    sourceType: message.sourceType,
    numbers,
    opening,
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
