import { add, balances, count, noCounters } from '../../shared/storage/counters';
import type { Outcome } from '../../shared/storage/outcomes';

const outcome = (part: Partial<Outcome>): Outcome => ({
  v: 1,
  kind: 'delivered',
  settledAt: '2026-11-20T00:00:00.000Z',
  expected: 0,
  deliveries: [],
  ...part,
});

describe('the counters', () => {
  const counters = noCounters();
  counters.items.available = 4;
  const outcomes = [
    outcome({
      expected: 3,
      deliveries: [
        { userId: 'a', end: 'imported' },
        { userId: 'b', end: 'partial' },
        { userId: 'c', end: 'failed', reason: 'mailboxFull' },
      ],
      reason: 'mailboxFull',
    }),
    outcome({ expected: 1, deliveries: [{ userId: 'a', end: 'skipped' }] }),
    outcome({ kind: 'failed', reason: 'unmapped' }),
    outcome({ kind: 'event' }),
  ];
  for (const one of outcomes) count(counters, one);

  it('count items and deliveries apart', () => {
    expect(counters).toEqual({
      items: { available: 4, delivered: 2, failed: 1, events: 1 },
      deliveries: { expected: 4, imported: 1, partial: 1, skipped: 1, failed: 1 },
      reasons: { mailboxFull: 1, unmapped: 1 },
      quarantined: 2,
    });
    expect(balances(counters)).toBe(true);
  });

  it('do not balance when an item has no outcome', () => {
    expect(balances({ ...counters, items: { ...counters.items, available: 5 } })).toBe(false);
  });

  it('do not balance when a delivery is missing', () => {
    expect(balances({ ...counters, deliveries: { ...counters.deliveries, expected: 5 } })).toBe(false);
  });

  it('add up over batches', () => {
    expect(add(counters, counters).reasons).toEqual({ mailboxFull: 2, unmapped: 2 });
    expect(add(counters, counters).items.available).toBe(8);
  });
});
