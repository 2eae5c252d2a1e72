import { connectors, type Connector } from '../connectors';
import { deliver, failedDelivery, type Delivered } from '../delivery/deliver';
import { hasOutcome, recordOutcome, type ItemResult } from '../delivery/record-outcome';
import type { Deps } from '../deps';
import type { Attachment, Email } from '../email/email';
import { mailboxItem, type MailboxItem } from '../email/mailbox-item';
import { applySizeRules, asDropped } from '../email/size-rules';
import { DeploymentError, gravest, nextStepAfter } from '../errors';
import type { ItemPointer } from '../item';
import { resolve, type Mailbox, type Resolution } from '../mapping/resolve';
import { participants } from '../participants/participants';
import { batchPartition, positionRow } from '../storage/outcomes';
import { readItem, type ReadItem } from './read-item';

/** Deliveries of one item that run at the same time. */
const deliveriesInFlight = 8;
/** JSON text, its decoded attachments and the request made of them are in memory at the same time. */
const memoryPerLineByte = 4;

type Communication = Extract<ReadItem, { kind: 'communication' }>;

/**
 * Imports one item into the mailbox of every mapped participant and records its outcome. An item that has an outcome is
 * left alone.
 *
 * @throws PutOffError when a mailbox is throttled or another worker has the item; what was delivered stays delivered
 * @throws DeploymentError when the app as a whole is refused
 * @throws Error for everything that another attempt may cure
 */
export async function importItem(deps: Deps, pointer: ItemPointer): Promise<void> {
  const { connector, batch, position } = pointer;
  const before = await deps.outcomes.get(batchPartition(connector, batch), positionRow(position));
  if (hasOutcome(before)) return;
  const sinceMs = Date.parse(before?.value.redrivenAt ?? '') || 0;
  await deps.memory.hold(pointer.length * memoryPerLineByte, async () => {
    await recordOutcome(deps, pointer, before, await resultOf(deps, pointer, sinceMs));
  });
}

/** `sinceMs`: users and mapping that were looked up before this instant do not count, because a person has changed them. */
async function resultOf(deps: Deps, pointer: ItemPointer, sinceMs: number): Promise<ItemResult> {
  try {
    const item = await readItem(deps, pointer);
    if (item.kind === 'deviceEvent') return { ...item.known, isDeviceEvent: true, deliveries: [] };
    return await importEverywhere(deps, pointer, item, sinceMs);
  } catch (error) {
    const next = nextStepAfter(error);
    if (next.kind !== 'quarantine') throw error;
    const { known, reason, message } = next.error;
    return { ...known, reason, detail: message, deliveries: [] };
  }
}

async function importEverywhere(
  deps: Deps,
  pointer: ItemPointer,
  item: Communication,
  sinceMs: number,
): Promise<ItemResult> {
  const connector = connectors[pointer.connector];
  const rules = deps.config.perConnector[pointer.connector];
  const { message, email, provenance, itemKey } = item;
  const { mailboxes, resolutions } = await resolve(
    participants(message, email, deps.numbers),
    {
      automatic: rules.automaticMapping,
      custom: rules.customMapping ? await deps.mappings.current(connector.id, sinceMs) : undefined,
    },
    email.sentAt ?? provenance.receivedAt,
    (address) => lookUp(deps, connector, address, sinceMs),
  );
  const known = {
    ...item.known,
    itemKey,
    participants: resolutions.map(({ kind, participant: { asWritten } }) => ({ asWritten, kind })),
  };
  if (mailboxes.length === 0)
    return { ...known, reason: 'unmapped', detail: describeUnmapped(resolutions), deliveries: [] };

  const sized = applySizeRules(email, rules.sizeLimitBytes);
  if (sized.kind === 'tooLarge') {
    const unknown = mailboxes.find(({ folderError }) => isTemporary(folderError));
    if (unknown) throw unknown.folderError;
    const deliveries = mailboxes.map(({ userId }): Delivered => ({
      userId,
      end: 'failed',
      reason: 'tooLarge',
    }));
    return { ...known, deliveries };
  }
  const options = { itemClass: rules.itemClass, itemKey, addresses: message.usersEmailAddress };
  const without = (refused: readonly Attachment[]): MailboxItem => {
    const dropped = refused.map((one) => ({ ...asDropped(one), refused: true as const }));
    const whole = mailboxItem(sized.email, [...sized.dropped, ...dropped], provenance, connector, options);
    return { ...whole, attachments: withoutRefused(whole.attachments, refused, sized.email) };
  };
  const whole = without([]);
  const deliveries = await deliverAll(mailboxes, async ({ userId, folderId, folderError }) => {
    if (folderError !== undefined) return failedDelivery(userId, folderError);
    return deliver(deps, { connector, pointer, item: whole, without, userId, folderId });
  });
  return { ...known, deliveries };
}

const isTemporary = (error: unknown) => error !== undefined && nextStepAfter(error).kind !== 'quarantine';

/** An oversized body becomes an attachment, rebuilt per item; omit it if it was refused. */
function withoutRefused(attachments: Attachment[], refused: readonly Attachment[], email: Email) {
  const contents = (list: readonly Attachment[]) => new Set(list.map(({ content }) => content));
  const own = contents([...email.attachments, ...(email.bodyFile ? [email.bodyFile] : [])]);
  const gone = contents(refused);
  const isTextGone = refused.some(({ content }) => !own.has(content));
  return attachments.filter(({ content }) => (own.has(content) ? !gone.has(content) : !isTextGone));
}

/**
 * A user whose mailbox refuses the folder, or gives no answer, is mapped all the same: this delivery fails or is tried
 * again, and the other participants get the item meanwhile.
 */
async function lookUp(
  deps: Pick<Deps, 'directory' | 'mailboxes'>,
  connector: Connector,
  address: string,
  sinceMs: number,
) {
  const user = await deps.directory.find(address, sinceMs);
  if (!user) return undefined;
  const { userId } = user;
  try {
    const folderId = await deps.mailboxes.folder(userId, connector, { refresh: sinceMs > 0 });
    return { userId, folderId };
  } catch (error) {
    if (error instanceof DeploymentError) throw error;
    return { userId, folderId: '', folderError: error };
  }
}

function describeUnmapped(resolutions: readonly Resolution[]): string {
  const without = resolutions.filter(({ kind }) => kind === 'noMailbox').length;
  return (
    `${resolutions.length} participants: ${without} of the organisation without a usable mailbox, ` +
    `${resolutions.length - without} not in its directory, or there more than once`
  );
}

/** Tries every delivery before an error ends the attempt, so that one slow mailbox does not hold up the others. */
async function deliverAll(
  mailboxes: readonly Mailbox[],
  deliverTo: (mailbox: Mailbox) => Promise<Delivered>,
): Promise<Delivered[]> {
  const results: PromiseSettledResult<Delivered>[] = [];
  for (let at = 0; at < mailboxes.length; at += deliveriesInFlight)
    results.push(...(await Promise.allSettled(mailboxes.slice(at, at + deliveriesInFlight).map(deliverTo))));
  const errors = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (errors.length > 0) throw gravest(errors);
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
