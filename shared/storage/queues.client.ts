import type { QueueClient } from '@azure/storage-queue';

/** A storage queue of work. Messages are base64 JSON, which is what the Functions host reads. */
export interface WorkQueue<T> {
  /** Puts a message on the queue, hidden for `delayMs`. */
  send(message: T, options?: { delayMs?: number }): Promise<void>;
  /** About how many messages are on the queue, those that are hidden or being handled included. */
  depth(): Promise<number>;
}

/** The service hides a message for seven days at most. */
const maxDelaySeconds = 7 * 24 * 3600;
/** -1: never. A message that expires is work that is lost without a trace. */
const neverExpires = -1;

/** Work on the queue. Methods throw `RestError` for what the service refuses. */
export function createWorkQueue<T>(queue: QueueClient): WorkQueue<T> {
  return {
    async send(message, { delayMs = 0 } = {}) {
      await queue.sendMessage(Buffer.from(JSON.stringify(message)).toString('base64'), {
        visibilityTimeout: Math.min(Math.ceil(delayMs / 1000), maxDelaySeconds),
        messageTimeToLive: neverExpires,
      });
    },
    async depth() {
      return (await queue.getProperties()).approximateMessagesCount ?? 0;
    },
  };
}
