import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { IndexedFunction, QueueOutput } from './indexing';
import type { Log } from './log';
import type { FunctionMetadata, InvocationRequest, InvocationResult, TypedData, WorkerLog } from './rpc';
import { encodeBase64, sendRaw } from './storage';
import type { Worker } from './worker-process';

/** Runs functions: sends each invocation to the worker, writes its outputs, and logs its lines and its failure. */

export interface Invocation {
  functionName: string;
  invocationId: string;
  succeeded: boolean;
  durationMs: number;
  /** The message of the error that the function threw. */
  error?: string;
}

export interface InvocationsOptions {
  worker(): Worker;
  timeoutMs: number;
  base64: boolean;
  log: Log;
  onEnd(invocation: Invocation): void;
  onSent(queueName: string): void;
}

export interface Invoke {
  (
    indexed: IndexedFunction,
    data: TypedData,
    triggerMetadata?: Record<string, TypedData>,
    invocationId?: string,
  ): Promise<InvocationResult>;
}

/** The messages for the value of a queue output; an array becomes one message per element. */
function messages(data: TypedData): (string | Uint8Array)[] {
  if (data.bytes) return [data.bytes];
  if (data.string !== undefined) return [data.string];
  if (data.int !== undefined || data.double !== undefined) return [String(data.int ?? data.double)];
  const value = JSON.parse(data.json ?? 'null') as unknown;
  const text = (element: unknown) => (typeof element === 'string' ? element : JSON.stringify(element));
  return value === null ? [] : Array.isArray(value) ? value.map(text) : [JSON.stringify(value)];
}

function retryDelayMs(retry: NonNullable<FunctionMetadata['retryOptions']>, count: number): number {
  const ms = (span: { seconds: number } | undefined) => (span?.seconds ?? 0) * 1000;
  if (retry.retryStrategy !== 'exponentialBackoff') return ms(retry.delayInterval);
  return Math.min(ms(retry.minimumInterval) * 2 ** count, ms(retry.maximumInterval));
}

export function createInvocations(options: InvocationsOptions) {
  const { log } = options;
  const executing = new Map<string, string>();

  async function writeOutput(output: QueueOutput, data: TypedData) {
    const queue = output.storage.queues().getQueueClient(output.queueName);
    for (const message of messages(data)) {
      const text = typeof message === 'string' ? message : Buffer.from(message).toString();
      await sendRaw(queue, options.base64 ? encodeBase64(message) : text);
    }
    options.onSent(output.queueName);
  }

  async function attempt(indexed: IndexedFunction, request: InvocationRequest) {
    executing.set(request.invocationId, indexed.name);
    let result: InvocationResult;
    try {
      result = await options.worker().invoke(request, options.timeoutMs);
    } finally {
      executing.delete(request.invocationId);
    }
    // The handler has already ended: a failure from here on fails an invocation whose work is done.
    for (const output of indexed.outputs) {
      const data =
        output.name === '$return'
          ? result.returnValue
          : result.outputData.find(({ name }) => name === output.name)?.data;
      if (data) await writeOutput(output, data);
    }
    return result;
  }

  const invoke: Invoke = async (indexed, data, triggerMetadata = {}, invocationId = randomUUID()) => {
    const { name, metadata } = indexed;
    const started = performance.now();
    // The real host ignores a retry policy for queue and blob triggers, which have their own retries.
    const retry = indexed.trigger.kind === 'timer' ? metadata.retryOptions : undefined;
    const maxRetryCount = retry?.maxRetryCount ?? 0;
    for (let retryCount = 0; ; retryCount++) {
      const end = (error?: string) =>
        options.onEnd({
          functionName: name,
          invocationId,
          succeeded: error === undefined,
          durationMs: performance.now() - started,
          ...(error !== undefined && { error }),
        });
      try {
        const result = await attempt(indexed, {
          invocationId,
          functionName: name,
          inputData: [{ name: indexed.triggerName, data }],
          triggerMetadata,
          traceContext: {
            traceParent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`,
          },
          ...(retry && { retryContext: { retryCount, maxRetryCount } }),
        });
        end();
        return result;
      } catch (error) {
        const { message, stack } = error as Error;
        log(
          'error',
          name,
          `Executed 'Functions.${name}' (Failed, Id=${invocationId}): ${stack?.includes(message) ? stack : message}`,
        );
        end(message);
        if (!retry || (retryCount >= maxRetryCount && maxRetryCount !== -1)) throw error;
        await delay(retryDelayMs(retry, retryCount));
      }
    }
  };

  /** As on the real host, a line is lost if its invocation has already ended. */
  function onWorkerLog({ level, category, message, invocationId }: WorkerLog) {
    const running = invocationId === undefined ? undefined : executing.get(invocationId);
    if (category === 'user') {
      if (running !== undefined || invocationId === undefined) log(level, running ?? 'worker', message);
    } else if (level === 'warning' || level === 'error' || level === 'critical') {
      log(level, running ?? 'worker', message);
    }
  }

  return { invoke, onWorkerLog, running: () => executing.size };
}
