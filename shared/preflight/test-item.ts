import { createHash } from 'node:crypto';
import type { Config } from '../config';
import { connectors, type ConnectorId } from '../connectors';
import type { Attachment } from '../email/email';
import { mailboxItem, type MailboxItem } from '../email/mailbox-item';

/** By which a test item that was left behind is known. */
export const testSubject = 'Archiver Preflight';

/** Long past, so that a mailbox that puts its own time in their place is found out. */
const sentAt = '2011-03-04T05:06:07.000Z';
const receivedAt = '2011-03-04T05:08:09.000Z';

const party = (name: string, local: string) => ({ name, address: `${local}@preflight.invalid` });

/** A file of the test items; its bytes follow from its size alone. */
export const testFile = (name: string, bytes: number): Attachment => ({
  name,
  contentType: 'application/octet-stream',
  content: Buffer.alloc(bytes, 'Archiver Preflight. '),
  inline: false,
});

/** Which test item: a name, unique in its preflight. */
export interface TestItem {
  id: string;
  name: string;
  mailbox: string;
  connector: ConnectorId;
  attachments?: Attachment[];
}

/**
 * An item like those that are archived, made by the same code, with no content but this product's own. All items
 * of one preflight belong to one chat.
 */
export function testItem(
  { id, name, mailbox, connector, attachments = [] }: TestItem,
  config: Config,
): MailboxItem {
  const sha256 = createHash('sha256').update(`preflight ${id} ${name}`).digest('hex');
  return mailboxItem(
    {
      subject: testSubject,
      from: party('Preflight Sender', 'sender'),
      to: [party('Preflight Recipient', 'recipient')],
      cc: [party('Preflight Copy', 'copy')],
      bcc: [],
      sentAt,
      sentAsWritten: sentAt,
      body: {
        type: 'text',
        content: 'A test item of the archiver. It is removed at once and can be deleted.',
      },
      details: [],
      attachments,
      chat: { key: `preflight-${id}`, topic: testSubject },
      references: [],
    },
    [],
    { connector, batch: 0, position: 0, sourceId: `preflight-${id}-${name}`, sha256, receivedAt },
    connectors[connector],
    {
      itemClass: config.perConnector[connector].itemClass,
      addresses: [
        { emailAddress: mailbox, mobileNumber: undefined, firstName: undefined, lastName: undefined },
      ],
      itemKey: sha256,
    },
  );
}

/** When the test items claim to have been sent and received. */
export const testTimes = { sentAt, receivedAt };
