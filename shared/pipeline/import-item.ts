import { connectors, type Connector } from '../connectors';
import type { Deps } from '../deps';
import { itemKey } from '../email/item-key';
import type { Attachment, Email } from '../email/email';
import { mailboxItem } from '../email/mailbox-item';
import { isEvent } from '../chat/read-chat';
import { applySizeRules, asDropped } from '../email/size-rules';
import { DeploymentError, PermanentError, PutOffError } from '../errors';
import type { ItemPointer } from '../item';
import { participants } from '../participants/participants';
import { resolve, type Mailbox, type Resolution } from '../mapping/resolve';
import { batchPartition, positionRow, type Outcome } from '../storage/outcomes';
import { deliver, type Delivered } from '../delivery/deliver';
import { isSettled, latest, settleItem, type About, type Ended } from '../delivery/record-outcome';
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
  const before = await deps.outcomes.get(
    batchPartition(pointer.connector, pointer.batch),
    positionRow(pointer.position),
  );
  if (isSettled(before)) return;
  const sinceMs = Date.parse(before?.value.redrivenAt ?? '') || 0;
  await deps.memory.hold(pointer.length * memoryPerLineByte, async () => {
    const known: Partial<Outcome> = {};
    const about: About = {};
    try {
      const ended = await importParts(deps, { pointer, sinceMs, known, about });
      await settleItem(deps, pointer, before, ended, about);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      const { reason, message } = error;
      const ended = { ...known, reason, deliveries: [] };
      await settleItem(deps, pointer, before, ended, { ...about, detail: message });
    }
  });
}

interface Attempt {
  pointer: ItemPointer;
  /** Users and mapping that were looked up before this instant (ms) do not count: a person has changed them since. */
  sinceMs: number;
  /** What is known when a later step fails. */
  known: Partial<Outcome>;
  about: About;
}

async function importParts(deps: Deps, { pointer, sinceMs, known, about }: Attempt): Promise<Ended> {
  const connector = connectors[pointer.connector];
  const rules = deps.config.perConnector[pointer.connector];
  const { message, provenance } = await readSource(deps, pointer, known);
  if (isEvent(message)) return { ...known, isEvent: true, deliveries: [] };

  const email = await readEmail(deps, pointer, message);
  const key = itemKey(connector.id, provenance.sourceId, email);
  known.itemKey = key;
  const closed: Closed = new Map();
  const { mailboxes, resolutions } = await resolve(
    participants(message, email, deps.numbers),
    {
      automatic: rules.automaticMapping,
      custom: rules.customMapping ? await deps.mappings.current(connector.id, sinceMs) : undefined,
    },
    email.sentAt ?? provenance.receivedAt,
    (address) => lookUp(deps, connector, { address, sinceMs }, closed),
  );
  about.participants = resolutions.map(({ kind, participant: { asWritten } }) => ({ asWritten, kind }));
  if (mailboxes.length === 0) throw new PermanentError('unmapped', describeUnmapped(resolutions));

  const sized = applySizeRules(email, rules.sizeLimitBytes);
  if (sized.kind === 'tooLarge') {
    const unknown = [...closed.values()].find((error) => !(error instanceof PermanentError));
    if (unknown !== undefined) throw unknown;
    return {
      ...known,
      deliveries: mailboxes.map(({ userId }) => ({ userId, end: 'failed', reason: 'tooLarge' })),
    };
  }
  const { itemClass } = rules;
  const options = { itemClass, itemKey: key, addresses: message.usersEmailAddress };
  const without = (refused: readonly Attachment[]) => {
    const dropped = [
      ...sized.dropped,
      ...refused.map((one) => ({ ...asDropped(one), refused: true as const })),
    ];
    const item = mailboxItem(sized.email, dropped, provenance, connector, options);
    return { ...item, attachments: withoutRefused(item.attachments, refused, sized.email) };
  };
  const item = without([]);
  return {
    ...known,
    ...ended(
      await deliverAll(mailboxes, async ({ userId, folderId }) => {
        const error = closed.get(userId);
        if (error instanceof PermanentError) return { userId, end: 'failed', reason: error.reason };
        if (error !== undefined) throw error;
        return deliver(deps, { connector, pointer, item, without, userId, folderId });
      }),
    ),
  };
}

/** A text too long for a body is a file too, made anew with each item: where it was refused, it goes as well. */
function withoutRefused(attachments: Attachment[], refused: readonly Attachment[], email: Email) {
  const contents = (list: readonly Attachment[]) => new Set(list.map(({ content }) => content));
  const own = contents([...email.attachments, ...(email.bodyFile ? [email.bodyFile] : [])]);
  const gone = contents(refused);
  const isTextGone = refused.some(({ content }) => !own.has(content));
  return attachments.filter(({ content }) => (own.has(content) ? !gone.has(content) : !isTextGone));
}

/** Users whose folder could not be looked up, with the error. */
type Closed = Map<string, unknown>;

/**
 * A user whose mailbox refuses the folder, or gives no answer, is mapped all the same: this delivery fails or is tried
 * again, and the other participants get the item meanwhile.
 */
async function lookUp(
  deps: Deps,
  connector: Connector,
  { address, sinceMs }: { address: string; sinceMs: number },
  closed: Closed,
) {
  const user = await deps.directory.find(address, sinceMs);
  if (!user) return undefined;
  const { userId } = user;
  try {
    const folderId = await deps.mailboxes.folder(userId, connector, { refresh: sinceMs > 0 });
    return { userId, folderId };
  } catch (error) {
    if (error instanceof DeploymentError) throw error;
    closed.set(userId, error);
    return { userId, folderId: '' };
  }
}

function describeUnmapped(resolutions: readonly Resolution[]): string {
  const without = resolutions.filter(({ kind }) => kind === 'noMailbox').length;
  return (
    `${resolutions.length} participants: ${without} of the organisation without a usable mailbox, ` +
    `${resolutions.length - without} not in its directory, or there more than once`
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

function ended(delivered: Delivered[]): Pick<Ended, 'deliveries' | 'unsureAt'> {
  const unsureAt = latest(...delivered.map((one) => one.unsureAt));
  return {
    deliveries: delivered.map(({ unsureAt: _unsureAt, ...delivery }) => delivery),
    ...(unsureAt ? { unsureAt } : {}),
  };
}
