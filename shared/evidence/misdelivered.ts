import type { ConnectorId } from '../connectors';
import { readIfReadable } from '../delivery/read-item';
import type { AppDeps } from '../deps';
import { pointerVersion } from '../item';
import { resolve } from '../mapping/resolve';
import { batchPartition, hasOutcome } from '../storage/outcomes';
import type { Interval } from './continuity';
import { isWithin, manifestsOf } from './manifests';

type Stage = Pick<
  AppDeps,
  'batches' | 'runs' | 'outcomes' | 'ledger' | 'mappings' | 'directory' | 'config' | 'itemReader' | 'dataKeys'
>;

/** A copy in a mailbox that the mapping of today would not choose for the item. */
export interface Misdelivered {
  connector: ConnectorId;
  batch: number;
  position: number;
  sourceId: string;
  itemKey: string;
  userId: string;
  messageId: string;
  /** The users to whom the item belongs by the mapping of today. */
  belongsTo: string[];
}

/**
 * Compares the copies of an interval with what mapping and directory say today. An item for which they give no answer now
 * (a look-up fails) is left out: a guess could take a copy from the right person.
 *
 * @throws Error when custom mapping is on and no mapping file is stored
 */
export async function* misdelivered(
  deps: Stage,
  connector: ConnectorId,
  interval: Partial<Interval>,
  progress: (text: string) => void = () => undefined,
): AsyncGenerator<Misdelivered> {
  const { automaticMapping: automatic, customMapping } = deps.config.perConnector[connector];
  const custom = customMapping ? await deps.mappings.current(connector) : undefined;
  if (customMapping && !custom) throw new Error(`No mapping file of ${connector} is stored`);
  const rules = { automatic, custom, domains: deps.config.import.domains };
  // Whether the mailbox can be used today decides nothing here: a person keeps what was rightly filed.
  const lookUp = async (address: string) => {
    const user = await deps.directory.find(address);
    return user && { ...user, folderId: '' };
  };
  for await (const { manifest } of manifestsOf(deps, connector)) {
    const { number: batch, run } = manifest;
    if (!isWithin(run, interval)) continue;
    for await (const outcome of deps.outcomes.list(batchPartition(connector, batch))) {
      const { blob, offset, length, itemKey, sourceId = '', deliveries } = outcome.value;
      const copies = deliveries.filter(({ end }) => end === 'imported' || end === 'partial');
      if (!hasOutcome(outcome) || copies.length === 0 || !itemKey) continue;
      if (blob === undefined || offset === undefined || length === undefined) continue;
      const position = Number(outcome.row);
      progress(`${connector}: batch ${batch}, item ${position + 1} of ${manifest.items}`);
      const place = { v: pointerVersion, connector, batch, position, blob, offset, length } as const;
      const item = await readIfReadable(deps, place);
      if (item?.kind !== 'communication') continue;
      const times = { sentAt: item.email.sentAt, arrivedAt: item.arrivedAt };
      const { resolutions, mailboxes } = await resolve(item.participants, rules, times, lookUp);
      if (resolutions.some(({ kind }) => kind === 'unknown')) continue;
      const belongsTo = mailboxes.map(({ userId }) => userId);
      for (const { userId } of copies) {
        if (belongsTo.includes(userId)) continue;
        const row = (await deps.ledger.get(itemKey, userId))?.value;
        if (row?.messageId === undefined || row.withdrawnAt !== undefined) continue;
        const { messageId } = row;
        yield { connector, batch, position, sourceId, itemKey, userId, messageId, belongsTo };
      }
    }
  }
}
