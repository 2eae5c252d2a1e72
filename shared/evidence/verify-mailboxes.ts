import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import { PermanentError, PutOffError } from '../errors';
import { batchPartition, hasOutcome } from '../storage/outcomes';
import type { Report } from './finding';

/** What the comparison with the mailboxes needs. */
export type MailboxSide = Pick<Deps, 'mailboxes' | 'ledger' | 'outcomes'> & {
  /** The folder of each mailbox, by connector; the row is the user's id. */
  folders: { list(connector: string): AsyncIterable<{ row: string; value: { folderId: string } }> };
};

/** Deliveries that are looked up at the same time; a mailbox takes four requests. */
const lookUpsInFlight = 8;
/** A throttled mailbox is asked again, with a pause of a minute at most. */
const mostTries = 5;
const longestWaitMs = 60_000;

/**
 * Compares the deliveries of some batches with the mailboxes, in both directions: each delivery has its message, and each
 * message of the archive has its delivery. A message may be in any folder, because its owner can move it. Gives the
 * number of messages that were looked at.
 *
 * @throws what `Mailboxes` throws; a mailbox that refuses the app is reported instead
 */
export async function verifyMailboxes(
  deps: MailboxSide,
  connector: ConnectorId,
  batches: ReadonlySet<number>,
  report: Report,
): Promise<number> {
  let messages = 0;
  for (const batch of batches) messages += await verifyDeliveries(deps, connector, batch, report);
  for await (const { row: userId, value } of deps.folders.list(connector))
    messages += await verifyFolder(deps, { connector, userId, folderId: value.folderId }, batches, report);
  return messages;
}

interface Delivered {
  position: number;
  itemKey: string;
  userId: string;
}

async function verifyDeliveries(
  deps: MailboxSide,
  connector: ConnectorId,
  batch: number,
  report: Report,
): Promise<number> {
  let waiting: Delivered[] = [];
  let count = 0;
  const flush = async () => {
    await Promise.all(
      waiting.map((delivered) => verifyMessage(deps, { connector, batch, ...delivered }, report)),
    );
    count += waiting.length;
    waiting = [];
  };
  for await (const outcome of deps.outcomes.list(batchPartition(connector, batch))) {
    if (!hasOutcome(outcome)) continue;
    const { itemKey = '', deliveries } = outcome.value;
    for (const { userId, end } of deliveries) {
      if (end === 'failed') continue;
      waiting.push({ position: Number(outcome.row), itemKey, userId });
      if (waiting.length === lookUpsInFlight) await flush();
    }
  }
  await flush();
  return count;
}

async function verifyMessage(
  deps: MailboxSide,
  { itemKey, ...at }: Delivered & { connector: ConnectorId; batch: number },
  report: Report,
): Promise<void> {
  const { messageId, withdrawnAt } = (await deps.ledger.get(itemKey, at.userId))?.value ?? {};
  // A missing row is a finding of its own, and a copy that was withdrawn is gone on purpose.
  if (messageId === undefined || withdrawnAt !== undefined) return;
  const found = await orRefusal(() => deps.mailboxes.look(at.userId, messageId));
  if (typeof found === 'string')
    report({ kind: 'mailboxUnreadable', ...at, detail: `${messageId}: ${found}` });
  else if (!found)
    report({
      kind: 'messageMissing',
      ...at,
      detail: `${messageId}: removed by its owner, a policy or an administrator; a hold keeps it in Recoverable Items`,
    });
  else if (found.itemKey !== itemKey)
    report({
      kind: 'messageAltered',
      ...at,
      detail: `expected the key ${itemKey}, found ${found.itemKey ?? 'none'}`,
    });
}

async function verifyFolder(
  deps: MailboxSide,
  { connector, userId, folderId }: { connector: ConnectorId; userId: string; folderId: string },
  batches: ReadonlySet<number>,
  report: Report,
): Promise<number> {
  let count = 0;
  const look = async () => {
    count = 0;
    for await (const { messageId, itemKey, batch, position } of deps.mailboxes.inFolder(userId, folderId)) {
      if (itemKey === undefined || batch === undefined || !batches.has(batch)) continue;
      count++;
      const row = await deps.ledger.get(itemKey, userId);
      if (row?.value.messageId === messageId) continue;
      const at = { connector, batch, userId, ...(position === undefined ? {} : { position }) };
      const expected =
        row?.value.messageId === undefined
          ? 'no delivery made it'
          : `the delivery made ${row.value.messageId}`;
      report({
        kind: 'messageForeign',
        ...at,
        detail: `${messageId} carries the key ${itemKey}; ${expected}`,
      });
    }
  };
  const refusal = await orRefusal(look);
  if (typeof refusal === 'string')
    report({ kind: 'mailboxUnreadable', connector, userId, detail: `the folder cannot be read: ${refusal}` });
  return count;
}

/** The answer, or why this mailbox gives none. Waits while it is throttled; what concerns the whole app is thrown. */
async function orRefusal<T>(ask: () => Promise<T>): Promise<T | string> {
  for (let tries = 1; ; tries++)
    try {
      return await ask();
    } catch (error) {
      if (error instanceof PermanentError) return error.message;
      if (!(error instanceof PutOffError)) throw error;
      if (tries === mostTries) return error.message;
      const delayMs = Math.min(error.delayMs, longestWaitMs);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
}
