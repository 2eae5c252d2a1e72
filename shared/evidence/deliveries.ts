import { createHash } from 'node:crypto';
import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import type { LedgerRow } from '../storage/ledger';
import { batchPartition, hasOutcome, type Outcome } from '../storage/outcomes';
import type { Report } from './finding';

type Stage = Pick<Deps, 'ledger' | 'outcomes'>;

/** Point reads at the same time. */
const readsInFlight = 16;

/** A delivery as both sides can write it down: the outcome that counts it, and the ledger row that made it. */
interface Entry {
  itemKey: string;
  userId: string;
  position: number;
  partial: boolean;
}

/**
 * Compares the deliveries that the outcomes count with those that the ledger has, for all batches of a connector, without
 * holding either: per batch, both sides add up hashes of their deliveries. Only batches whose sums differ are compared
 * delivery by delivery.
 */
export interface Deliveries {
  /** Takes the outcomes of a closed batch. Reports skipped deliveries that are in nobody's ledger row. */
  add(batch: number, outcomes: Iterable<readonly [position: number, outcome: Outcome]>): Promise<void>;
  /** Reads the ledger of the batches and reports what one side has and the other lacks. Gives the number of deliveries. */
  finish(): Promise<number>;
}

/** The deliveries of a connector. */
export function createDeliveries(deps: Stage, connector: ConnectorId, report: Report): Deliveries {
  /** Per batch: outcomes minus ledger. */
  const sums = new Map<number, Uint32Array>();

  async function checkSkipped(
    batch: number,
    skipped: { position: number; itemKey: string; userId: string }[],
  ) {
    for (let at = 0; at < skipped.length; at += readsInFlight)
      await Promise.all(
        skipped.slice(at, at + readsInFlight).map(async ({ position, itemKey, userId }) => {
          const row = await deps.ledger.get(itemKey, userId);
          if (row?.value.state === 'done') return;
          const detail = `skipped as a duplicate; expected a finished row ${itemKey} / ${userId}, found ${row ? 'one that is pending' : 'none'}`;
          report({ kind: 'ledgerMissing', connector, batch, position, userId, detail });
        }),
      );
  }

  async function compare(batch: number): Promise<void> {
    const counted = new Map<string, Entry>();
    for await (const outcome of deps.outcomes.list(batchPartition(connector, batch)))
      if (hasOutcome(outcome))
        for (const entry of entriesOf(Number(outcome.row), outcome.value)) counted.set(keyOf(entry), entry);
    for await (const entry of ledgerEntries(deps, connector, batch, batch)) {
      if (counted.delete(keyOf(entry))) continue;
      const { itemKey, userId, position } = entry;
      report({
        kind: 'ledgerForeign',
        connector,
        batch,
        position,
        userId,
        detail: `row ${itemKey} / ${userId} is a ${described(entry)} delivery; expected the outcome to count it`,
      });
    }
    for (const entry of counted.values()) {
      const { itemKey, userId, position } = entry;
      report({
        kind: 'ledgerMissing',
        connector,
        batch,
        position,
        userId,
        detail: `counted as ${described(entry)}; expected the row ${itemKey} / ${userId} of this position`,
      });
    }
  }

  return {
    async add(batch, outcomes) {
      const sum = new Uint32Array(4);
      sums.set(batch, sum);
      const skipped: Parameters<typeof checkSkipped>[1] = [];
      for (const [position, outcome] of outcomes) {
        for (const entry of entriesOf(position, outcome)) addTo(sum, entry, 1);
        for (const { userId, end } of outcome.deliveries)
          if (end === 'skipped') skipped.push({ position, itemKey: outcome.itemKey ?? '', userId });
      }
      await checkSkipped(batch, skipped);
    },
    async finish() {
      if (sums.size === 0) return 0;
      let count = 0;
      const numbers = [...sums.keys()];
      for await (const { batch, ...entry } of ledgerEntries(
        deps,
        connector,
        numbers.reduce((a, b) => Math.min(a, b)),
        numbers.reduce((a, b) => Math.max(a, b)),
      )) {
        const sum = sums.get(batch);
        if (!sum) continue;
        count++;
        addTo(sum, entry, -1);
      }
      for (const [batch, sum] of sums) if (sum.some((part) => part !== 0)) await compare(batch);
      return count;
    },
  };
}

/** What the outcome counts as made by this item. */
function* entriesOf(position: number, { itemKey = '', deliveries }: Outcome): Generator<Entry> {
  for (const { userId, end } of deliveries)
    if (end === 'imported' || end === 'partial')
      yield { itemKey, userId, position, partial: end === 'partial' };
}

/** The finished deliveries of some batches. */
async function* ledgerEntries(
  { ledger }: Pick<Deps, 'ledger'>,
  connector: ConnectorId,
  from: number,
  to: number,
): AsyncGenerator<Entry & { batch: number }> {
  const rows = ledger.search([
    { column: 'connector', is: 'eq', value: connector },
    { column: 'batch', is: 'ge', value: from },
    { column: 'batch', is: 'le', value: to },
  ]);
  for await (const { partition: itemKey, row: userId, value } of rows)
    if (isDone(value)) {
      const { batch, position, partial = false } = value;
      yield { itemKey, userId, batch, position, partial };
    }
}

const isDone = ({ state }: LedgerRow) => state === 'done';
const keyOf = ({ itemKey, userId, position, partial }: Entry) =>
  JSON.stringify([itemKey, userId, position, partial]);
const described = ({ partial }: Entry) => (partial ? 'partial' : 'complete');

/** Sums forget the order, and unlike XOR they do not forget what comes twice. */
function addTo(sum: Uint32Array, entry: Entry, times: 1 | -1): void {
  const digest = createHash('sha256').update(keyOf(entry)).digest();
  for (let part = 0; part < sum.length; part++) sum[part]! += times * digest.readUInt32LE(part * 4);
}
