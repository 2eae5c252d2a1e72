/**
 * The thread that reads mails for `parser.client.ts`: one answer per request, in order. It listens as soon as it is
 * loaded, so other files import its types only.
 */
import { parentPort } from 'node:worker_threads';
import type { Attachment, Email } from '../email/email';
import { PermanentError } from '../errors';
import { readMail, type MailContext } from './read-mail';

export interface ParseRequest {
  raw: Uint8Array;
  context: MailContext;
}

/** The mail, or why it cannot be read. */
export type ParseAnswer = { email: ParsedEmail } | { problem: string };

/** A mail as it crosses threads: a Buffer arrives as a plain Uint8Array. */
export type ParsedEmail = Omit<Email, 'attachments' | 'bodyFile'> & {
  attachments: ParsedFile[];
  bodyFile?: ParsedFile;
};

export type ParsedFile = Omit<Attachment, 'content'> & { content: Uint8Array<ArrayBuffer> };

/** Bytes in memory of their own: a shared buffer would be sent whole, and Buffer's pool cannot be sent at all. */
function owned(content: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = content;
  const whole = buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength;
  return whole ? new Uint8Array(buffer) : new Uint8Array(content);
}

function answer({ raw, context }: ParseRequest): ParseAnswer {
  try {
    const { attachments, bodyFile, ...email } = readMail(raw, context);
    const file = ({ content, ...rest }: Attachment): ParsedFile => ({ ...rest, content: owned(content) });
    return {
      email: { ...email, attachments: attachments.map(file), ...(bodyFile && { bodyFile: file(bodyFile) }) },
    };
  } catch (error) {
    // Another library's message could quote the mail, so only our own messages leave the thread.
    return { problem: error instanceof PermanentError ? error.message : 'the mail could not be parsed' };
  }
}

parentPort?.on('message', (request: ParseRequest) => {
  const reply = answer(request);
  const files = 'email' in reply ? [...reply.email.attachments, reply.email.bodyFile] : [];
  // No buffer is listed twice, which would throw: two attachments never share one.
  const buffers = files.flatMap((file) => (file ? [file.content.buffer] : []));
  parentPort?.postMessage(reply, buffers);
});
