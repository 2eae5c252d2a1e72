/** Thread that reads mails for `parser.client.ts`: one request, one answer, in order. */
import { parentPort } from 'node:worker_threads';
import { PermanentError } from '../errors';
import type { Attachment } from '../email/email';
import type { ParseAnswer, ParsedFile, ParseRequest } from './parse-messages';
import { readMail } from './read-mail';

/** Bytes in memory of their own: a shared one would go over whole, and Buffer's pool cannot go at all. */
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
    // Only our own sentences leave the thread: a foreign message could quote the mail.
    return { problem: error instanceof PermanentError ? error.message : 'the mail could not be parsed' };
  }
}

parentPort?.on('message', (request: ParseRequest) => {
  const reply = answer(request);
  const files = 'email' in reply ? [...reply.email.attachments, reply.email.bodyFile] : [];
  const buffers = files.flatMap((file) => (file ? [file.content.buffer] : []));
  // Two attachments never share a buffer, so none is listed twice.
  parentPort?.postMessage(reply, buffers);
});
