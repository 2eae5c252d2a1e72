import { connectors, type Connector } from '../connectors';
import { deliver, failedDelivery, type Delivered } from '../delivery/deliver';
import {
  beginAttempt,
  beginFirstAttempt,
  endAttempt,
  isDeadly,
  isSuspect,
  noteRecipients,
  type Attempt,
} from '../delivery/attempts';
import { isSettledBefore } from '../delivery/overlap';
import { recordOutcome, type ItemResult } from '../delivery/record-outcome';
import type { Deps } from '../deps';
import { conversationOf, type Person } from '../email/conversation';
import type { Attachment, Email } from '../email/email';
import { mailboxItem, type MailboxItem } from '../email/mailbox-item';
import { oneLine } from '../email/safe-text';
import { applySizeRules, asDropped } from '../email/size-rules';
import {
  CrowdedMailboxError,
  DeploymentError,
  gravest,
  nextStepAfter,
  PermanentError,
  PutOffError,
} from '../errors';
import type { ItemPointer } from '../item';
import { resolve, type FoundUser, type Mailbox, type Resolution } from '../mapping/resolve';
import { ownId } from '../participants/participants';
import { attemptBudgetMs, longestDeliveryMs } from '../time-budget';
import { batchPartition, hasOutcome, positionRow } from '../storage/outcomes';
import { mappingInForce } from './mapping-in-force';
import { giveUp } from './quarantine-item';
import { memoryFor, readItem, WholeItemError, type ReadItem } from '../delivery/read-item';

/** Deliveries of one item that run at the same time. */
const deliveriesInFlight = 8;
const SECOND = 1000;

type Communication = Extract<ReadItem, { kind: 'communication' }>;

/**
 * Imports one item into the mailbox of every mapped participant and records its outcome. An item that has an outcome is
 * left alone.
 *
 * @throws CrowdedMailboxError when the mailbox that it waits for has no room; it cost nothing
 * @throws PutOffError when a mailbox is throttled, another worker has the item, or the time of one attempt is over; what
 *   was delivered stays delivered
 * @throws DeploymentError when the app as a whole is refused, or has no mapping file
 * @throws Error for any failure that another attempt may cure
 */
export async function importItem(deps: Deps, pointer: ItemPointer): Promise<void> {
  const { connector, batch, position, waitsFor } = pointer;
  if (waitsFor !== undefined) deps.mailboxes.enter(waitsFor)();
  // Nearly every item is new: then its row need not be read, because it can be inserted.
  const isNew =
    pointer.putOff === undefined && (await withMemory(deps, pointer, () => beginFirstAttempt(deps, pointer)));
  if (isNew) return;
  const known = await deps.outcomes.get(batchPartition(connector, batch), positionRow(position));
  if (hasOutcome(known)) return;
  // Another pointer to it may still be on the queue; each attempt more would end a worker more.
  if (isDeadly(known)) return giveUp(deps, pointer);
  const alone = isSuspect(known);
  // An item that waits for its turn has not begun: it is not to blame if its worker ends.
  await withMemory(deps, pointer, () => beginAttempt(deps, pointer, alone, known), alone);
}

/**
 * Carries out the attempt that `begin` begins, and holds the memory for it; false if none began. Few items have to be in
 * memory as a whole: they show when they are read, and then wait for as much memory as that takes.
 */
async function withMemory(
  deps: Deps,
  pointer: ItemPointer,
  begin: () => Promise<Attempt | undefined>,
  alone = false,
): Promise<boolean> {
  const { outline, whole } = memoryFor(pointer);
  let attempt: Attempt | undefined;
  try {
    await deps.memory.hold(alone ? Infinity : outline, async () => {
      attempt = await begin();
      if (attempt) await carryOut(deps, pointer, attempt, alone ? 'whole' : 'outline');
    });
  } catch (error) {
    const begun = attempt;
    if (!begun || !(error instanceof WholeItemError)) throw error;
    await deps.memory.hold(whole, () => carryOut(deps, pointer, begun, 'whole'));
  }
  return attempt !== undefined;
}

async function carryOut(
  deps: Deps,
  pointer: ItemPointer,
  attempt: Attempt,
  mayHold: 'outline' | 'whole',
): Promise<void> {
  try {
    await recordOutcome(deps, pointer, attempt, await resultOf(deps, pointer, attempt, mayHold));
  } catch (error) {
    if (error instanceof WholeItemError) throw error;
    // The error of the attempt is the one that counts.
    await endAttempt(deps, pointer, attempt, nextStepAfter(error).kind === 'retry').catch(() => undefined);
    throw error;
  }
}

async function resultOf(
  deps: Deps,
  pointer: ItemPointer,
  attempt: Attempt,
  mayHold: 'outline' | 'whole',
): Promise<ItemResult> {
  try {
    const item = await readItem(deps, pointer, mayHold);
    const { arrivedAt } = item;
    const identity = { ...item.known, ...(item.kind === 'communication' ? { itemKey: item.itemKey } : {}) };
    const settled = { ...identity, arrivedAt, deliveries: [] };
    if (await isSettledBefore(deps, pointer, settled)) return { ...settled, isRepeated: true };
    if (item.kind === 'deviceEvent') return { ...settled, isDeviceEvent: true };
    return { ...(await importEverywhere(deps, pointer, item, attempt)), arrivedAt };
  } catch (error) {
    const next = nextStepAfter(error);
    if (next.kind !== 'quarantine') throw error;
    const { known, reason, message } = next.error;
    if (await isSettledBefore(deps, pointer, known)) return { ...known, isRepeated: true, deliveries: [] };
    return { ...known, reason, detail: message, deliveries: [] };
  }
}

async function importEverywhere(
  deps: Deps,
  pointer: ItemPointer,
  item: Communication,
  attempt: Attempt,
): Promise<ItemResult> {
  const connector = connectors[pointer.connector];
  const rules = deps.config.perConnector[pointer.connector];
  const { users, provenance, itemKey } = item;
  const startedMs = deps.now();
  // Users and mapping that were looked up before a person changed them do not count.
  const sinceMs = Date.parse(attempt.row.value.redrivenAt ?? '') || 0;
  const { mailboxes, resolutions } = await resolveEverybody(deps, pointer, item, {
    sinceMs,
    untilMs: startedMs + attemptBudgetMs / 2,
  });
  const unknown = resolutions.flatMap((one) => (one.kind === 'unknown' ? [one.error] : []));
  const result = {
    ...item.known,
    itemKey,
    participants: resolutions.flatMap(({ kind, participant: { asWritten } }) =>
      kind === 'unknown' ? [] : [{ asWritten, kind }],
    ),
    ...unreached(resolutions),
  };
  const email = {
    ...item.email,
    conversation: conversationOf(item.email, peopleIn(item, resolutions), item.sourceId),
  };
  if (mailboxes.length === 0) {
    if (unknown.length > 0) throw gravest(unknown);
    return {
      ...result,
      reason: result.reasonOfUnreached === 'uncertainOwner' ? 'uncertainOwner' : 'unmapped',
      detail: describeUnmapped(resolutions),
      deliveries: [],
    };
  }

  const sized = converted(item, () => applySizeRules(email, rules.sizeLimitBytes));
  if (sized.kind === 'tooLarge') {
    const open = [
      ...unknown,
      ...mailboxes.flatMap(({ folderError: one }) => (isTemporary(one) ? [one] : [])),
    ];
    if (open.length > 0) throw gravest(open);
    const deliveries = mailboxes.map(({ userId }): Delivered => ({
      userId,
      end: 'failed',
      reason: 'tooLarge',
    }));
    return { ...result, deliveries };
  }
  const { language } = deps.config.import;
  const options = { itemClass: rules.itemClass, itemKey, users, language };
  const without = (refused: readonly Attachment[]): MailboxItem => {
    const dropped = refused.map((one) => ({ ...asDropped(one), refused: true as const }));
    const whole = mailboxItem(sized.email, [...sized.dropped, ...dropped], provenance, connector, options);
    return { ...whole, attachments: withoutRefused(whole.attachments, refused, sized.email) };
  };
  const whole = converted(item, () => without([]));
  const untilMs = startedMs + longestDeliveryMs;
  // Before anything is noted or claimed: of all items, those for a crowded mailbox are the most.
  const crowded = mailboxes.map(({ userId }) => crowdOf(deps, userId));
  if (crowded.every((error) => error !== undefined)) throw gravest([...unknown, ...crowded]);
  await noteRecipients(deps, pointer, attempt, { itemKey, userIds: mailboxes.map(({ userId }) => userId) });
  const deliveries = await deliverAll(deps, mailboxes, {
    startedMs,
    errors: unknown,
    async deliverTo({ userId, folderId, folderError }) {
      if (folderError !== undefined) return failedDelivery(userId, folderError);
      return deliver(deps, { connector, pointer, item: whole, without, userId, folderId, untilMs });
    },
  });
  return { ...result, deliveries };
}

/** Converting only computes: what is thrown there would be thrown again, so it is this item's fault. */
function converted<T>({ known }: Communication, convert: () => T): T {
  try {
    return convert();
  } catch (cause) {
    throw new PermanentError('unreadable', 'The item cannot be converted', { cause, known });
  }
}

/** @throws DeploymentError when custom mapping is on and no mapping file is stored */
async function resolveEverybody(
  deps: Deps,
  pointer: ItemPointer,
  { participants, email, provenance }: Communication,
  { sinceMs, untilMs }: { sinceMs: number; untilMs: number },
) {
  const connector = connectors[pointer.connector];
  const rules = deps.config.perConnector[pointer.connector];
  const custom = rules.customMapping ? await mappingInForce(deps, connector.id, sinceMs) : undefined;
  if (rules.customMapping && !custom)
    throw new DeploymentError(
      `Custom mapping is on for ${connector.id}, and no mapping file is stored. Items wait for it`,
      'mappingMissing',
    );
  const resolved = await resolve(
    participants,
    { automatic: rules.automaticMapping, custom, domains: deps.config.import.domains },
    { sentAt: email.sentAt, arrivedAt: provenance.receivedAt },
    async (address) => {
      if (deps.now() > untilMs) throw timeIsOver();
      return lookUp(deps, connector, address, sinceMs);
    },
  );
  // A mailbox that let the app in, among others that seemed to prove that the whole app is denied, proves the opposite.
  const { mailboxes } = resolved;
  if (mailboxes.some(({ folderError }) => folderError === undefined))
    for (const mailbox of mailboxes)
      if (mailbox.folderError instanceof DeploymentError)
        mailbox.folderError = (await folderOf(deps, connector, mailbox.userId, true)).folderError;
  return resolved;
}

/** Who took part in the message: users of the directory by their id there, all others by what the source calls them. */
function peopleIn({ chat }: Communication, resolutions: readonly Resolution[]): Person[] | undefined {
  return chat?.map((index) => {
    const one = resolutions[index]!;
    const own = ownId(one.participant);
    const userId =
      one.kind === 'mailbox' ? one.mailbox.userId : one.kind === 'noMailbox' ? one.userId : undefined;
    return { id: userId ?? own, name: oneLine(one.participant.name || own) };
  });
}

/** Participants of the organisation for whom no mailbox is known. */
function unreached(resolutions: readonly Resolution[]): Pick<ItemResult, 'unreached' | 'reasonOfUnreached'> {
  const isUncertain = resolutions.some(({ kind }) => kind === 'uncertain');
  return {
    unreached: resolutions.flatMap((one) =>
      one.kind === 'noMailbox' ? [one.userId] : one.kind === 'uncertain' ? [undefined] : [],
    ),
    reasonOfUnreached: isUncertain ? 'uncertainOwner' : 'participantUnmapped',
  };
}

/** Why the mailbox takes no delivery now; undefined if it does. */
function crowdOf({ mailboxes }: Pick<Deps, 'mailboxes'>, userId: string): CrowdedMailboxError | undefined {
  try {
    mailboxes.enter(userId)();
    return undefined;
  } catch (error) {
    if (error instanceof CrowdedMailboxError) return error;
    throw error;
  }
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
): Promise<FoundUser | undefined> {
  const user = await deps.directory.find(address, sinceMs);
  return user && { ...user, ...(await folderOf(deps, connector, user.userId, sinceMs > 0)) };
}

async function folderOf(
  { mailboxes }: Pick<Deps, 'mailboxes'>,
  connector: Connector,
  userId: string,
  refresh: boolean,
): Promise<{ folderId: string | undefined; folderError?: unknown }> {
  try {
    return { folderId: await mailboxes.folder(userId, connector, { refresh }) };
  } catch (error) {
    return { folderId: '', folderError: error };
  }
}

const timeIsOver = () =>
  new PutOffError(SECOND, 'The time of one attempt is over; the item goes on in the next');

function describeUnmapped(resolutions: readonly Resolution[]): string {
  const count = (wanted: Resolution['kind']) => resolutions.filter(({ kind }) => kind === wanted).length;
  return (
    `${resolutions.length} participants: ${count('noMailbox')} of the organisation without a usable mailbox, ` +
    `${count('uncertain')} whose number had another user when the item was sent, ` +
    `${count('external')} not in its directory, or there more than once`
  );
}

/**
 * Tries every delivery before an error ends the attempt, so that one slow mailbox does not hold up the others. None
 * begins after the time of an attempt is over: the ledger keeps what is done, and the next attempt goes on from there.
 */
async function deliverAll(
  deps: Pick<Deps, 'now'>,
  mailboxes: readonly Mailbox[],
  {
    startedMs,
    errors,
    deliverTo,
  }: { startedMs: number; errors: unknown[]; deliverTo: (mailbox: Mailbox) => Promise<Delivered> },
): Promise<Delivered[]> {
  const results: Delivered[] = [];
  const waiting = mailboxes.entries();
  const worker = async () => {
    for (const [at, mailbox] of waiting)
      try {
        if (deps.now() - startedMs > attemptBudgetMs) throw timeIsOver();
        results[at] = await deliverTo(mailbox);
      } catch (error) {
        errors.push(error);
      }
  };
  await Promise.all(Array.from({ length: deliveriesInFlight }, worker));
  if (errors.length > 0) throw gravest(errors);
  return results;
}
