import type { QueueClient } from '@azure/storage-queue';
import { isMissing } from './storage-answers';

/** Azure's limit for a message as it stands in the queue, base64 included. */
const maxMessageBytes = 64 * 1024;

/** Sends the text as it is and creates the queue on demand, as the host does for its outputs and poison queues. */
export async function sendRaw(queue: QueueClient, text: string): Promise<void> {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxMessageBytes) {
    throw new Error(
      `The message for queue ${queue.name} has ${bytes} bytes; the limit is ${maxMessageBytes}`,
    );
  }
  try {
    await queue.sendMessage(text);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await queue.createIfNotExists();
    await queue.sendMessage(text);
  }
}

export const encodeBase64 = (content: string | Uint8Array) =>
  (typeof content === 'string'
    ? Buffer.from(content)
    : Buffer.from(content.buffer, content.byteOffset, content.length)
  ).toString('base64');

/** Undefined for text that .NET's decoder would refuse. */
export function decodeBase64(text: string): string | undefined {
  const dense = text.replace(/[ \t\r\n]/g, '');
  const valid = dense.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(dense);
  return valid ? Buffer.from(dense, 'base64').toString() : undefined;
}
