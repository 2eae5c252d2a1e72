import type { Fault } from './call-faults';
import type { QueueMessage, TwinQueue } from './queue-model';
import type { Io } from './scheduler';

/** Twin of the queue trigger: deletes what was handled, hands out again what failed, and gives up after some attempts. */

export interface MessageKind<T> {
  name: string;
  /** Where a message goes that failed too often. */
  poison?: (body: T) => void;
  /** It is gone then, without a poison queue. */
  dropped?: boolean;
  /** An event that is never sent, a queue that is purged by mistake. */
  mayVanish?: boolean;
}

export interface Received<T> {
  queue: TwinQueue<T>;
  message: QueueMessage<T>;
  kind: MessageKind<T>;
  maxDequeueCount: number;
}

/** host.json: between a failure and the next attempt. */
const retryMs = 30_000;

export async function handleMessage<T>(
  io: Io,
  received: Received<T>,
  handle: () => Promise<void>,
): Promise<void> {
  const { queue, message } = received;
  try {
    await attempt(io, received, handle);
  } finally {
    queue.letGo(message.id, message.popReceipt);
  }
}

async function attempt<T>(
  io: Io,
  { queue, message, kind, maxDequeueCount }: Received<T>,
  handle: () => Promise<void>,
): Promise<void> {
  const { id, popReceipt, dequeueCount, body } = message;
  const operation = (name: string, faults: Fault[]) => ({ name: `${kind.name}.${name}`, key: '', faults });
  const remove = () => queue.delete(id, popReceipt);
  const giveUp = async () => {
    const { poison } = kind;
    if (poison) await io(operation('poison', ['crash', 'crashAfter']), () => poison(body));
    if (poison || kind.dropped) await io(operation('delete', ['crash']), remove);
  };
  if (dequeueCount > maxDequeueCount) return giveUp();
  const faults: Fault[] = ['crash', 'redeliver', ...(kind.mayVanish ? (['never'] as const) : [])];
  const isLost = await io(operation('receive', faults), (fault) => {
    if (fault === 'redeliver') queue.update(id, popReceipt, 0);
    if (fault === 'never') remove();
    return fault === 'never';
  });
  if (isLost) return;
  try {
    await handle();
  } catch {
    if (dequeueCount >= maxDequeueCount) return giveUp();
    await io(operation('release', ['crash']), () => queue.update(id, popReceipt, retryMs));
    return;
  }
  await io(operation('delete', ['crash', 'error', 'yield']), remove);
}
