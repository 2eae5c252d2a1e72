import type { QueueClient } from '@azure/storage-queue';

/** Puts work on a storage queue, as base64 JSON: the encoding that the Functions host reads. */
export interface WorkQueue<T> {
  send(message: T, options?: { delayMs?: number }): Promise<void>;
  /** About how many messages wait; those that are hidden for a delay, or in somebody's hands, included. */
  depth(): Promise<number>;
}

/** The service hides a message for seven days at most. */
const maxDelaySeconds = 7 * 24 * 3600;
/** Never expires: a message that the service drops by itself is work lost silently. */
const forever = -1;

export function createWorkQueue<T>(queue: QueueClient): WorkQueue<T> {
  return {
    async send(message, { delayMs = 0 } = {}) {
      await queue.sendMessage(Buffer.from(JSON.stringify(message)).toString('base64'), {
        visibilityTimeout: Math.min(Math.ceil(delayMs / 1000), maxDelaySeconds),
        messageTimeToLive: forever,
      });
    },
    async depth() {
      return (await queue.getProperties()).approximateMessagesCount ?? 0;
    },
  };
}
