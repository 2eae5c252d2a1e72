import { randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { checkMayAttach, oneAtATime } from './attachments';
import { contentType, mailboxOf, metadata, type Answer, type Call, type Handler, type Tenant } from './call';
import { badRequest, GraphError, notFound, unauthorized } from './errors';
import { readJson } from './json-body';
import type { Mailbox, Message } from './mailboxes';
import { checkRoom, messageOf } from './message-lookup';
import { allowOptions } from './query';

/** Lives in memory alone: after a restart the session is gone, as it can be in the service at any time. */
export interface UploadSession {
  id: string;
  token: string;
  userId: string;
  messageId: string;
  file: { name: string; size: number; contentType: string; isInline: boolean; contentId: string | null };
  parts: Buffer[];
  received: number;
  expiresAt: number;
}

const lifetimeMs = 60 * 60_000;

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
  const message = messageOf(mailbox, call);
  const { AttachmentItem: item } = readJson(call.body, contentType(call), sessionBody);
  checkMayAttach(tenant, message);
  if (item.size < tenant.limits.sessionMinBytes) {
    const text = 'The attachment size is below the minimum size of an upload session.';
    throw new GraphError(400, 'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize', text);
  }
  if (item.size > tenant.limits.sessionMaxBytes) {
    throw new GraphError(400, 'ErrorAttachmentSizeLimitExceeded', 'The attachment size exceeds the limit.');
  }
  checkRoom(tenant, mailbox, message, item.size);
  // A newer session takes the place of an older one, so two uploads at once spoil each other while a client
  // that lost its session can begin again.
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
    expiresAt: tenant.now() + lifetimeMs,
  };
  tenant.uploads.set(session.id, session);
  return {
    status: 201,
    json: {
      '@odata.context': metadata(call, 'microsoft.graph.uploadSession'),
      uploadUrl: `${call.origin}/attachment-sessions/${session.id}?authtoken=${session.token}`,
      expirationDateTime: new Date(session.expiresAt).toISOString(),
      nextExpectedRanges: ['0-'],
    },
  };
};

/** The session of an upload URL. The URL is the whole credential: a bearer token with it is refused. */
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
  // A message that has gone to Recoverable Items counts as gone, and its session with it.
  const find = () => messageOf(mailbox, { ...call, params: { message: session.messageId } });
  const message = find();
  return oneAtATime(tenant, message, async () => {
    find();
    // A session that was replaced or cancelled meanwhile takes nothing any more.
    if (!tenant.uploads.has(session.id)) throw notFound();
    takePart(session, call);
    if (session.received < session.file.size) return progress(session);
    return finish(tenant, call, mailbox, message, session);
  });
};

/** Parts come in order, none twice, each of exactly the length that its header tells. */
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
  checkRoom(tenant, mailbox, message, file.size);
  const { size, ...told } = file;
  const sha256 = await tenant.journal.saveBytes(Buffer.concat(parts));
  if (!tenant.uploads.delete(id)) throw notFound();
  const attachmentId = tenant.mailboxes.newAttachmentId(mailbox);
  const added = { id: attachmentId, ...told, bytes: size, sha256, modifiedAt: call.now };
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
