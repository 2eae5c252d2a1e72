import type { DequeuedMessageItem, QueueClient } from '@azure/storage-queue';
import { messageOf, type Log } from './log';
import { decodeBase64, isMissing, orMissing, sendRaw, type Storage } from './storage';

/** Queue triggers: take messages, keep them invisible while they are handled, and move what fails to poison. */

export interface QueueTrigger {
  kind: 'queue';
  queueName: string;
  storage: Storage;
}

export interface QueueListenerOptions {
  name: string;
  queue: QueueClient;
  /** The queue for messages that failed too often. Without one (as for a poison queue) they stay, unhandled. */
  poison: QueueClient | undefined;
  batchSize: number;
  /** The next batch is fetched when at most this many messages are still being handled. */
  newBatchThreshold: number;
  maxDequeueCount: number;
  /** How long a failed message stays invisible. */
  visibilityTimeoutMs: number;
  /** How long a fetched message stays invisible; renewed after half of this time. */
  visibilityMs: number;
  /** The pause after the first empty answer. It doubles up to `maxIdleMs`. */
  minIdleMs: number;
  maxIdleMs: number;
  base64: boolean;
  /** Throws if the message was not handled. */
  handle(text: string, item: DequeuedMessageItem): Promise<void>;
  log: Log;
  onPoison(queueName: string): void;
}

export interface QueueListener {
  queueName: string;
  /** Something was sent to the queue: polls now. */
  notify(): void;
  /** Takes no more messages, and waits for the ones in hand. */
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
  let isNotified = false;
  let endPause = () => {};

  async function toPoison(item: DequeuedMessageItem, popReceipt: string, why: string) {
    if (!poison) return;
    await sendRaw(poison, item.messageText);
    await orMissing(queue.deleteMessage(item.messageId, popReceipt));
    log('warning', name, `${why}. Moving message to queue '${poison.name}'.`);
    options.onPoison(poison.name);
  }

  /** Renews the message until the returned function is called, which gives the latest receipt. */
  function keepInvisible(item: DequeuedMessageItem) {
    let popReceipt = item.popReceipt;
    let renewal: Promise<void> = Promise.resolve();
    const renew = async () => {
      try {
        const answer = await queue.updateMessage(item.messageId, popReceipt, undefined, visibilityTimeout);
        popReceipt = answer.popReceipt ?? popReceipt;
      } catch (error) {
        log('warning', name, `The message could not be kept invisible: ${messageOf(error)}`);
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

  async function handleMessage(item: DequeuedMessageItem): Promise<void> {
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
      isNotified = true;
    }
  }

  function begin(item: DequeuedMessageItem) {
    const work = handleMessage(item)
      // Nothing is lost: the message becomes visible again.
      .catch((error: unknown) =>
        log('warning', name, `A message could not be deleted or released: ${messageOf(error)}`),
      )
      .finally(() => {
        inHand.delete(work);
        endPause();
      });
    inHand.add(work);
  }

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  /** How many messages were fetched; undefined if the queue could not be read. */
  async function fetch(): Promise<number | undefined> {
    try {
      const { receivedMessageItems } = await queue.receiveMessages({
        numberOfMessages: options.batchSize,
        visibilityTimeout,
      });
      receivedMessageItems.forEach(begin);
      return receivedMessageItems.length;
    } catch (error) {
      // The trigger does not create the queue. A missing queue is an empty one.
      if (isMissing(error)) return 0;
      log('error', name, `Queue ${queue.name} cannot be read: ${messageOf(error)}`);
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
      isNotified = false;
      const taken = await fetch();
      if (taken) {
        idleMs = options.minIdleMs;
        continue;
      }
      if (taken === undefined) idleMs = afterFailureMs;
      const until = Date.now() + idleMs;
      while (!stopping && !isNotified && Date.now() < until) await pause(until - Date.now());
      idleMs = isNotified ? options.minIdleMs : Math.min(idleMs * 2, options.maxIdleMs);
    }
  }

  const polling = poll();
  return {
    queueName: queue.name,
    notify() {
      isNotified = true;
      endPause();
    },
    async stop() {
      stopping = true;
      endPause();
      await polling;
      await Promise.all(inHand);
    },
  };
}
