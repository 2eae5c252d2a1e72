import type { Attachment } from '../email/email';
import { RefusedError, UncertainError } from './failure';
import type { Graph, Reply } from './request.client';

/** 12 × 320 KiB: below the 4 MB that one PUT may have, and a multiple of what some clouds ask for. */
export const sliceBytes = 12 * 320 * 1024;
const mostSessions = 3;

/** Where an upload stands, as the service tells it. */
interface SessionState {
  uploadUrl?: string;
  nextExpectedRanges?: string[];
}

/** A message that attachments are added to. */
export interface UploadTarget {
  userId: string;
  messageId: string;
  signal: AbortSignal;
  /** Called before each request; what it throws ends the upload. */
  beforeStep: () => Promise<void>;
}

/** Path of a message below `/v1.0`. */
export const messagePath = ({ userId, messageId }: Pick<UploadTarget, 'userId' | 'messageId'>) =>
  `/users/${encodeURIComponent(userId)}/messages/${encodeURIComponent(messageId)}`;

/**
 * Adds one attachment through an upload session, slice after slice; a session that ends too early is replaced by a
 * new one. The session's address is a credential: it stands in no error and no log
 * (learn.microsoft.com/graph/outlook-large-attachments). Throws `UncertainError` when the last slice may have been
 * taken: a second session would attach the file twice.
 */
export async function uploadAttachment(
  graph: Graph,
  target: UploadTarget,
  attachment: Attachment,
): Promise<void> {
  for (let session = 1; ; session += 1) {
    const uploadUrl = await openSession(graph, target, attachment);
    try {
      return await sendSlices(graph, target, uploadUrl, attachment.content);
    } catch (error) {
      const gone = error instanceof RefusedError && error.failure.kind === 'sessionGone';
      if (!gone || session === mostSessions) throw error;
    }
  }
}

async function openSession(graph: Graph, target: UploadTarget, attachment: Attachment): Promise<string> {
  const { name, content, contentType, inline, contentId } = attachment;
  await target.beforeStep();
  const { json } = await graph.post(`${messagePath(target)}/attachments/createUploadSession`, {
    doing: 'open upload session',
    mailbox: target.userId,
    begun: true,
    // A session that nobody uses attaches nothing.
    repeatable: true,
    doubtNotFound: 'unnamed',
    signal: target.signal,
    body: {
      AttachmentItem: {
        attachmentType: 'file',
        name,
        size: content.length,
        contentType,
        isInline: inline,
        ...(contentId !== undefined && { contentId }),
      },
    },
  });
  const { uploadUrl } = (json ?? {}) as SessionState;
  if (typeof uploadUrl !== 'string')
    throw new Error('open upload session: the answer has no address to upload to');
  return uploadUrl;
}

async function sendSlices(
  graph: Graph,
  target: UploadTarget,
  uploadUrl: string,
  content: Buffer,
): Promise<void> {
  let offset = 0;
  // A service that asks for the same bytes for ever must not hold the worker for ever.
  for (
    let left = 2 * Math.ceil(content.length / sliceBytes) + 2;
    left > 0 && offset < content.length;
    left -= 1
  ) {
    const end = Math.min(offset + sliceBytes, content.length);
    await target.beforeStep();
    const reply = await sendSlice(graph, target, uploadUrl, content, offset, end);
    if (reply.status === 201) return;
    // The service says how far it got; without a word the slice counts as taken.
    offset = nextOffset(reply) ?? end;
  }
  if (offset < content.length) throw new Error('upload slice: the session does not move on');
}

async function sendSlice(
  graph: Graph,
  target: UploadTarget,
  uploadUrl: string,
  content: Buffer,
  offset: number,
  end: number,
): Promise<Reply> {
  const call = { doing: 'upload slice', mailbox: target.userId, begun: true, signal: target.signal };
  const range = `bytes ${offset}-${end - 1}/${content.length}`;
  try {
    return await graph.upload(uploadUrl, content.subarray(offset, end), range, call);
  } catch (error) {
    if (!(error instanceof RefusedError) || error.failure.kind !== 'sessionGone') throw error;
    // Out of step: an earlier try of this slice was taken and its answer lost. The session tells where it stands.
    if (error.status === 416) {
      const state = await graph.uploadState(uploadUrl, call).catch(() => undefined);
      if (state && nextOffset(state) !== undefined) return state;
    }
    if (error.afterUnknown && end === content.length) {
      throw new UncertainError('upload slice: the last one may have been taken', { cause: error });
    }
    throw error;
  }
}

/** The first byte of `nextExpectedRanges` (`"3932160"`, `"3932160-"` or `"3932160-10485759"`). */
function nextOffset(reply: Reply): number | undefined {
  const first = ((reply.json ?? {}) as SessionState).nextExpectedRanges?.[0];
  const digits = /^\s*(\d+)/.exec(first ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
