import type { Counters, Outcome } from './outcomes';

export const noCounters = (): Counters => ({
  items: { available: 0, delivered: 0, failed: 0, events: 0 },
  deliveries: { expected: 0, imported: 0, partial: 0, skipped: 0, failed: 0 },
  reasons: {},
  quarantined: 0,
});

/** Adds one item's outcome. `available` comes from the manifest instead, so that a lost item shows in the sums. */
export function count(counters: Counters, outcome: Outcome): void {
  const { items, deliveries } = counters;
  if (outcome.kind === 'begun') return;
  if (outcome.kind === 'repeated') {
    items.repeated = (items.repeated ?? 0) + 1;
    return;
  }
  items[outcome.kind === 'event' ? 'events' : outcome.kind]++;
  deliveries.expected += outcome.expected;
  deliveries.failed += outcome.unreached ?? 0;
  for (const { end } of outcome.deliveries) deliveries[end]++;
  if (outcome.reason) {
    counters.quarantined++;
    counters.reasons[outcome.reason] = (counters.reasons[outcome.reason] ?? 0) + 1;
  }
}

export function add(total: Counters, part: Counters): Counters {
  const sum = <T extends Record<string, number>>(a: T, b: T) =>
    Object.fromEntries(
      [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]),
    ) as T;
  return {
    items: sum(total.items, part.items),
    deliveries: sum(total.deliveries, part.deliveries),
    reasons: sum(total.reasons as Record<string, number>, part.reasons as Record<string, number>),
    quarantined: total.quarantined + part.quarantined,
  };
}

/** Whether both sums agree to the item: what the source handed over, and what the fan-out made of it. */
export function balances({ items, deliveries }: Counters): boolean {
  return (
    items.available === items.delivered + items.failed + items.events &&
    deliveries.expected === deliveries.imported + deliveries.partial + deliveries.skipped + deliveries.failed
  );
}
