import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import type { Manifest } from '../storage/manifest';
import { batchRow, type Coverage, type Outcome } from '../storage/outcomes';

/** Writes the rows of a batch that is about to close; writing them again changes nothing. */
export async function noteCoverage(
  { coverage }: Pick<Deps, 'coverage'>,
  { connector, number, run }: Manifest,
  outcomes: Iterable<Outcome>,
): Promise<void> {
  const people = new Map<string, { items: number; lastAt: string }>();
  for (const { deliveries, arrivedAt = run.from } of outcomes)
    for (const { userId, end } of deliveries) {
      if (end === 'failed') continue;
      const known = people.get(userId) ?? { items: 0, lastAt: '' };
      people.set(userId, { items: known.items + 1, lastAt: latest(known.lastAt, arrivedAt) });
    }
  for (const [userId, { items, lastAt }] of people) {
    const row: Coverage = { v: 1, userId, items, lastAt, from: run.from, to: run.to };
    await coverage.put(connector, `${run.to} ${batchRow(number)} ${userId}`, row);
  }
}

const latest = (a: string, b: string) => (a > b ? a : b);

/** What a connector archived for one person since an instant. */
export interface Covered {
  userId: string;
  items: number;
  lastAt: string;
}

/** Everybody for whom the connector archived something since an instant (ISO-8601 UTC), by user id. */
export async function coveredPeople(
  { coverage }: Pick<Deps, 'coverage'>,
  connector: ConnectorId,
  since: string,
): Promise<Map<string, Covered>> {
  const people = new Map<string, Covered>();
  for await (const { value } of coverage.search([
    { column: 'PartitionKey', is: 'eq', value: connector },
    { column: 'RowKey', is: 'ge', value: since },
  ])) {
    const { userId, items, lastAt } = value;
    const known = people.get(userId);
    people.set(userId, {
      userId,
      items: (known?.items ?? 0) + items,
      lastAt: latest(known?.lastAt ?? '', lastAt),
    });
  }
  return people;
}
