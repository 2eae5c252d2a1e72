import { randomBytes, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { contextUrl, type Answer, type Call, type Handler, type Tenant, type UploadSession } from './call';
import { mailboxOf } from './directory';
import { accessDenied, badRequest, conflict, GraphError, notFound, unauthorized } from './errors';
import { checkId, messageOf, wholeSeconds, type Attachment, type Mailbox, type Message } from './mailboxes';
import { checkSizes, fileAttachment } from './message-input';
import { allowOptions, selected } from './query';
import { readJson } from './request-body';

/** Attachments of a message: in one request below 3 MB, by an upload session from 3 MB on. */

/** Properties of the base type. `contentBytes` and `contentId` belong to fileAttachment and cannot be selected. */
const baseProperties = ['id', 'lastModifiedDateTime', 'name', 'contentType', 'size', 'isInline'];

/** The properties that a `$select` within an `$expand` names. */
export const selectedAttachments = (names: string) =>
  selected(new Map([['$select', names]]), baseProperties, 'microsoft.graph.attachment')!;

/** Exchange adds its own properties to the size of an attachment, so `size` is never the length of the content. */
const overheadBytes = 166;

/** Saves the bytes of a file. The attachment still needs an id. */
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

/** Exchange refuses an attachment while another is being written to the same message. */
async function oneAtATime<T>(tenant: Tenant, message: Message, write: () => Promise<T>): Promise<T> {
  if (tenant.writing.has(message.immutableId)) throw conflict();
  tenant.writing.add(message.immutableId);
  try {
    await tenant.work();
    return await write();
  } finally {
    tenant.writing.delete(message.immutableId);
  }
}

/** A tenant may refuse to add attachments to a received item; the app's preflight finds out. */
function checkMayAttach(tenant: Tenant, message: Message): void {
  if (tenant.faults.plan().sealedAttachments && !message.isDraft) throw accessDenied();
}

export const addAttachment: Handler = async (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const message = messageOf(mailbox, call.params);
  const file = readJson(call.body, call.headers['content-type'], fileAttachment);
  checkMayAttach(tenant, message);
  if (file.contentBytes.length >= tenant.limits.sessionMinBytes) {
    const text = 'The attachment size exceeds the limit of a single request: an upload session is needed.';
    throw new GraphError(413, 'ErrorAttachmentSizeLimitExceeded', text);
  }
  return oneAtATime(tenant, message, async () => {
    checkSizes(tenant, mailbox, message, file.contentBytes.length);
    const stored = await storedAttachment(tenant, file, call.now);
    messageOf(mailbox, call.params); // Throws if it was deleted while the bytes were being written.
    const attachment = { id: tenant.mailboxes.newAttachmentId(mailbox), ...stored };
    const attachments = [...message.attachments, attachment];
    tenant.mailboxes.changeMessage(mailbox, message, { attachments, modifiedAt: call.now });
    const context = contextUrl(
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
  const message = messageOf(mailbox, call.params);
  const select = selected(call.query, baseProperties, 'microsoft.graph.attachment');
  const context = contextUrl(
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
  const context = contextUrl(
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
  const message = messageOf(mailboxOf(tenant, call.params.user!), call.params);
  checkId(call.params.attachment!);
  const file = message.attachments.find(({ id }) => id === call.params.attachment);
  if (!file) throw notFound();
  return file;
}

/** The attachment as a fileAttachment: with its content, unless a `$select` names the properties. */
export async function attachmentView(
  tenant: Tenant,
  file: Attachment,
  select?: Set<string>,
): Promise<Record<string, unknown>> {
  const base: Record<string, unknown> = {
    id: file.id,
    lastModifiedDateTime: wholeSeconds(file.modifiedAt),
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

const sessionLifetimeMs = 60 * 60_000;

const sessionBody = z.strictObject({
  AttachmentItem: z.strictObject({
    '@odata.type': z.literal('#microsoft.graph.attachmentItem').optional(),
    attachmentType: z.literal('file'),
    name: z.string().regex(/\S/),
    size: z.int().nonnegative(),
    contentType: z.string().nullish(),
    isInline: z.boolean().nullish(),
    contentId: z.string().nullish(),
  }),
});

const badRange = (text: string) => new GraphError(416, 'ErrorInvalidContentRange', text);

export const createUploadSession: Handler = (tenant, call) => {
  allowOptions(call.query);
  const mailbox = mailboxOf(tenant, call.params.user!);
  const message = messageOf(mailbox, call.params);
  const { AttachmentItem: item } = readJson(call.body, call.headers['content-type'], sessionBody);
  checkMayAttach(tenant, message);
  if (item.size < tenant.limits.sessionMinBytes) {
    const text = 'The attachment size is below the minimum size of an upload session.';
    throw new GraphError(400, 'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize', text);
  }
  if (item.size > tenant.limits.sessionMaxBytes) {
    throw new GraphError(400, 'ErrorAttachmentSizeLimitExceeded', 'The attachment size exceeds the limit.');
  }
  checkSizes(tenant, mailbox, message, item.size);
  // A new session ends the older one of the message: a client that lost its session can begin again, and two
  // concurrent uploads to one message break each other.
  for (const old of tenant.uploads.values()) {
    if (old.messageId === message.immutableId) tenant.uploads.delete(old.id);
  }
  const session: UploadSession = {
    id: randomBytes(18).toString('base64url'),
    token: randomBytes(48).toString('base64url'),
    userId: mailbox.user.id,
    messageId: message.immutableId,
    file: {
      name: item.name,
      size: item.size,
      contentType: item.contentType || 'application/octet-stream',
      isInline: item.isInline ?? false,
      contentId: item.contentId ?? null,
    },
    parts: [],
    received: 0,
    expiresAt: tenant.now() + sessionLifetimeMs,
  };
  tenant.uploads.set(session.id, session);
  return {
    status: 201,
    json: {
      '@odata.context': contextUrl(call, 'microsoft.graph.uploadSession'),
      uploadUrl: `${call.origin}/attachment-sessions/${session.id}?authtoken=${session.token}`,
      expirationDateTime: new Date(session.expiresAt).toISOString(),
      nextExpectedRanges: ['0-'],
    },
  };
};

/** The session of an upload URL. The URL is the credential, so a bearer token in the request is refused. */
export function sessionOf(tenant: Tenant, call: Call): UploadSession {
  if (call.headers.authorization !== undefined) throw unauthorized('The audience of the token is invalid.');
  const session = tenant.uploads.get(call.params.session!);
  if (!session || session.expiresAt <= tenant.now()) throw notFound();
  const given = Buffer.from(call.query.get('authtoken') ?? '');
  const expected = Buffer.from(session.token);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw unauthorized('The token of the upload session is invalid.');
  }
  return session;
}

export const getUpload: Handler = (tenant, call) => progress(sessionOf(tenant, call));

export const cancelUpload: Handler = (tenant, call) => {
  tenant.uploads.delete(sessionOf(tenant, call).id);
  return { status: 204 };
};

export const putUpload: Handler = async (tenant, call) => {
  const session = sessionOf(tenant, call);
  const mailbox = tenant.mailboxes.get(session.userId);
  // A message in Recoverable Items counts as deleted, and its session is gone with it.
  const find = () => messageOf(mailbox, { message: session.messageId });
  const message = find();
  return oneAtATime(tenant, message, async () => {
    find();
    // The session may have been replaced or cancelled in the meantime.
    if (!tenant.uploads.has(session.id)) throw notFound();
    takePart(session, call);
    if (session.received < session.file.size) return progress(session);
    return finish(tenant, call, mailbox, message, session);
  });
};

/** Parts must come in order, each once, and each as long as its header says. */
function takePart(session: UploadSession, call: Call): void {
  const match = /^bytes (\d{1,12})-(\d{1,12})\/(\d{1,12})$/.exec(String(call.headers['content-range'] ?? ''));
  if (!match) throw badRequest('The Content-Range header is missing or malformed.');
  const [from, to, total] = match.slice(1).map(Number) as [number, number, number];
  if (total !== session.file.size || to >= total || from > to)
    throw badRange('The range does not fit the file.');
  if (from !== session.received) throw badRange(`The next expected range begins at ${session.received}.`);
  if (call.body.length !== to - from + 1) throw badRequest('The body is not as long as its Content-Range.');
  session.parts.push(call.body);
  session.received += call.body.length;
}

async function finish(
  tenant: Tenant,
  call: Call,
  mailbox: Mailbox,
  message: Message,
  { id, file, parts }: UploadSession,
): Promise<Answer> {
  checkSizes(tenant, mailbox, message, file.size);
  const { size, ...rest } = file;
  const sha256 = await tenant.journal.saveBytes(Buffer.concat(parts));
  if (!tenant.uploads.delete(id)) throw notFound();
  const attachmentId = tenant.mailboxes.newAttachmentId(mailbox);
  const added = { id: attachmentId, ...rest, bytes: size, sha256, modifiedAt: call.now };
  const attachments = [...message.attachments, added];
  tenant.mailboxes.changeMessage(mailbox, message, { attachments, modifiedAt: call.now });
  const path = `/v1.0/users/${mailbox.user.id}/messages/${message.id}/attachments/${attachmentId}`;
  return { status: 201, headers: { location: `${call.origin}${path}` } };
}

function progress({ received, expiresAt }: UploadSession): Answer {
  return {
    status: 200,
    json: {
      expirationDateTime: new Date(expiresAt).toISOString(),
      nextExpectedRanges: [String(received)],
    },
  };
}
