import { Worker } from 'node:worker_threads';
import { PermanentError } from '../errors';
import type { Attachment, Email } from '../email/email';
import type { ParseAnswer, ParsedEmail, ParsedFile, ParseRequest } from './parse-messages';
import type { MailContext } from './read-mail';

export interface MailParser {
  /**
   * Reads one mail in a thread. The bytes of `raw` go over to the thread where they own their memory whole:
   * the caller must not use them afterwards. Throws PermanentError `unreadable` for a mail that cannot be
   * read, takes longer than the deadline or ends its thread.
   */
  parse(raw: Uint8Array, context: MailContext): Promise<Email>;
  /** Ends all threads; what waits is rejected, and so is every later call. */
  close(): Promise<void>;
}

export interface MailParserOptions {
  /** The bundled `parse-worker.js`. */
  workerFile: string;
  /** Time that one mail may take in its thread, waiting for a free thread not counted. */
  timeoutMs: number;
  threads: number;
  /** Heap of one thread in MiB; buffers are not counted. */
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

/** Buffers that own their memory move to the thread; slices of Buffer's pool or of a larger page are copied. */
function movable(raw: Uint8Array): [Uint8Array, ArrayBuffer[]] {
  const { buffer, byteLength } = raw;
  const whole = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteLength > 0;
  const bytes = whole ? new Uint8Array(buffer) : new Uint8Array(raw);
  return [bytes, byteLength > 0 ? [bytes.buffer] : []];
}

/**
 * A pool of parser threads. Foreign bytes are parsed outside the main thread because only a thread can be
 * stopped: one that gives no answer within `timeoutMs`, or that runs out of memory, is replaced, and its mail
 * alone fails. Threads start when first needed, and idle ones do not keep the process alive.
 */
export function createMailParser(options: MailParserOptions): MailParser {
  const { workerFile, timeoutMs, threads, maxHeapMb = 512 } = options;
  const idle: Thread[] = [];
  const all = new Set<Thread>();
  const waiting: Job[] = [];
  let closed = false;

  const settle = (thread: Thread): Job | undefined => {
    const job = thread.job;
    clearTimeout(thread.timer);
    thread.job = undefined;
    thread.timer = undefined;
    return job;
  };

  /** Takes a thread out of service; what it was reading fails, and the next mail gets a new thread. */
  const retire = (thread: Thread, error: Error): void => {
    const job = settle(thread);
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
      const job = settle(thread);
      worker.unref();
      if (all.has(thread)) idle.push(thread);
      if ('email' in answer) job?.resolve(toEmail(answer.email));
      else job?.reject(new PermanentError('unreadable', answer.problem));
      next();
    });
    worker.on('error', (error: Error & { code?: string }) => {
      // A thread that cannot even load says nothing about the mail: that is for the operator, and may pass.
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
      for (const thread of running) settle(thread)?.reject(error);
      await Promise.all(running.map((thread) => thread.worker.terminate()));
    },
  };
}
