/**
 * The thread that reads lines for `reader.client.ts`: one answer per request, in order, those of a message together. It listens as soon as it is
 * loaded, so other files import its types only.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { ConnectorId } from '../connectors';
import type { Attachment } from '../email/email';
import { PermanentError, type KnownOfItem, type Reason } from '../errors';
import { createNumbers } from '../participants/phone';
import { SealedError, type Opening, type SealedKey } from '../telemessage/sealed';
import { readLine, type ReadLine } from './read-line';

export interface ReadRequest {
  line: Uint8Array;
  connector: ConnectorId;
  opening?: Opening | undefined;
}

/** The line as it was read, its files apart; or why it cannot be read. */
export type ReadAnswer =
  | { read: ReadLine<Buffer>; attachments: MovedFile[]; bodyFile?: MovedFile }
  | { problem: string; reason: Reason; known: KnownOfItem }
  | { sealed: SealedKey; known: KnownOfItem };

/** A file as it crosses threads: a Buffer arrives as a plain Uint8Array. */
export type MovedFile = Omit<Attachment, 'content'> & { content: Uint8Array<ArrayBuffer> };

const { country } = (workerData ?? {}) as { country?: string };
const numbers = createNumbers(country);

/** Bytes in memory of their own: a shared buffer would be sent whole, and Buffer's pool cannot be sent at all. */
function owned(content: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = content;
  const whole = buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength;
  return whole ? new Uint8Array(buffer) : new Uint8Array(content);
}

const moved = ({ content, ...rest }: Attachment<Buffer>): MovedFile => ({ ...rest, content: owned(content) });

function answer({ line, connector, opening }: ReadRequest): ReadAnswer {
  try {
    const read = readLine(
      Buffer.from(line.buffer, line.byteOffset, line.byteLength),
      connector,
      numbers,
      opening,
    );
    if (read.kind === 'deviceEvent') return { read, attachments: [] };
    const { attachments, bodyFile, ...email } = read.email;
    return {
      read: { ...read, email: { ...email, attachments: [] } },
      attachments: attachments.map(moved),
      ...(bodyFile && { bodyFile: moved(bodyFile) }),
    };
  } catch (error) {
    // Another library's message could quote the item, so only our own messages leave the thread. Whatever was thrown:
    // reading does nothing but compute, so that it would be thrown again.
    if (error instanceof SealedError) return { sealed: error.sealed, known: error.known };
    if (error instanceof PermanentError)
      return { problem: error.message, reason: error.reason, known: error.known };
    return { problem: 'the item could not be parsed', reason: 'unreadable', known: {} };
  }
}

parentPort?.on('message', (requests: ReadRequest[]) => {
  const replies = requests.map(answer);
  const files = replies.flatMap((reply) => ('read' in reply ? [...reply.attachments, reply.bodyFile] : []));
  // No buffer is listed twice, which would throw: two attachments never share one.
  const buffers = files.flatMap((file) => (file ? [file.content.buffer] : []));
  parentPort?.postMessage(replies, buffers);
});
