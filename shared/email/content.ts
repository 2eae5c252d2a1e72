import { createHash } from 'node:crypto';

/** The bytes of a file: in memory, or in the raw batch, from where they are read in slices. */
export type Content = Buffer | StoredContent;

/** A large file of an item, which is never in memory as a whole. */
export interface StoredContent {
  /** Decoded bytes. */
  length: number;
  /** Hex, of the decoded bytes. */
  sha256: string;
  /**
   * Reads the file from its first byte, again with each call. A piece is valid until the next one is asked for. Throws when
   * the bytes differ from `length` and `sha256`.
   */
  read(): AsyncIterable<Buffer>;
}

export const isStored = (content: Content): content is StoredContent => !Buffer.isBuffer(content);

/** Hex. */
export const sha256Of = (content: Content): string =>
  isStored(content) ? content.sha256 : createHash('sha256').update(content).digest('hex');

/** The whole content in memory: for contents that are known to be small, and for people's exports. */
export async function bytesOf(content: Content): Promise<Buffer> {
  if (!isStored(content)) return content;
  const bytes = Buffer.allocUnsafe(content.length);
  let length = 0;
  for await (const piece of content.read()) length += piece.copy(bytes, length);
  return bytes;
}

/**
 * Reads ranges of a content, which is cheap as long as each begins where the one before ended. The bytes of a range are
 * valid until the next one is asked for.
 */
export interface RangeReader {
  range(start: number, end: number): Promise<Buffer>;
  close(): Promise<void>;
}

export function createRangeReader(content: Content): RangeReader {
  if (!isStored(content))
    return {
      range: (start, end) => Promise.resolve(content.subarray(start, end)),
      close: () => Promise.resolve(),
    };
  let chunks: AsyncIterator<Buffer> | undefined;
  let chunk: Buffer = Buffer.alloc(0);
  let space: Buffer = Buffer.alloc(0);
  let at = 0;
  const close = async () => void (await chunks?.return?.());
  return {
    close,
    async range(start, end) {
      if (!chunks || start < at) {
        await close();
        chunks = content.read()[Symbol.asyncIterator]();
        chunk = Buffer.alloc(0);
        at = 0;
      }
      if (space.length < end - start) space = Buffer.allocUnsafe(end - start);
      const bytes = space.subarray(0, end - start);
      let filled = 0;
      while (filled < bytes.length) {
        if (chunk.length === 0) {
          const next = await chunks.next();
          if (next.done) throw new Error(`A file of an item ended at byte ${at}, before byte ${end}`);
          chunk = next.value;
        }
        const skipped = Math.min(chunk.length, Math.max(0, start - at));
        const taken = chunk.subarray(skipped, skipped + bytes.length - filled);
        taken.copy(bytes, filled);
        filled += taken.length;
        at += skipped + taken.length;
        chunk = chunk.subarray(skipped + taken.length);
      }
      return bytes;
    },
  };
}
