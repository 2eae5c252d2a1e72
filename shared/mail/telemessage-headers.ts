import { decodeText } from './encoded-words';
import { lineEndOf, readHeaders, type Headers } from './header';

/**
 * What TeleMessage's own headers (`X-TELEMESSAGE-…`) say of a mail. None is documented, so each is read where it is and
 * none is relied on; hyphens, underscores and case make no difference.
 */
export interface TeleMessageHeaders {
  /** The source id, for a feed that gives none. */
  archiveMessageId?: string;
  groupId?: string;
  threadId?: string;
  groupName?: string;
  threadName?: string;
  messageType?: string;
  status?: string;
  network?: string;
  archiveSource?: string;
}

const fields: Readonly<Record<string, keyof TeleMessageHeaders>> = {
  archivemessageid: 'archiveMessageId',
  groupid: 'groupId',
  threadid: 'threadId',
  groupname: 'groupName',
  threadname: 'threadName',
  messagetype: 'messageType',
  status: 'status',
  network: 'network',
  archivesource: 'archiveSource',
};

export function readTeleMessageHeaders(headers: Headers, charset?: string): TeleMessageHeaders {
  const found: TeleMessageHeaders = {};
  for (const name of headers.names) {
    const [, own] = /^x-telemessage-(.+)$/.exec(name) ?? [];
    const field = own === undefined ? undefined : fields[own.replace(/[-_]/g, '')];
    const value = field && decodeText(headers.first(name) ?? '', charset);
    if (field && value) found[field] ??= value;
  }
  return found;
}

/** The source id in a mail, if it has one. Reads nothing but the header. */
export function sourceIdIn(raw: Buffer): string | undefined {
  return readTeleMessageHeaders(readHeaders(raw, 0, lineEndOf(raw), true)).archiveMessageId;
}
