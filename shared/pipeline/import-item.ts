import { connectors, type Connector } from '../connectors';
import type { Deps } from '../deps';
import { itemKey } from '../email/digest';
import { mailboxItem } from '../email/mailbox-item';
import { isEvent } from '../email/read-chat';
import { applySizeRules } from '../email/size-rules';
import { DeploymentError, PermanentError, PutOffError, type Reason } from '../errors';
import type { ItemPointer } from '../item';
import { participants } from '../participants/participants';
import { resolve, type Mailbox, type Resolution } from '../participants/resolve';
import { batchPartition, positionRow, type Outcome } from '../storage/outcomes';
import { deliver, type Delivered } from './deliver-item';
import { settleItem, type About, type Ended } from './settle-item';
import { readEmail, readSource } from './read-item';

/** Deliveries of one item that run at the same time. */
const deliveriesInFlight = 8;
/** JSON text, its decoded attachments and the request made of them stand in memory together. */
const memoryPerLineByte = 4;

/**
 * Imports one item into the mailbox of every mapped participant, and writes how it ended. An item that has
 * ended before is left alone.
 *
 * @throws PutOffError when a mailbox is throttled or another worker is at it; what was delivered stays delivered
 * @throws DeploymentError when the app as a whole is refused
 * @throws Error for everything that another attempt may cure
 */
export async function importItem(deps: Deps, pointer: ItemPointer): Promise<void> {
  const settled = await deps.outcomes.get(
    batchPartition(pointer.connector, pointer.batch),
    positionRow(pointer.position),
  );
  if (settled) return;
  await deps.memory.hold(pointer.length * memoryPerLineByte, async () => {
    const known: Partial<Outcome> = {};
    const about: About = {};
    try {
      await settleItem(deps, pointer, await importParts(deps, pointer, known, about), about);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      const { reason, message } = error;
      await settleItem(
        deps,
        pointer,
        { ...known, kind: 'failed', reason, expected: 0, deliveries: [] },
        { ...about, detail: message },
      );
    }
  });
}

/** What is known when a later step fails is kept in `known` and `about`. */
async function importParts(
  deps: Deps,
  pointer: ItemPointer,
  known: Partial<Outcome>,
  about: About,
): Promise<Ended> {
  const connector = connectors[pointer.connector];
  const rules = deps.config.perConnector[pointer.connector];
  const { message, provenance } = await readSource(deps, pointer);
  Object.assign(known, { sourceId: provenance.sourceId, sha256: provenance.sha256 });
  if (isEvent(message)) return { ...known, kind: 'event', expected: 0, deliveries: [] };

  const email = await readEmail(deps, pointer, message);
  const key = itemKey(connector.id, provenance.sourceId, email);
  known.itemKey = key;
  const broken = new Map<string, Reason>();
  const { mailboxes, resolutions } = await resolve(
    participants(message, email, deps.numbers),
    {
      automatic: rules.automaticMapping,
      custom: rules.customMapping ? await deps.mappings.current(connector.id) : undefined,
    },
    email.sentAt ?? provenance.receivedAt,
    (address) => lookUp(deps, connector, address, broken),
  );
  about.participants = resolutions.map(({ kind, participant: { asWritten } }) => ({ asWritten, kind }));
  if (mailboxes.length === 0) throw new PermanentError('unmapped', describeUnmapped(resolutions));

  const sized = applySizeRules(email, rules.sizeLimitBytes);
  if (sized.kind === 'tooLarge')
    return {
      ...known,
      ...ended(mailboxes.map(({ userId }) => ({ userId, end: 'failed', reason: 'tooLarge' }))),
    };
  const item = mailboxItem(sized.email, sized.dropped, provenance, connector, {
    itemClass: rules.itemClass,
    itemKey: key,
    addresses: message.usersEmailAddress,
  });
  const partial = sized.dropped.length > 0;
  return {
    ...known,
    ...ended(
      await deliverAll(mailboxes, async ({ userId, folderId }) => {
        const reason = broken.get(userId);
        if (reason) return { userId, end: 'failed', reason };
        return deliver(deps, { connector, pointer, item, partial, userId, folderId });
      }),
    ),
  };
}

/** A user whose mailbox answers but refuses the folder is mapped all the same: the delivery fails, with its reason. */
async function lookUp(deps: Deps, connector: Connector, address: string, broken: Map<string, Reason>) {
  const user = await deps.directory.find(address);
  if (!user) return undefined;
  const { userId } = user;
  try {
    return { userId, folderId: await deps.mailboxes.folder(userId, connector) };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    broken.set(userId, error.reason);
    return { userId, folderId: '' };
  }
}

function describeUnmapped(resolutions: readonly Resolution[]): string {
  const without = resolutions.filter(({ kind }) => kind === 'noMailbox').length;
  return (
    `${resolutions.length} participants: ${without} of the organisation without a usable mailbox, ` +
    `${resolutions.length - without} external`
  );
}

/** Every delivery is tried before one that must wait or be repeated ends the attempt: what is done stays done. */
async function deliverAll(
  mailboxes: readonly Mailbox[],
  act: (mailbox: Mailbox) => Promise<Delivered>,
): Promise<Delivered[]> {
  const results: PromiseSettledResult<Delivered>[] = [];
  for (let at = 0; at < mailboxes.length; at += deliveriesInFlight)
    results.push(...(await Promise.allSettled(mailboxes.slice(at, at + deliveriesInFlight).map(act))));
  const errors = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  const putOffs = errors.filter((error) => error instanceof PutOffError);
  const worst =
    errors.find((error) => error instanceof DeploymentError) ??
    errors.find((error) => !(error instanceof PutOffError)) ??
    putOffs.toSorted((a, b) => b.delayMs - a.delayMs)[0];
  if (worst !== undefined) throw worst;
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

function ended(delivered: Delivered[]): Ended {
  const deliveries = delivered.map(({ unsureAt: _unsureAt, ...delivery }) => delivery);
  const failed = deliveries.filter(({ end }) => end === 'failed');
  const reason = failed[0]?.reason;
  const unsureAt = delivered
    .flatMap((one) => one.unsureAt ?? [])
    .toSorted()
    .at(-1);
  return {
    kind: failed.length === deliveries.length ? 'failed' : 'delivered',
    expected: deliveries.length,
    deliveries,
    ...(reason ? { reason } : {}),
    ...(unsureAt ? { unsureAt } : {}),
  };
}
