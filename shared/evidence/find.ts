import { connectorIds, type ConnectorId } from '../connectors';
import type { AppDeps } from '../deps';
import { readIfReadable } from '../delivery/read-item';
import { createNumbers } from '../participants/phone';
import { pointerVersion, type ItemPointer } from '../item';
import type { Manifest } from '../storage/manifest';
import { batchPartition, positionRow, type Outcome } from '../storage/outcomes';
import { scanPage } from '../storage/scan-page';
import type { Interval } from './continuity';
import { isWithin, manifestsOf } from './manifests';

type Stage = Pick<AppDeps, 'batches' | 'runs' | 'outcomes' | 'ledger' | 'config' | 'itemReader' | 'dataKeys'>;

/** An item and what became of it. */
export interface FoundItem {
  connector: ConnectorId;
  batch: number;
  position: number;
  run: Manifest['run'];
  outcome: Outcome | undefined;
  /** Where the raw bytes are; undefined if the page was read in vain. */
  bytes: { blob: string; offset: number; length: number } | undefined;
  /** The message in each mailbox that has the item, whichever serving of it made the message. */
  messages: { userId: string; messageId: string }[];
}

/**
 * Finds items by item key or SHA-256 of the raw line (64 hexadecimal digits), by place (CONNECTOR/BATCH/POSITION), by the
 * source's id, by message id, and, if all of these fail, by a participant's number or address: then every item of the
 * interval is read.
 */
export async function* findItems(
  deps: Stage,
  text: string,
  interval: Partial<Interval>,
  progress: (text: string) => void = () => undefined,
): AsyncGenerator<FoundItem> {
  const [, id = '', batch = '', position = ''] = /^(\w+)\/(\d+)\/(\d+)$/.exec(text) ?? [];
  const connector = connectorIds.find((known) => known === id);
  if (connector) {
    const found = await itemAt(deps, connector, Number(batch), Number(position));
    if (found) yield found;
    return;
  }
  const isHash = /^[0-9a-f]{64}$/.test(text);
  let any = false;
  for await (const found of byOutcome(deps, isHash ? ['itemKey', 'sha256'] : ['sourceId'], text)) {
    any = true;
    if (isWithin(found.run, interval)) yield found;
  }
  if (any || isHash) return;
  for await (const { value } of deps.ledger.search([{ column: 'messageId', is: 'eq', value: text }])) {
    any = true;
    const found = await itemAt(deps, value.connector as ConnectorId, value.batch, value.position);
    if (found) yield found;
  }
  if (!any) yield* byParticipant(deps, text, interval, progress);
}

async function* byOutcome(
  deps: Stage,
  columns: ('itemKey' | 'sha256' | 'sourceId')[],
  value: string,
): AsyncGenerator<FoundItem> {
  const seen = new Set<string>();
  for (const column of columns)
    for await (const { partition, row } of deps.outcomes.search([{ column, is: 'eq', value }])) {
      if (seen.has(`${partition} ${row}`)) continue;
      seen.add(`${partition} ${row}`);
      const connector = connectorIds.find((id) => partition.startsWith(`${id}-`));
      const found =
        connector &&
        (await itemAt(deps, connector, Number(partition.slice(connector.length + 1)), Number(row)));
      if (found) yield found;
    }
}

/** The item at a place; undefined if there is no such batch or position. */
export async function itemAt(
  deps: Pick<Stage, 'batches' | 'outcomes' | 'ledger'>,
  connector: ConnectorId,
  batch: number,
  position: number,
): Promise<FoundItem | undefined> {
  const manifest = (await deps.batches.read(connector, batch))?.manifest;
  if (!manifest || position >= manifest.items) return undefined;
  const outcome = (await deps.outcomes.get(batchPartition(connector, batch), positionRow(position)))?.value;
  const { blob, offset, length } = outcome ?? {};
  const bytes =
    blob !== undefined && offset !== undefined && length !== undefined
      ? { blob, offset, length }
      : await placeInPages(deps, manifest, position);
  const messages: FoundItem['messages'] = [];
  if (outcome?.itemKey)
    for await (const { row, value } of deps.ledger.list(outcome.itemKey))
      if (value.messageId) messages.push({ userId: row, messageId: value.messageId });
  return { connector, batch, position, run: manifest.run, outcome, bytes, messages };
}

/** An item without an outcome says nothing of its place: the pages are counted. */
async function placeInPages({ batches }: Pick<Stage, 'batches'>, manifest: Manifest, position: number) {
  let first = 0;
  for (const page of manifest.pages) {
    if (position >= first + page.items) {
      first += page.items;
      continue;
    }
    let at = first;
    for await (const lines of scanPage(await batches.streamPage(page.blob), page)) {
      const found = lines[position - at];
      if (found) return { blob: page.blob, ...found };
      at += lines.length;
    }
  }
  return undefined;
}

/** Pointers to all items of a batch, in their order. */
export async function* pointersIn(
  { batches }: Pick<Stage, 'batches'>,
  { connector, number: batch, pages }: Manifest,
): AsyncGenerator<ItemPointer> {
  let position = 0;
  for (const { blob, ...page } of pages)
    for await (const lines of scanPage(await batches.streamPage(blob), { blob, ...page }))
      for (const line of lines)
        yield { v: pointerVersion, connector, batch, position: position++, blob, ...line };
}

async function* byParticipant(
  deps: Stage,
  text: string,
  interval: Partial<Interval>,
  progress: (text: string) => void,
): AsyncGenerator<FoundItem> {
  const numbers = createNumbers(deps.config.import.country);
  const wanted = text.trim().toLowerCase();
  const number = numbers(text) ?? text.trim();
  for (const connector of deps.config.connectors)
    for await (const { manifest } of manifestsOf(deps, connector)) {
      const { number: batch } = manifest;
      if (!isWithin(manifest.run, interval)) continue;
      for await (const pointer of pointersIn(deps, manifest)) {
        progress(`${connector}: batch ${batch}, item ${pointer.position + 1} of ${manifest.items}`);
        const item = await readIfReadable(deps, pointer);
        if (item?.kind !== 'communication') continue;
        const isNamed = item.participants.some(
          (one) =>
            one.addresses.some((address) => address.toLowerCase() === wanted) ||
            one.numbers.includes(number) ||
            one.numberInName === number,
        );
        const found = isNamed && (await itemAt(deps, connector, batch, pointer.position));
        if (found) yield found;
      }
    }
}
