import * as z from 'zod';
import { connectorIds } from '../connectors';
import type { Deps } from '../deps';
import { RefusedRequestError } from '../errors';
import { entryPartition, type QuarantineEntry } from '../storage/outcomes';
import { fetchBatch } from './fetch-batch';
import { ensureAudited } from './requests';

const note = z.string().min(1).max(2000);
const connector = z.enum(connectorIds);
/** The entry of the audit trail that names who asks. */
const audit = z.int().positive().optional();

/** A queue message: what an operator asks for that needs the app's own rights. */
export const operatorRequest = z.discriminatedUnion('kind', [
  /** Fetch every window that is due, now. */
  z.strictObject({ v: z.literal(1), kind: z.literal('fetch'), audit }),
  /** A part of time that is incomplete at its source is accepted as it is. */
  z
    .strictObject({
      v: z.literal(1),
      kind: z.literal('accept'),
      connector,
      from: z.iso.datetime(),
      to: z.iso.datetime(),
      note,
      audit,
    })
    .refine(({ from, to }) => Date.parse(from) < Date.parse(to), 'expected `to` after `from`'),
  /** A note on a quarantined item; `acknowledged` says that nothing can mend it. */
  z.strictObject({
    v: z.literal(1),
    kind: z.literal('note'),
    connector,
    item: z.string().regex(/^[0-9a-f]{64}$/, 'expected what identifies the item: 64 hexadecimal digits'),
    by: z.string().min(1).max(400),
    note,
    acknowledged: z.boolean(),
    audit,
  }),
  /** A copy in the mailbox of the wrong person is taken out of sight. */
  z.strictObject({
    v: z.literal(1),
    kind: z.literal('withdraw'),
    connector,
    itemKey: z.string().regex(/^[0-9a-f]{64}$/, 'expected an item key: 64 hexadecimal digits'),
    userId: z.guid(),
    audit,
  }),
]);
export type OperatorRequest = z.infer<typeof operatorRequest>;
type Of<Kind extends OperatorRequest['kind']> = Extract<OperatorRequest, { kind: Kind }>;

/**
 * Carries out what an operator asks for. A second copy of a request changes nothing more.
 *
 * @throws RefusedRequestError when the item is not in quarantine, or the copy was never made
 */
export async function carryOutOperatorRequest(deps: Deps, request: OperatorRequest): Promise<void> {
  if (request.kind === 'accept') return acceptInterval(deps, request);
  if (request.kind === 'note') return addNote(deps, request);
  if (request.kind === 'withdraw') return withdraw(deps, request);
  await ensureAudited(deps, request.audit, { act: 'fetch' });
  await fetchBatch(deps);
}

async function acceptInterval(
  deps: Deps,
  { connector: id, from, to, note: text, audit: number }: Of<'accept'>,
) {
  await ensureAudited(deps, number, { act: 'accept', connector: id, from, to, note: text });
  await deps.runs.accept(id, { from, to, note: text, at: new Date(deps.now()).toISOString() });
}

async function addNote(
  deps: Deps,
  { connector: id, item, by, note: text, acknowledged, audit: number }: Of<'note'>,
) {
  const partition = entryPartition(id);
  const known = await deps.quarantineEntries.get(partition, item);
  if (!known) throw new RefusedRequestError('The item is not in quarantine');
  const { batch, position } = known.value;
  await ensureAudited(deps, number, {
    act: 'note',
    connector: id,
    item,
    batch,
    position,
    acknowledged,
    note: text,
  });
  const at = new Date(deps.now()).toISOString();
  for (let stored: typeof known | undefined = known; stored;) {
    const { notes = [] } = stored.value;
    const last = notes.at(-1);
    const isCopy = last?.text === text && last.by === by;
    const entry: QuarantineEntry = {
      ...stored.value,
      notes: isCopy ? notes : [...notes, { at, by, text }].slice(-mostNotes),
      ...(acknowledged ? { acknowledgedAt: stored.value.acknowledgedAt ?? at } : {}),
    };
    if (await deps.quarantineEntries.replace(partition, item, entry, stored.etag)) return;
    stored = await deps.quarantineEntries.get(partition, item);
  }
}

/** The message first: a crash in between leaves it to the next attempt, for which a message that is gone counts as removed. */
async function withdraw(deps: Deps, { connector: id, itemKey, userId, audit: number }: Of<'withdraw'>) {
  for (;;) {
    const stored = await deps.ledger.get(itemKey, userId);
    const { messageId, withdrawnAt, connector: owner } = stored?.value ?? {};
    if (!stored || messageId === undefined || owner !== id)
      throw new RefusedRequestError('No delivery made such a copy');
    if (withdrawnAt !== undefined) return;
    await ensureAudited(deps, number, {
      act: 'misdeliveryRemoved',
      connector: id,
      itemKey,
      userId,
      messageId,
    });
    await deps.mailboxes.remove(userId, messageId);
    const row = { ...stored.value, withdrawnAt: new Date(deps.now()).toISOString() };
    if (await deps.ledger.replace(itemKey, userId, row, stored.etag)) return;
  }
}

/** A row holds 1 MiB; the audit trail has them all. */
const mostNotes = 50;
