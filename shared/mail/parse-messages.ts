import type { Attachment, Email } from '../email/email';
import type { MailContext } from './read-mail';

/** What goes to a parser thread. */
export interface ParseRequest {
  raw: Uint8Array;
  context: MailContext;
}

/** A mail as it crosses threads: a Buffer arrives as plain bytes. */
export type ParsedEmail = Omit<Email, 'attachments' | 'bodyFile'> & {
  attachments: ParsedFile[];
  bodyFile?: ParsedFile;
};

export type ParsedFile = Omit<Attachment, 'content'> & { content: Uint8Array<ArrayBuffer> };

/** What comes back: the mail, or why there is none. */
export type ParseAnswer = { email: ParsedEmail } | { problem: string };
