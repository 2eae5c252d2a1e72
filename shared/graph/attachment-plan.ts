import type { Attachment } from '../email/email';

/**
 * How the attachments of an item travel. Graph takes request bodies of up to 4 MB, attachments of under 3 MB in one
 * request, and larger ones through an upload session (learn.microsoft.com/graph/outlook-large-attachments).
 */
export interface AttachmentPlan {
  /** Within the request that creates the message. */
  inline: Attachment[];
  /** One request each, afterwards. */
  later: { attachment: Attachment; by: 'request' | 'session' }[];
}

const MB = 1024 * 1024;

export interface PlanLimits {
  /** JSON of the create request, in bytes. */
  createBytes: number;
  /** JSON of a request that adds one attachment. */
  requestBytes: number;
  /** A file from this size on goes through a session. */
  sessionBytes: number;
}

export const planLimits: PlanLimits = {
  createBytes: 3_500_000,
  requestBytes: 4 * MB - 1,
  sessionBytes: 3 * MB,
};

/**
 * Puts as many attachments as fit into the create request, smallest first, so that the fewest requests remain; the
 * order within each group is the item's. `itemBytes` is the JSON of the message without attachments.
 */
export function planAttachments(
  itemBytes: number,
  attachments: readonly Attachment[],
  limits: PlanLimits = planLimits,
): AttachmentPlan {
  const smallestFirst = [...attachments].sort((a, b) => a.content.length - b.content.length);
  const inline = new Set<Attachment>();
  let bytes = itemBytes + '"attachments":[]'.length;
  for (const attachment of smallestFirst) {
    bytes += attachmentJsonBytes(attachment) + 1;
    if (bytes > limits.createBytes) break;
    inline.add(attachment);
  }
  const later = attachments.filter((attachment) => !inline.has(attachment));
  return {
    inline: attachments.filter((attachment) => inline.has(attachment)),
    later: later.map((attachment) => ({
      attachment,
      by: fitsRequest(attachment, limits) ? 'request' : 'session',
    })),
  };
}

/** Whether one request can carry the attachment. Just below 3 MB its base64 no longer fits into 4 MB. */
export function fitsRequest(attachment: Attachment, limits: PlanLimits = planLimits): boolean {
  return (
    attachment.content.length < limits.sessionBytes && attachmentJsonBytes(attachment) <= limits.requestBytes
  );
}

const attachmentJsonBytes = (attachment: Attachment) =>
  Buffer.byteLength(attachmentHead(attachment)) +
  Math.ceil(attachment.content.length / 3) * 4 +
  attachmentTail.length;

const attachmentTail = '"}';

/** The JSON of a file attachment up to the first byte of its base64. Without `@odata.type` Graph refuses it. */
function attachmentHead({ name, contentType, inline, contentId }: Attachment): string {
  const json = JSON.stringify({
    '@odata.type': '#microsoft.graph.fileAttachment',
    name,
    contentType,
    isInline: inline,
    ...(contentId !== undefined && { contentId }),
    contentBytes: '',
  });
  return json.slice(0, -attachmentTail.length);
}

/** The JSON of one file attachment. Base64 is put between two ends: stringifying 10 MB of it takes 17 times longer. */
export function attachmentJson(attachment: Attachment): Buffer {
  return Buffer.concat(attachmentParts(attachment));
}

/** The JSON of the message with its inline attachments, in one Buffer. */
export function messageJson(message: object, inline: readonly Attachment[]): Buffer {
  const json = JSON.stringify(message);
  if (inline.length === 0) return Buffer.from(json);
  const parts = inline.flatMap((attachment, index) => [
    Buffer.from(index === 0 ? '' : ','),
    ...attachmentParts(attachment),
  ]);
  const start = json === '{}' ? '{' : `${json.slice(0, -1)},`;
  return Buffer.concat([Buffer.from(`${start}"attachments":[`), ...parts, Buffer.from(']}')]);
}

const attachmentParts = (attachment: Attachment): Buffer[] => [
  Buffer.from(attachmentHead(attachment)),
  Buffer.from(attachment.content.toString('base64'), 'latin1'),
  Buffer.from(attachmentTail),
];
