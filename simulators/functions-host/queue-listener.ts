import type { DequeuedMessageItem, QueueClient } from '@azure/storage-queue';
import { describe } from './log';
import type { Log } from './log';
import { decodeBase64, sendRaw } from './send-message';
import { isMissing, orMissing } from './storage-answers';

/** Takes messages from a queue, keeps them invisible while they are handled, and gives up on them in the end. */

export interface QueueListenerOptions {
  name: string;
  queue: QueueClient;
  /** Where messages go that failed too often. A poison queue has none: they stay, and are not handled any more. */
  poison: QueueClient | undefined;
  batchSize: number;
  /** The next batch is fetched when this many messages, or fewer, are still being handled. */
  newBatchThreshold: number;
  maxDequeueCount: number;
  /** How long a failed message stays invisible. */
  visibilityTimeoutMs: number;
  /** How long a fetched message stays invisible; renewed at half of it. */
  visibilityMs: number;
  /** The pause after a first empty answer; it doubles up to `maxIdleMs`. */
  minIdleMs: number;
  maxIdleMs: number;
  base64: boolean;
  /** Throws when the message was not handled. */
  handle(text: string, item: DequeuedMessageItem): Promise<void>;
  log: Log;
  onPoison(queueName: string): void;
}

export interface QueueListener {
  queueName: string;
  /** There is something in the queue: no need to wait for the next poll. */
  poke(): void;
  /** Takes no further messages, and ends when those in hand have ended. */
  stop(): Promise<void>;
}

const afterFailureMs = 5_000;

const seconds = (ms: number) => Math.max(0, Math.ceil(ms / 1000));

export function listenToQueue(options: QueueListenerOptions): QueueListener {
  const { name, queue, poison, log } = options;
  const visibilityTimeout = Math.max(1, seconds(options.visibilityMs));
  const inHand = new Set<Promise<void>>();
  const tooOften = `Message has reached MaxDequeueCount of ${options.maxDequeueCount}`;
  let stopping = false;
  let poked = false;
  let wake = () => {};

  async function toPoison(item: DequeuedMessageItem, popReceipt: string, why: string) {
    if (!poison) return;
    await sendRaw(poison, item.messageText);
    await orMissing(queue.deleteMessage(item.messageId, popReceipt));
    log('warning', name, `${why}. Moving message to queue '${poison.name}'.`);
    options.onPoison(poison.name);
  }

  /** Renews the message until it is stopped; the receipt changes with every renewal. */
  function keepInvisible(item: DequeuedMessageItem) {
    let popReceipt = item.popReceipt;
    let renewal: Promise<void> = Promise.resolve();
    const renew = async () => {
      try {
        const answer = await queue.updateMessage(item.messageId, popReceipt, undefined, visibilityTimeout);
        popReceipt = answer.popReceipt ?? popReceipt;
      } catch (error) {
        log('warning', name, `The message could not be kept invisible: ${describe(error)}`);
      }
    };
    const timer = setInterval(() => {
      renewal = renewal.then(renew);
    }, options.visibilityMs / 2);
    return async () => {
      clearInterval(timer);
      await renewal;
      return popReceipt;
    };
  }

  async function settle(item: DequeuedMessageItem): Promise<void> {
    if (item.dequeueCount > options.maxDequeueCount) return toPoison(item, item.popReceipt, tooOften);
    const text = options.base64 ? decodeBase64(item.messageText) : item.messageText;
    if (text === undefined)
      return toPoison(item, item.popReceipt, 'Message decoding failed: it is not base64');
    const release = keepInvisible(item);
    let failed = false;
    try {
      await options.handle(text, item);
    } catch {
      // The invocation has logged it.
      failed = true;
    }
    const popReceipt = await release();
    if (!failed) {
      await orMissing(queue.deleteMessage(item.messageId, popReceipt));
    } else if (item.dequeueCount >= options.maxDequeueCount) {
      await toPoison(item, popReceipt, tooOften);
    } else {
      await queue.updateMessage(item.messageId, popReceipt, undefined, seconds(options.visibilityTimeoutMs));
      poked = true;
    }
  }

  function begin(item: DequeuedMessageItem) {
    const work = settle(item)
      // The message comes again when its visibility runs out; nothing is lost by going on.
      .catch((error: unknown) => log('warning', name, `A message could not be settled: ${describe(error)}`))
      .finally(() => {
        inHand.delete(work);
        wake();
      });
    inHand.add(work);
  }

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  /** How many messages came; undefined when the queue could not be read. */
  async function fetch(): Promise<number | undefined> {
    try {
      const { receivedMessageItems } = await queue.receiveMessages({
        numberOfMessages: options.batchSize,
        visibilityTimeout,
      });
      receivedMessageItems.forEach(begin);
      return receivedMessageItems.length;
    } catch (error) {
      // The trigger creates no queue: until somebody does, there is just nothing in it.
      if (isMissing(error)) return 0;
      log('error', name, `Queue ${queue.name} cannot be read: ${describe(error)}`);
      return undefined;
    }
  }

  async function poll() {
    let idleMs = options.minIdleMs;
    while (!stopping) {
      if (inHand.size > options.newBatchThreshold) {
        await pause(1_000);
        continue;
      }
      poked = false;
      const taken = await fetch();
      if (taken) {
        idleMs = options.minIdleMs;
        continue;
      }
      if (taken === undefined) idleMs = afterFailureMs;
      const until = Date.now() + idleMs;
      while (!stopping && !poked && Date.now() < until) await pause(until - Date.now());
      idleMs = poked ? options.minIdleMs : Math.min(idleMs * 2, options.maxIdleMs);
    }
  }

  const polling = poll();
  return {
    queueName: queue.name,
    poke() {
      poked = true;
      wake();
    },
    async stop() {
      stopping = true;
      wake();
      await polling;
      await Promise.all(inHand);
    },
  };
}
