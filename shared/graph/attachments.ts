import type { Attachment } from '../email/email';
import { attachmentJson, planLimits } from './attachment-plan';
import type { AttachmentPlan } from './attachment-plan';
import { namesWhatIsMissing, RefusedError } from './failure';
import type { Graph } from './request.client';
import { messagePath, uploadAttachment } from './upload';
import type { UploadTarget } from './upload';

/**
 * Adds attachments to a message that exists, one at a time. Gives those that the service has no way to take: the
 * clouds of the US Government have no upload sessions, and just below 3 MB a file fits neither way. Throws what
 * `Graph` throws for everything else.
 */
export async function addAttachments(
  graph: Graph,
  target: UploadTarget,
  later: AttachmentPlan['later'],
): Promise<Attachment[]> {
  const refused: Attachment[] = [];
  for (const { attachment, by } of later) {
    const taken =
      by === 'request'
        ? await accepted(addInOneRequest(graph, target, attachment))
        : (await accepted(uploadAttachment(graph, target, attachment))) ||
          (attachment.content.length < planLimits.sessionBytes &&
            (await accepted(addInOneRequest(graph, target, attachment))));
    if (!taken) refused.push(attachment);
  }
  return refused;
}

async function addInOneRequest(graph: Graph, target: UploadTarget, attachment: Attachment): Promise<void> {
  await target.beforeStep();
  await graph.post(`${messagePath(target)}/attachments`, {
    doing: 'add attachment',
    mailbox: target.userId,
    begun: true,
    doubtNotFound: 'unnamed',
    signal: target.signal,
    body: attachmentJson(attachment),
  });
}

/** False when the attachment as such was refused; what is wrong with mailbox, message or service is thrown. */
async function accepted(adding: Promise<void>): Promise<boolean> {
  try {
    await adding;
    return true;
  } catch (error) {
    if (error instanceof RefusedError && (error.failure.kind === 'item' || hasNoSuchRoute(error)))
      return false;
    throw error;
  }
}

/** A 404 that stays and does not speak of the message: the cloud does not know the address `createUploadSession`. */
const hasNoSuchRoute = ({ failure, codes }: RefusedError) =>
  failure.kind === 'notFound' && !namesWhatIsMissing(codes);
