import { queues } from '../../shared/names';
import { createWorkQueue } from '../../shared/storage/queues.client';
import { useStore } from '../support/store';

const { account } = useStore();

describe('a work queue', () => {
  it('holds messages as the host reads them, without expiry and hidden for the delay', async () => {
    const queue = account.queue(queues.backfillWindow);
    const work = createWorkQueue<{ n: number }>(queue);
    await work.send({ n: 1 });
    await work.send({ n: 2 }, { delayMs: 60_000 });
    const { receivedMessageItems } = await queue.receiveMessages({ numberOfMessages: 10 });
    expect(receivedMessageItems).toHaveLength(1);
    const [message] = receivedMessageItems;
    expect(JSON.parse(Buffer.from(message!.messageText, 'base64').toString())).toEqual({ n: 1 });
    expect(message!.expiresOn.getUTCFullYear()).toBeGreaterThan(2100);
  });
});
