import { checkId, type Call, type Tenant } from './call';
import { messageTooLarge, notFound, quotaExceeded } from './errors';
import { deletions, folderOf, wellKnown } from './folders';
import { messageBytes, type Mailbox, type Message } from './mailboxes';

/** The message that a path names: in its folder when the path has one, and nowhere once it is deleted. */
export function messageOf(mailbox: Mailbox, call: Call): Message {
  const key = call.params.message!;
  const folder = call.params.folder === undefined ? undefined : folderOf(mailbox, call.params.folder);
  checkId(key);
  const message = mailbox.messages.get(key);
  if (!message) throw notFound();
  const deleted = message.folderId === wellKnown(mailbox, deletions).id;
  if (folder ? message.folderId !== folder.id : deleted) throw notFound();
  return message;
}

/** Room for so many bytes more in the message and in the mailbox. */
export function checkRoom(
  tenant: Tenant,
  mailbox: Mailbox,
  message: Message | undefined,
  added: number,
): void {
  const limit = mailbox.user.messageLimitBytes ?? tenant.limits.messageBytes;
  if ((message ? messageBytes(message) : 0) + added > limit) throw messageTooLarge();
  const { quotaBytes } = mailbox.user;
  if (quotaBytes !== undefined && mailbox.usedBytes + added > quotaBytes) throw quotaExceeded();
}
