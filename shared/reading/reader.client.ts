import { Worker } from 'node:worker_threads';
import { PermanentError } from '../errors';
import { SealedError, type Opening } from '../telemessage/sealed';
import type { Attachment } from '../email/email';
import type { ReadLine } from './read-line';
import type { MovedFile, ReadAnswer, ReadRequest } from './read-worker';
import type { ConnectorId } from '../connectors';

export interface ItemReader {
  /**
   * Reads one archived line in a thread. The caller must not use `line` afterwards: if it owns its memory, the memory
   * moves to the thread. Throws SealedError for an encrypted line without `opening`, PermanentError `unreadable` or
   * `encrypted` if the line cannot be read, takes longer than the deadline
   * or ends its thread.
   */
  read(line: Uint8Array, connector: ConnectorId, opening?: Opening): Promise<ReadLine<Buffer>>;
  /** Ends all threads, and rejects every pending and later call. */
  close(): Promise<void>;
}

export interface ItemReaderOptions {
  /** The bundled `read-worker.js`. */
  workerFile: string;
  /** How long a thread may take for one line; the wait for a free thread does not count. */
  timeoutMs: number;
  threads: number;
  /** ISO 3166 code of the country whose national numbers are read. */
  country?: string | undefined;
  /** Heap of one thread in MiB, without buffers. */
  maxHeapMb?: number;
}

interface Job {
  /** It shared a thread with others when that failed: who was at fault shows only when each is read by itself. */
  alone?: boolean;
  line: Uint8Array;
  connector: ConnectorId;
  opening: Opening | undefined;
  resolve(read: ReadLine<Buffer>): void;
  reject(error: unknown): void;
}

interface Thread {
  worker: Worker;
  jobs: Job[];
  timer?: NodeJS.Timeout | undefined;
}

function toRead({ read, attachments, bodyFile }: Extract<ReadAnswer, { read: unknown }>): ReadLine<Buffer> {
  if (read.kind === 'deviceEvent') return read;
  const file = ({ content, ...rest }: MovedFile): Attachment<Buffer> => ({
    ...rest,
    content: Buffer.from(content.buffer, content.byteOffset, content.byteLength),
  });
  const files = { attachments: attachments.map(file), ...(bodyFile && { bodyFile: file(bodyFile) }) };
  return { ...read, email: { ...read.email, ...files } };
}

/** Together, items of a group take a thread for some milliseconds. */
const mostInGroup = 16;
const groupBytes = 128 * 1024;

/** Bytes that own their memory move to the thread; slices of Buffer's pool or of a larger page are copied. */
function movable(raw: Uint8Array): [Uint8Array, ArrayBuffer[]] {
  const { buffer, byteLength } = raw;
  const whole = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteLength > 0;
  const bytes = whole ? new Uint8Array(buffer) : new Uint8Array(raw);
  return [bytes, byteLength > 0 ? [bytes.buffer] : []];
}

/**
 * A pool of threads. A hostile item could block the process for good, and only a thread can be stopped: a
 * thread that does not answer within `timeoutMs`, or runs out of memory, is replaced, and only its item fails. Small
 * items that come together go to a thread together, because waking it costs more than reading one of them.
 * Threads start when first needed, and idle threads do not keep the process alive.
 */
export function createItemReader(options: ItemReaderOptions): ItemReader {
  const { workerFile, timeoutMs, threads, country, maxHeapMb = 512 } = options;
  const idle: Thread[] = [];
  const all = new Set<Thread>();
  const waiting: Job[] = [];
  let closed = false;
  let isDue = false;

  const release = (thread: Thread): Job[] => {
    clearTimeout(thread.timer);
    thread.timer = undefined;
    return thread.jobs.splice(0);
  };

  /** Ends a thread and fails the item that it was reading; of several, each is read once more by itself. */
  const retire = (thread: Thread, error: Error): void => {
    const jobs = release(thread);
    all.delete(thread);
    const at = idle.indexOf(thread);
    if (at >= 0) idle.splice(at, 1);
    void thread.worker.terminate();
    if (jobs.length === 1) jobs[0]!.reject(error);
    else waiting.unshift(...jobs.map((job) => ({ ...job, alone: true })));
    next();
  };

  const start = (): Thread => {
    const worker = new Worker(workerFile, {
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
      workerData: { country },
    });
    const thread: Thread = { worker, jobs: [] };
    all.add(thread);
    worker.on('message', (answers: ReadAnswer[]) => {
      const jobs = release(thread);
      worker.unref();
      if (all.has(thread)) idle.push(thread);
      for (const [index, answer] of answers.entries()) {
        const job = jobs[index];
        if ('read' in answer) job?.resolve(toRead(answer));
        else if ('sealed' in answer) job?.reject(new SealedError(answer.sealed, answer.known));
        else job?.reject(new PermanentError(answer.reason, answer.problem, { known: answer.known }));
      }
      next();
    });
    worker.on('error', (error: Error & { code?: string }) => {
      // A thread that cannot even load says nothing about the item, which is retried, since the cause may pass.
      const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const reason = outOfMemory
        ? new PermanentError('unreadable', `the item could not be read within ${maxHeapMb} MiB of memory`)
        : new Error('the reader thread failed', { cause: error.name });
      retire(thread, reason);
    });
    worker.on('exit', () => {
      if (all.has(thread)) retire(thread, new PermanentError('unreadable', 'the item ended its thread'));
    });
    worker.unref();
    return thread;
  };

  /** The next item, and as many small ones behind it as go with it. */
  const takeGroup = (): Job[] => {
    const group: Job[] = [];
    let bytes = 0;
    for (const { alone, line } of waiting) {
      bytes += line.byteLength;
      const goesWith = !alone && !group[0]?.alone && group.length < mostInGroup && bytes <= groupBytes;
      if (group.length > 0 && !goesWith) break;
      group.push(waiting[group.length]!);
    }
    waiting.splice(0, group.length);
    return group;
  };

  const next = (): void => {
    while (waiting.length > 0 && (idle.length > 0 || all.size < threads)) {
      const thread = idle.pop() ?? start();
      thread.jobs = takeGroup();
      thread.worker.ref();
      thread.timer = setTimeout(() => {
        const text = `the item could not be read within ${timeoutMs / 1000} s`;
        retire(thread, new PermanentError('unreadable', text));
      }, timeoutMs);
      const requests: ReadRequest[] = [];
      const moved: ArrayBuffer[] = [];
      for (const { line: raw, connector, opening } of thread.jobs) {
        // If its thread fails, an item of a group is read once more: it keeps its bytes.
        const [line, buffers] = thread.jobs.length === 1 ? movable(raw) : [new Uint8Array(raw), []];
        requests.push({ line, connector, opening });
        moved.push(...buffers);
      }
      thread.worker.postMessage(requests, moved);
    }
  };

  /** At the end of this turn of the event loop, when all who ask in it have asked. */
  const soon = (): void => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      next();
    });
  };

  return {
    read: (line, connector, opening) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Error('the item reader is closed'));
        waiting.push({ line, connector, opening, resolve, reject });
        soon();
      }),
    close: async () => {
      closed = true;
      const error = new Error('the item reader was closed while an item was being read');
      for (const job of waiting.splice(0)) job.reject(error);
      const running = [...all];
      all.clear();
      idle.length = 0;
      for (const thread of running) for (const job of release(thread)) job.reject(error);
      await Promise.all(running.map((thread) => thread.worker.terminate()));
    },
  };
}
