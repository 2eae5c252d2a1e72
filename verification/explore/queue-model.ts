import type { WorkQueue } from '../../shared/storage/queues.client';
import { read, write } from './call-faults';
import type { Io, Process } from './scheduler';

/** Twin of a storage queue: visibility, pop receipts, dequeue counts. */

export interface QueueMessage<T> {
  id: number;
  body: T;
  visibleAtMs: number;
  dequeueCount: number;
  popReceipt: number;
  /** The worker that holds it, and prolongs its invisibility for as long as it lives. */
  holder?: Process | undefined;
}

export interface TwinQueue<T> {
  messages: QueueMessage<T>[];
  send(body: T, delayMs?: number): void;
  /** The longest visible message, hidden from now on; undefined when there is none. */
  receive(visibilityMs: number, holder?: Process): QueueMessage<T> | undefined;
  /** False when the receipt is an older one: somebody else has the message by now. */
  delete(id: number, popReceipt: number): boolean;
  /** Makes the message visible after a time; gives the new receipt, undefined where the receipt is an older one. */
  update(id: number, popReceipt: number, visibilityMs: number): number | undefined;
  /** The worker is done with the message and did not delete it: it comes back in its own time. */
  letGo(id: number, popReceipt: number): void;
  /** When the next hidden message comes back. */
  nextVisibleMs(): number;
}

export function createTwinQueue<T>(now: () => number): TwinQueue<T> {
  const messages: QueueMessage<T>[] = [];
  let ids = 0;
  let receipts = 0;
  const isHeld = ({ holder }: QueueMessage<T>) =>
    holder !== undefined && holder.alive && holder.frozenUntilMs <= now();
  const find = (id: number, popReceipt: number) =>
    messages.find((one) => one.id === id && one.popReceipt === popReceipt);
  return {
    messages,
    send(body, delayMs = 0) {
      // A queue takes whole seconds and JSON.
      const visibleAtMs = now() + Math.ceil(delayMs / 1000) * 1000;
      const copy = JSON.parse(JSON.stringify(body)) as T;
      messages.push({ id: ++ids, body: copy, visibleAtMs, dequeueCount: 0, popReceipt: ++receipts });
    },
    receive(visibilityMs, holder) {
      const visible = messages.filter((one) => one.visibleAtMs <= now() && !isHeld(one));
      const first = visible.sort((a, b) => a.visibleAtMs - b.visibleAtMs || a.id - b.id)[0];
      if (!first) return undefined;
      first.visibleAtMs = now() + visibilityMs;
      first.dequeueCount++;
      first.popReceipt = ++receipts;
      first.holder = holder;
      return { ...first };
    },
    delete(id, popReceipt) {
      const found = find(id, popReceipt);
      if (found) messages.splice(messages.indexOf(found), 1);
      return found !== undefined;
    },
    update(id, popReceipt, visibilityMs) {
      const found = find(id, popReceipt);
      if (!found) return undefined;
      found.visibleAtMs = now() + visibilityMs;
      found.popReceipt = ++receipts;
      found.holder = undefined;
      return found.popReceipt;
    },
    letGo(id, popReceipt) {
      const found = find(id, popReceipt);
      if (found) found.holder = undefined;
    },
    nextVisibleMs: () =>
      messages.reduce(
        (next, one) => (isHeld(one) || one.visibleAtMs <= now() ? next : Math.min(next, one.visibleAtMs)),
        Number.POSITIVE_INFINITY,
      ),
  };
}

export const createTwinWorkQueue = <T extends { position: number }>(
  name: string,
  queue: TwinQueue<T>,
  io: Io,
): WorkQueue<T> => ({
  send: (message, { delayMs = 0 } = {}) =>
    io({ name: `${name}.send`, key: String(message.position), faults: write }, () =>
      queue.send(message, delayMs),
    ),
  depth: () => io({ name: `${name}.depth`, key: '', faults: read }, () => queue.messages.length),
});
