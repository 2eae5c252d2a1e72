import MailComposer from 'nodemailer/lib/mail-composer';
import { connectors } from '../shared/connectors';
import type { ReadItem } from '../shared/delivery/read-item';
import { bytesOf } from '../shared/email/content';
import { mailboxItem } from '../shared/email/mailbox-item';

export type Communication = Extract<ReadItem, { kind: 'communication' }>;

interface Recipient {
  emailAddress: { name: string; address: string };
}
interface ItemJson {
  subject: string;
  body: { contentType: string; content: string };
  from: Recipient;
  toRecipients: Recipient[];
  ccRecipients: Recipient[];
  bccRecipients: Recipient[];
  internetMessageId: string;
}

/** A file that travels with a mail. */
export interface MailFile {
  filename: string;
  content: Buffer;
  contentType: string;
}

/** A mail as bytes (RFC 5322). Nothing in it is fetched: neither files nor addresses that a stranger wrote. */
export function mailBytes(mail: {
  headers: Record<string, string>;
  from: { name: string; address: string };
  to: { name: string; address: string }[];
  cc?: { name: string; address: string }[];
  subject: string;
  date: Date;
  messageId?: string;
  text?: string;
  html?: string;
  files: MailFile[];
}): Promise<Buffer> {
  const { files, ...rest } = mail;
  const composer = new MailComposer({
    ...rest,
    attachments: files.map((file) => ({ ...file, contentTransferEncoding: 'base64' as const })),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return new Promise((resolve, reject) =>
    composer.compile().build((error, bytes) => (error ? reject(error) : resolve(bytes as Buffer))),
  );
}

/** The item as it is filed in mailboxes, with all its attachments, as a mail; the headers say where it comes from. */
export async function itemAsMail(item: Communication): Promise<Buffer> {
  const { email, provenance, users, itemKey } = item;
  const connector = connectors[provenance.connector];
  const options = { itemClass: connector.itemClass, itemKey, users };
  const { json, attachments } = mailboxItem(email, [], provenance, connector, options);
  const { subject, body, from, toRecipients, ccRecipients, internetMessageId } = json as unknown as ItemJson;
  const addresses = (recipients: Recipient[]) => recipients.map(({ emailAddress }) => emailAddress);
  const files: MailFile[] = [];
  for (const { name, content, contentType } of attachments)
    files.push({ filename: name, content: await bytesOf(content), contentType });
  const isHtml = body.contentType.toLowerCase() === 'html';
  return mailBytes({
    headers: {
      'X-Archiver-Connector': provenance.connector,
      'X-Archiver-Place': `batch ${provenance.batch}, position ${provenance.position}`,
      'X-Archiver-Source-Id': provenance.sourceId,
      'X-Archiver-Sha256': provenance.sha256,
      'X-Archiver-Item-Key': itemKey,
      'X-Archiver-Received': provenance.receivedAt,
    },
    from: from.emailAddress,
    to: addresses(toRecipients),
    cc: addresses(ccRecipients),
    subject,
    date: new Date(email.sentAt ?? provenance.receivedAt),
    messageId: internetMessageId,
    ...(isHtml ? { html: body.content } : { text: body.content }),
    files,
  });
}
