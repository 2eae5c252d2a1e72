import { checkId, contentType, mailboxOf, metadata, type Call, type Handler, type Tenant } from './call';
import { accessDenied, conflict, GraphError, notFound } from './errors';
import { readJson } from './json-body';
import type { Attachment, Message } from './mailboxes';
import { fileAttachment } from './message-properties';
import { checkRoom, messageOf } from './message-lookup';
import { allowOptions, selected } from './query';
import type { z } from 'zod';

/** What the base type has; `contentBytes` and `contentId` belong to the derived one, and cannot be selected. */
const baseProperties = ['id', 'lastModifiedDateTime', 'name', 'contentType', 'size', 'isInline'];

/** A `$select` of attachments, be it of a list or within an `$expand`. */
export const selectedAttachments = (names: string) =>
  selected(new Map([['$select', names]]), baseProperties, 'microsoft.graph.attachment')!;

/** Exchange counts its own properties into the size of an attachment: it is never that of the bytes. */
const overheadBytes = 166;

/** A file whose bytes are kept, and which still lacks its id. */
export async function storedAttachment(
  tenant: Tenant,
  file: z.output<typeof fileAttachment>,
  now: string,
): Promise<Omit<Attachment, 'id'>> {
  return {
    name: file.name,
    contentType: file.contentType || 'application/octet-stream',
    bytes: file.contentBytes.length,
    isInline: file.isInline ?? false,
    contentId: file.contentId ?? null,
    sha256: await tenant.journal.saveBytes(file.contentBytes),
    modifiedAt: now,
  };
}

/** While one attachment is being written, Exchange refuses to write another to the same message. */
export async function oneAtATime<T>(tenant: Tenant, message: Message, write: () => Promise<T>): Promise<T> {
  if (tenant.writing.has(message.immutableId)) throw conflict();
  tenant.writing.add(message.immutableId);
  try {
    await tenant.pause();
    return await write();
  } finally {
    tenant.writing.delete(message.immutableId);
  }
}

/** Whether a tenant lets this app add to a message that is no draft is for its preflight to prove. */
export function checkMayAttach(tenant: Tenant, message: Message): void {
  if (tenant.faults.plan().sealedAttachments && !message.isDraft) throw accessDenied();
}

export const addAttachment: Handler = async (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const message = messageOf(mailbox, call);
  const file = readJson(call.body, contentType(call), fileAttachment);
  checkMayAttach(tenant, message);
  if (file.contentBytes.length >= tenant.limits.sessionMinBytes) {
    const text = 'The attachment size exceeds the limit of a single request: an upload session is needed.';
    throw new GraphError(413, 'ErrorAttachmentSizeLimitExceeded', text);
  }
  return oneAtATime(tenant, message, async () => {
    checkRoom(tenant, mailbox, message, file.contentBytes.length);
    const stored = await storedAttachment(tenant, file, call.now);
    messageOf(mailbox, call); // it may have been deleted while the bytes were written
    const attachment = { id: tenant.mailboxes.newAttachmentId(mailbox), ...stored };
    const attachments = [...message.attachments, attachment];
    tenant.mailboxes.changeMessage(mailbox, message, { attachments, modifiedAt: call.now });
    const context = metadata(
      call,
      `users('${mailbox.user.id}')/messages('${call.params.message}')/attachments/$entity`,
    );
    return {
      status: 201,
      json: { '@odata.context': context, ...(await attachmentView(tenant, attachment)) },
    };
  });
};

export const listAttachments: Handler = async (tenant, call) => {
  allowOptions(call.query, '$select');
  const mailbox = mailboxOf(tenant, call.params.user!);
  const message = messageOf(mailbox, call);
  const select = selected(call.query, baseProperties, 'microsoft.graph.attachment');
  const context = metadata(
    call,
    `users('${mailbox.user.id}')/messages('${call.params.message}')/attachments`,
  );
  const value = await Promise.all(message.attachments.map((file) => attachmentView(tenant, file, select)));
  return { status: 200, json: { '@odata.context': context, value } };
};

export const getAttachment: Handler = async (tenant, call) => {
  allowOptions(call.query, '$select');
  const select = selected(call.query, baseProperties, 'microsoft.graph.attachment');
  const file = attachmentOf(tenant, call);
  const context = metadata(
    call,
    `users('${call.params.user}')/messages('${call.params.message}')/attachments/$entity`,
  );
  return {
    status: 200,
    json: { '@odata.context': context, ...(await attachmentView(tenant, file, select)) },
  };
};

export const getAttachmentBytes: Handler = async (tenant, call) => {
  allowOptions(call.query);
  const file = attachmentOf(tenant, call);
  const bytes = await tenant.journal.loadBytes(file.sha256);
  return { status: 200, bytes, headers: { 'content-type': file.contentType.replace(/[^\x20-\x7e]/g, '') } };
};

function attachmentOf(tenant: Tenant, call: Call): Attachment {
  const message = messageOf(mailboxOf(tenant, call.params.user!), call);
  checkId(call.params.attachment!);
  const file = message.attachments.find(({ id }) => id === call.params.attachment);
  if (!file) throw notFound();
  return file;
}

/** As a fileAttachment: with its bytes, unless a `$select` names less. */
export async function attachmentView(
  tenant: Tenant,
  file: Attachment,
  select?: Set<string>,
): Promise<Record<string, unknown>> {
  const base: Record<string, unknown> = {
    id: file.id,
    lastModifiedDateTime: `${file.modifiedAt.slice(0, 19)}Z`,
    name: file.name,
    contentType: file.contentType,
    size: file.bytes + overheadBytes + 2 * file.name.length,
    isInline: file.isInline,
  };
  const type = {
    '@odata.type': '#microsoft.graph.fileAttachment',
    '@odata.mediaContentType': file.contentType,
  };
  if (select) return { ...type, ...Object.fromEntries([...select].map((name) => [name, base[name]])) };
  const content = await tenant.journal.loadBytes(file.sha256);
  return {
    ...type,
    ...base,
    contentId: file.contentId,
    contentLocation: null,
    contentBytes: content.toString('base64'),
  };
}
