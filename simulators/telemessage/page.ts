import type { ServerResponse } from 'node:http';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { Fault } from './page-faults';

/** Cuts a window into pages, and sends a page line by line, no faster than the client reads. */

export interface SourceLine {
  /** Arrival at TeleMessage, ISO-8601 UTC. */
  gatewayReceivedDate: string;
  /** The line, or a function that makes it when it is sent. A missing line feed is added. */
  line: Buffer | (() => Buffer);
  /** The approximate size of a line that a function makes; pages are cut by it. */
  bytes?: number;
}

export type SourceLines = Iterable<SourceLine> | AsyncIterable<SourceLine>;

export interface Page {
  lines: SourceLine[];
  isLast: boolean;
  /** The position of the next page. */
  next: number;
}

const sizeOf = ({ line, bytes }: SourceLine) => (Buffer.isBuffer(line) ? line.length : (bytes ?? 0));

/** The page of the window that begins at `position`. It has at least one line, if there is one. */
export async function cutPage(
  source: SourceLines,
  query: { fromMs: number; toMs: number; limit: number },
  position: number,
  options: { pageBytes: number; repeated: number },
): Promise<Page> {
  const lines: SourceLine[] = [];
  const start = Math.max(0, position - Math.min(options.repeated, query.limit - 1));
  let at = -1;
  let bytes = 0;
  for await (const line of source) {
    const arrivedAtMs = Date.parse(line.gatewayReceivedDate);
    if (!(arrivedAtMs >= query.fromMs && arrivedAtMs < query.toMs)) continue;
    at++;
    if (at < start) continue;
    const isFull = lines.length === query.limit || bytes + sizeOf(line) > options.pageBytes;
    if (isFull && at > position) return { lines, isLast: false, next: at };
    lines.push(line);
    bytes += sizeOf(line);
  }
  return { lines, isLast: true, next: at + 1 };
}

const chunkBytes = 65_536;
/** More than any limit that a client may set, but not without end, so that a test without a limit finishes. */
const endlessBytes = 4 * 1024 ** 3;

function bytesOf({ line }: SourceLine): Buffer {
  const bytes = Buffer.isBuffer(line) ? line : line();
  return bytes.at(-1) === 0x0a ? bytes : Buffer.concat([bytes, Buffer.from('\n')]);
}

function* chunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

function* endless(lines: readonly SourceLine[]): Generator<Buffer> {
  const filler = Buffer.from(`{"messageId":"1_1","filler":"${'x'.repeat(4096)}"}\n`);
  const first = lines[0] ? bytesOf(lines[0]) : filler;
  for (let sent = 0; sent < endlessBytes; sent += first.length) yield* chunks(first);
}

/** The body, changed by the fault. `closed` aborts when the client has closed the connection. */
async function* body(lines: readonly SourceLine[], fault: Fault | undefined, closed: AbortSignal) {
  if (fault?.kind === 'endless') return yield* endless(lines);
  const isCut = fault?.kind === 'truncated' || fault?.kind === 'stalled';
  const half = Math.floor(lines.length / 2);
  for (const [index, line] of lines.entries()) {
    const bytes = bytesOf(line);
    const isLast = index === lines.length - 1;
    // Ten pauses, however many lines there are.
    if (fault?.kind === 'slow' && index % Math.ceil(lines.length / 10) === 0)
      await sleep(fault.slowMs / 10, undefined, { signal: closed }).catch(() => undefined);
    if (isCut && index === half) {
      yield* chunks(bytes.subarray(0, Math.ceil(bytes.length / 2)));
      break;
    }
    if (fault?.kind === 'fewerLines' && isLast) break;
    yield* chunks(fault?.kind === 'noLineEnd' && isLast ? bytes.subarray(0, -1) : bytes);
  }
  if (fault?.kind === 'truncated') throw new Error('the connection closes in the middle of the body');
  if (fault?.kind === 'stalled' && !closed.aborted) {
    await new Promise((resolve) => closed.addEventListener('abort', resolve, { once: true }));
  }
}

/** Drops the last bytes of a stream. */
function dropEnd(byteCount: number): Transform {
  let held = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const all = Buffer.concat([held, chunk]);
      held = all.subarray(Math.max(0, all.length - byteCount));
      done(null, all.subarray(0, all.length - held.length));
    },
  });
}

/**
 * Covers the gzip trailer and some of the data before it. Decoders that tolerate a missing end, such as the built-in
 * fetch, then return an incomplete body without an error.
 */
const lostGzipBytes = 64;

export interface Sent {
  /** Bytes sent, before compression. */
  bytes: number;
  isWhole: boolean;
}

/** Sends the body. A client that closes the connection early does not count as an error. */
export async function sendPage(
  response: ServerResponse,
  lines: readonly SourceLine[],
  options: { gzip: boolean; fault: Fault | undefined },
): Promise<Sent> {
  let bytes = 0;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  async function* counted() {
    for await (const chunk of body(lines, options.fault, gone.signal)) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  // Two chunks of 64 KiB keep the pipeline busy; more would only use memory.
  const source = Readable.from(counted(), { objectMode: false, highWaterMark: 2 * chunkBytes });
  response.flushHeaders();
  try {
    const isCut = options.fault?.kind === 'truncatedGzip';
    const between = [
      ...(options.gzip ? [createGzip({ level: 1 })] : []),
      ...(isCut ? [dropEnd(lostGzipBytes)] : []),
    ];
    await pipeline([source, ...between, response]);
    return { bytes, isWhole: true };
  } catch {
    response.destroy();
    return { bytes, isWhole: false };
  }
}
