import { Worker } from 'node:worker_threads';
import { PermanentError } from '../errors';
import type { Attachment, Email } from '../email/email';
import type { ParseAnswer, ParsedEmail, ParsedFile, ParseRequest } from './parse-worker';
import type { MailContext } from './read-mail';

export interface MailParser {
  /**
   * Reads one mail in a thread. The caller must not use `raw` afterwards: if it owns its memory, the memory moves
   * to the thread. Throws PermanentError `unreadable` if the mail cannot be read, takes longer than the deadline
   * or ends its thread.
   */
  parse(raw: Uint8Array, context: MailContext): Promise<Email>;
  /** Ends all threads, and rejects every pending and later call. */
  close(): Promise<void>;
}

export interface MailParserOptions {
  /** The bundled `parse-worker.js`. */
  workerFile: string;
  /** How long a thread may take for one mail; the wait for a free thread does not count. */
  timeoutMs: number;
  threads: number;
  /** Heap of one thread in MiB, without buffers. */
  maxHeapMb?: number;
}

interface Job {
  raw: Uint8Array;
  context: MailContext;
  resolve(email: Email): void;
  reject(error: unknown): void;
}

interface Thread {
  worker: Worker;
  job?: Job | undefined;
  timer?: NodeJS.Timeout | undefined;
}

function toEmail(parsed: ParsedEmail): Email {
  const { attachments, bodyFile, ...email } = parsed;
  const file = ({ content, ...rest }: ParsedFile): Attachment => ({
    ...rest,
    content: Buffer.from(content.buffer, content.byteOffset, content.byteLength),
  });
  return { ...email, attachments: attachments.map(file), ...(bodyFile && { bodyFile: file(bodyFile) }) };
}

/** Bytes that own their memory move to the thread; slices of Buffer's pool or of a larger page are copied. */
function movable(raw: Uint8Array): [Uint8Array, ArrayBuffer[]] {
  const { buffer, byteLength } = raw;
  const whole = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteLength > 0;
  const bytes = whole ? new Uint8Array(buffer) : new Uint8Array(raw);
  return [bytes, byteLength > 0 ? [bytes.buffer] : []];
}

/**
 * A pool of parser threads. A hostile mail could block the process for good, and only a thread can be stopped: a
 * thread that does not answer within `timeoutMs`, or runs out of memory, is replaced, and only its mail fails.
 * Threads start when first needed, and idle threads do not keep the process alive.
 */
export function createMailParser(options: MailParserOptions): MailParser {
  const { workerFile, timeoutMs, threads, maxHeapMb = 512 } = options;
  const idle: Thread[] = [];
  const all = new Set<Thread>();
  const waiting: Job[] = [];
  let closed = false;

  const release = (thread: Thread): Job | undefined => {
    const job = thread.job;
    clearTimeout(thread.timer);
    thread.job = undefined;
    thread.timer = undefined;
    return job;
  };

  /** Ends a thread and fails the mail that it was reading; the next mail gets a new thread. */
  const retire = (thread: Thread, error: Error): void => {
    const job = release(thread);
    all.delete(thread);
    const at = idle.indexOf(thread);
    if (at >= 0) idle.splice(at, 1);
    void thread.worker.terminate();
    job?.reject(error);
    next();
  };

  const start = (): Thread => {
    const worker = new Worker(workerFile, { resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } });
    const thread: Thread = { worker };
    all.add(thread);
    worker.on('message', (answer: ParseAnswer) => {
      const job = release(thread);
      worker.unref();
      if (all.has(thread)) idle.push(thread);
      if ('email' in answer) job?.resolve(toEmail(answer.email));
      else job?.reject(new PermanentError('unreadable', answer.problem));
      next();
    });
    worker.on('error', (error: Error & { code?: string }) => {
      // A thread that cannot even load says nothing about the mail: the item is retried, since the cause may pass.
      const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const reason = outOfMemory
        ? new PermanentError('unreadable', `the mail could not be parsed within ${maxHeapMb} MiB of memory`)
        : new Error('the parser thread failed', { cause: error.name });
      retire(thread, reason);
    });
    worker.on('exit', () => {
      if (all.has(thread))
        retire(thread, new PermanentError('unreadable', 'the mail ended its parser thread'));
    });
    worker.unref();
    return thread;
  };

  const next = (): void => {
    while (waiting.length > 0 && (idle.length > 0 || all.size < threads)) {
      const job = waiting.shift();
      if (!job) return;
      const thread = idle.pop() ?? start();
      thread.job = job;
      thread.worker.ref();
      thread.timer = setTimeout(() => {
        const text = `the mail could not be parsed within ${timeoutMs / 1000} s`;
        retire(thread, new PermanentError('unreadable', text));
      }, timeoutMs);
      const [raw, buffers] = movable(job.raw);
      const request: ParseRequest = { raw, context: job.context };
      thread.worker.postMessage(request, buffers);
    }
  };

  return {
    parse: (raw, context) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Error('the mail parser is closed'));
        waiting.push({ raw, context, resolve, reject });
        next();
      }),
    close: async () => {
      closed = true;
      const error = new Error('the mail parser was closed while a mail was being parsed');
      for (const job of waiting.splice(0)) job.reject(error);
      const running = [...all];
      all.clear();
      idle.length = 0;
      for (const thread of running) release(thread)?.reject(error);
      await Promise.all(running.map((thread) => thread.worker.terminate()));
    },
  };
}
