import { bytesOf, createRangeReader, type Content, type RangeReader } from '../email/content';
import type { Attachment } from '../email/email';
import { RefusedError, refusesAttachment, UncertainError } from './failure';
import { messagePath } from './paths';
import type { Graph, Reply } from './request.client';

/**
 * The attachments of a message. Graph has three ways to take one: inside the request that creates the message (a body
 * of up to 4 MB), in a request of its own (under 3 MB), and through an upload session (from 3 MB on). Source:
 * learn.microsoft.com/graph/outlook-large-attachments.
 */
export interface AttachmentPlan<Bytes extends Content = Content> {
  /** Sent inside the create request. */
  inline: Attachment<Bytes>[];
  /** Added to the message after it is created, one at a time. */
  later: { attachment: Attachment<Bytes>; by: 'request' | 'session' }[];
}

const MB = 1024 * 1024;
/** JSON of the create request, in bytes: some room is left below Graph's 4 MB. */
const maxCreateBytes = 3_500_000;
/** JSON of a request that adds one attachment, in bytes. */
const maxRequestBytes = 4 * MB - 1;
/** The smallest file, in bytes, that an upload session takes. */
export const minSessionBytes = 3 * MB;
/** 12 × 320 KiB: below the 4 MB that one PUT may carry, and a multiple of 320 KiB, which some clouds require. */
const sliceBytes = 12 * 320 * 1024;
const maxSessions = 3;

/**
 * Puts as many attachments as fit into the create request, smallest first, so that the fewest requests remain. Within
 * each group the attachments keep their order.
 *
 * @param itemBytes size of the message's JSON without attachments
 */
export function planAttachments<Bytes extends Content>(
  itemBytes: number,
  attachments: readonly Attachment<Bytes>[],
): AttachmentPlan<Bytes> {
  const smallestFirst = [...attachments].sort((a, b) => a.content.length - b.content.length);
  const inline = new Set<Attachment<Bytes>>();
  let bytes = itemBytes + '"attachments":[]'.length;
  for (const attachment of smallestFirst) {
    bytes += jsonBytes(attachment) + 1;
    if (bytes > maxCreateBytes) break;
    inline.add(attachment);
  }
  const later = attachments.filter((attachment) => !inline.has(attachment));
  return {
    inline: attachments.filter((attachment) => inline.has(attachment)),
    later: later.map((attachment) => ({ attachment, by: fitsRequest(attachment) ? 'request' : 'session' })),
  };
}

/** Just below 3 MB a file is small enough for a request, but its base64 is not. */
const fitsRequest = (attachment: Attachment) =>
  attachment.content.length < minSessionBytes && jsonBytes(attachment) <= maxRequestBytes;

/** The message's JSON with its inline attachments. */
export function messageJson(message: object, inline: readonly Attachment<Buffer>[]): Buffer {
  const json = JSON.stringify(message);
  if (inline.length === 0) return Buffer.from(json);
  const parts = inline.flatMap((attachment, index) => [
    Buffer.from(index === 0 ? '' : ','),
    ...jsonParts(attachment),
  ]);
  const start = json === '{}' ? '{' : `${json.slice(0, -1)},`;
  return Buffer.concat([Buffer.from(`${start}"attachments":[`), ...parts, Buffer.from(']}')]);
}

/** The JSON of one attachment. */
export const attachmentJson = (attachment: Attachment<Buffer>): Buffer =>
  Buffer.concat(jsonParts(attachment));

/** The attachment with its content in memory: for one that is small enough for a request. */
export const inMemory = async (attachment: Attachment): Promise<Attachment<Buffer>> => ({
  ...attachment,
  content: await bytesOf(attachment.content),
});

/** The base64 is joined in as bytes: `JSON.stringify` takes 17 times longer over 10 MB of it. */
const jsonParts = (attachment: Attachment<Buffer>): Buffer[] => [
  Buffer.from(jsonHead(attachment)),
  Buffer.from(attachment.content.toString('base64'), 'latin1'),
  Buffer.from(jsonTail),
];

const jsonBytes = (attachment: Attachment) =>
  Buffer.byteLength(jsonHead(attachment)) + Math.ceil(attachment.content.length / 3) * 4 + jsonTail.length;

const jsonTail = '"}';

/** The JSON up to the first byte of the base64. Graph refuses an attachment without `@odata.type`. */
function jsonHead({ name, contentType, inline, contentId }: Attachment): string {
  const json = JSON.stringify({
    '@odata.type': '#microsoft.graph.fileAttachment',
    name,
    contentType,
    isInline: inline,
    ...(contentId !== undefined && { contentId }),
    contentBytes: '',
  });
  return json.slice(0, -jsonTail.length);
}

/** A message to which attachments are added. */
export interface MessageTarget {
  userId: string;
  messageId: string;
  signal: AbortSignal;
  /** Called before each request; what it throws ends the work. */
  beforeStep: () => Promise<void>;
}

/**
 * Adds attachments to an existing message, one at a time, and returns those that the service has no way to take: the
 * US Government clouds have no upload sessions, and a file just below 3 MB fits neither way. Any other
 * failure throws what `Graph` throws.
 */
export async function addAttachments(
  graph: Graph,
  target: MessageTarget,
  later: AttachmentPlan['later'],
): Promise<Attachment[]> {
  const refused: Attachment[] = [];
  for (const { attachment, by } of later) {
    const taken =
      by === 'request'
        ? await isTaken(addInOneRequest(graph, target, attachment))
        : (await isTaken(upload(graph, target, attachment))) ||
          (attachment.content.length < minSessionBytes &&
            (await isTaken(addInOneRequest(graph, target, attachment))));
    if (!taken) refused.push(attachment);
  }
  return refused;
}

/** False when Graph refused this attachment as such; any other failure is thrown. */
async function isTaken(adding: Promise<void>): Promise<boolean> {
  try {
    await adding;
    return true;
  } catch (error) {
    if (refusesAttachment(error)) return false;
    throw error;
  }
}

const pathOf = ({ userId, messageId }: MessageTarget) => `${messagePath(userId, messageId)}/attachments`;

async function addInOneRequest(graph: Graph, target: MessageTarget, attachment: Attachment): Promise<void> {
  await target.beforeStep();
  await graph.post(pathOf(target), {
    doing: 'add attachment',
    mailbox: target.userId,
    begun: true,
    retryNotFound: 'unlessNamed',
    signal: target.signal,
    body: attachmentJson(await inMemory(attachment)),
  });
}

/** What the service says about an upload session. */
interface SessionState {
  uploadUrl?: string;
  nextExpectedRanges?: string[];
}

/**
 * Adds one attachment through an upload session, slice by slice; a session that ends too early is replaced by a new
 * one. The session's address is a credential: it appears in no error and no log. Throws `UncertainError` when the last
 * slice may have been stored: a second session would attach the file twice.
 */
async function upload(graph: Graph, target: MessageTarget, attachment: Attachment): Promise<void> {
  for (let session = 1; ; session += 1) {
    const uploadUrl = await openSession(graph, target, attachment);
    const reader = createRangeReader(attachment.content);
    try {
      return await sendSlices(graph, target, uploadUrl, { reader, length: attachment.content.length });
    } catch (error) {
      if (!isSessionGone(error) || session === maxSessions) throw error;
    } finally {
      await reader.close();
    }
  }
}

const isSessionGone = (error: unknown): error is RefusedError =>
  error instanceof RefusedError && error.failure.kind === 'sessionGone';

async function openSession(graph: Graph, target: MessageTarget, attachment: Attachment): Promise<string> {
  const { name, content, contentType, inline, contentId } = attachment;
  await target.beforeStep();
  const { json } = await graph.post(`${pathOf(target)}/createUploadSession`, {
    doing: 'open upload session',
    mailbox: target.userId,
    begun: true,
    // A session that is never used attaches nothing.
    repeatable: true,
    retryNotFound: 'unlessNamed',
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

/** Where an upload takes its bytes from. */
interface Source {
  reader: RangeReader;
  length: number;
}

async function sendSlices(
  graph: Graph,
  target: MessageTarget,
  uploadUrl: string,
  { reader, length }: Source,
): Promise<void> {
  let offset = 0;
  // A service that keeps asking for the same bytes would hold the worker without end.
  let requestsLeft = 2 * Math.ceil(length / sliceBytes) + 2;
  while (offset < length) {
    if (requestsLeft === 0) throw new Error('upload slice: the session makes no progress');
    requestsLeft -= 1;
    const end = Math.min(offset + sliceBytes, length);
    await target.beforeStep();
    const slice = { bytes: await reader.range(offset, end), offset, length };
    const reply = await sendSlice(graph, target, uploadUrl, slice);
    if (reply.status === 201) return;
    // The service says how far it got; if it does not, it has the slice.
    offset = nextOffset(reply) ?? end;
  }
}

async function sendSlice(
  graph: Graph,
  target: MessageTarget,
  uploadUrl: string,
  { bytes, offset, length }: { bytes: Buffer; offset: number; length: number },
): Promise<Reply> {
  const end = offset + bytes.length;
  const call = { doing: 'upload slice', mailbox: target.userId, begun: true, signal: target.signal };
  const range = `bytes ${offset}-${end - 1}/${length}`;
  try {
    return await graph.upload(uploadUrl, bytes, range, call);
  } catch (error) {
    if (!isSessionGone(error)) throw error;
    // Out of step: an earlier try of this slice was stored and its answer lost. Ask the session how far it got.
    if (error.status === 416) {
      const state = await graph.uploadState(uploadUrl, call).catch(() => undefined);
      if (state && nextOffset(state) !== undefined) return state;
    }
    if (error.mayHaveTakenEffect && end === length)
      throw new UncertainError('upload slice: the last one may have been stored', { cause: error });
    throw error;
  }
}

/** The first byte of `nextExpectedRanges` (`"3932160"`, `"3932160-"` or `"3932160-10485759"`). */
function nextOffset(reply: Reply): number | undefined {
  const first = ((reply.json ?? {}) as SessionState).nextExpectedRanges?.[0];
  const digits = /^\s*(\d+)/.exec(first ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
