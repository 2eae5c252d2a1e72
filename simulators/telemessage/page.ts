import type { ServerResponse } from 'node:http';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Fault } from './page-faults';

/** Cutting a window into pages, and sending one: a line at a time, no faster than the client reads. */

export interface SourceLine {
  /** Arrival at TeleMessage, ISO-8601 UTC. */
  gatewayReceivedDate: string;
  /** The line; a function is called when the line is sent. A missing line feed is added. */
  line: Buffer | (() => Buffer);
  /** Size of the line, or about, where `line` is a function; pages are cut by it. */
  bytes?: number;
}

export type SourceLines = Iterable<SourceLine> | AsyncIterable<SourceLine>;

export interface Page {
  lines: SourceLine[];
  isLast: boolean;
  /** Position of the next page. */
  next: number;
}

const sizeOf = ({ line, bytes }: SourceLine) => (Buffer.isBuffer(line) ? line.length : (bytes ?? 0));

/** The page at `position` of the lines that arrived in the window: one line at least, if there is one. */
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
/** Beyond every bound that a client can sensibly set, and still an end. */
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

/** The body as the fault leaves it; `closed` is aborted when the client has gone. */
async function* body(lines: readonly SourceLine[], fault: Fault | undefined, closed: AbortSignal) {
  if (fault?.kind === 'endless') return yield* endless(lines);
  const isCut = fault?.kind === 'truncated' || fault?.kind === 'stalled';
  const half = Math.floor(lines.length / 2);
  for (const [index, line] of lines.entries()) {
    const bytes = bytesOf(line);
    const isLast = index === lines.length - 1;
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

/** Holds back the last bytes of a stream for ever. */
function withoutEnd(byteCount: number): Transform {
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
 * The gzip trailer and, before it, some of the data. Decoders that tolerate a missing end (the built-in fetch is
 * one) then give an incomplete body without an error.
 */
const lostGzipBytes = 64;

export interface Sent {
  /** Decoded bytes that went out. */
  bytes: number;
  isWhole: boolean;
}

/** Sends the body. A client that goes away in the middle is no error. */
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
  // Chunks are buffers of 64 KiB; two in flight are enough, more would only be memory.
  const source = Readable.from(counted(), { objectMode: false, highWaterMark: 2 * chunkBytes });
  response.flushHeaders();
  try {
    const isCut = options.fault?.kind === 'truncatedGzip';
    const between = [
      ...(options.gzip ? [createGzip({ level: 1 })] : []),
      ...(isCut ? [withoutEnd(lostGzipBytes)] : []),
    ];
    await pipeline([source, ...between, response]);
    return { bytes, isWhole: true };
  } catch {
    response.destroy();
    return { bytes, isWhole: false };
  }
}
