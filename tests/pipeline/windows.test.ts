import { dueWindows, windowRun } from '../../shared/pipeline/windows';

const hour = 3_600_000;
const dayStarts = { minutes: 120, zone: 'UTC' };
const rules = { dayStarts, catchUpDays: 30, lagMs: 0, overlapMs: 2 * hour };
const at = (instant: string) => Date.parse(instant);
const spans = (due: ReturnType<typeof dueWindows>) => due.runs.map(({ from, to }) => `${from} ${to}`);

describe('the daily windows', () => {
  it('begin with the 24 hours before now', () => {
    expect(spans(dueWindows(undefined, at('2026-11-21T02:00:00.300Z'), rules))).toEqual([
      '2026-11-20T02:00:00.000Z 2026-11-21T02:00:00.000Z',
    ]);
  });

  it('are not due before their day has ended', () => {
    expect(dueWindows('2026-11-21T02:00:00.000Z', at('2026-11-22T01:59:00Z'), rules).runs).toEqual([]);
  });

  it('are calendar days: after the first one, the next ends where its day does', () => {
    expect(spans(dueWindows('2026-11-18T15:37:00.000Z', at('2026-11-20T09:00:00Z'), rules))).toEqual([
      '2026-11-18T15:37:00.000Z 2026-11-19T02:00:00.000Z',
      '2026-11-19T02:00:00.000Z 2026-11-20T02:00:00.000Z',
    ]);
  });

  it('have 23 and 25 hours where the clocks change', () => {
    const swedish = { ...rules, dayStarts: { minutes: 0, zone: 'Europe/Stockholm' } };
    expect(spans(dueWindows('2026-03-27T23:00:00.000Z', at('2026-03-30T12:00:00Z'), swedish))).toEqual([
      '2026-03-27T23:00:00.000Z 2026-03-28T23:00:00.000Z',
      '2026-03-28T23:00:00.000Z 2026-03-29T22:00:00.000Z',
    ]);
    expect(spans(dueWindows('2026-10-24T22:00:00.000Z', at('2026-10-26T12:00:00Z'), swedish))).toEqual([
      '2026-10-24T22:00:00.000Z 2026-10-25T23:00:00.000Z',
    ]);
  });

  it('are due when the timer fires some milliseconds early', () => {
    expect(spans(dueWindows('2026-11-20T02:00:00.000Z', at('2026-11-21T01:59:59.900Z'), rules))).toEqual([
      '2026-11-20T02:00:00.000Z 2026-11-21T02:00:00.000Z',
    ]);
  });

  it('catch up with missed days, oldest first, without a gap', () => {
    expect(spans(dueWindows('2026-11-18T02:00:00.000Z', at('2026-11-21T05:00:00Z'), rules))).toEqual([
      '2026-11-18T02:00:00.000Z 2026-11-19T02:00:00.000Z',
      '2026-11-19T02:00:00.000Z 2026-11-20T02:00:00.000Z',
      '2026-11-20T02:00:00.000Z 2026-11-21T02:00:00.000Z',
    ]);
  });

  it('reach back no further than the setting allows, and say what was missed', () => {
    const due = dueWindows('2026-11-01T02:00:00.000Z', at('2026-11-21T02:00:00Z'), {
      ...rules,
      catchUpDays: 2,
    });
    expect(spans(due)[0]).toBe('2026-11-19T02:00:00.000Z 2026-11-20T02:00:00.000Z');
    expect(due.missed).toEqual({ from: '2026-11-01T02:00:00.000Z', to: '2026-11-19T02:00:00.000Z' });
  });

  it('are missed only as a whole: none of which an hour is still in reach', () => {
    const due = dueWindows('2026-11-19T02:00:00.000Z', at('2026-11-21T03:00:00Z'), {
      ...rules,
      catchUpDays: 2,
    });
    expect(spans(due)[0]).toBe('2026-11-19T02:00:00.000Z 2026-11-20T02:00:00.000Z');
    expect(due.missed).toBeUndefined();
  });

  it.each([undefined, '2026-11-20T02:00:00.000Z'])(
    'never end in the future without an overlap (watermark %s)',
    (watermark) => {
      for (const now of [
        at('2026-11-21T01:59:59.900Z'),
        at('2026-11-21T02:00:29.999Z'),
        at('2026-11-21T02:00:31Z'),
      ])
        for (const run of dueWindows(watermark, now, { ...rules, overlapMs: 0 }).runs)
          expect(Date.parse(run.to)).toBeLessThanOrEqual(now);
    },
  );

  it('list the end of the window before again, except the very first', () => {
    const listed = (watermark?: string) =>
      dueWindows(watermark, at('2026-11-21T02:00:00Z'), rules).runs.map(({ from, listedFrom }) => [
        from,
        listedFrom,
      ]);
    expect(listed()).toEqual([['2026-11-20T02:00:00.000Z', undefined]]);
    expect(listed('2026-11-19T02:00:00.000Z')).toEqual([
      ['2026-11-19T02:00:00.000Z', '2026-11-19T00:00:00.000Z'],
      ['2026-11-20T02:00:00.000Z', '2026-11-20T00:00:00.000Z'],
    ]);
  });

  it('leave out the time in which the site may still be listing arrivals', () => {
    expect(spans(dueWindows(undefined, at('2026-11-21T02:05:00Z'), { ...rules, lagMs: 300_000 }))).toEqual([
      '2026-11-20T02:00:00.000Z 2026-11-21T02:00:00.000Z',
    ]);
  });

  it('are named by their start, so that two timers open the same run', () => {
    const from = '2026-11-20T02:00:00.000Z';
    expect(windowRun('daily', from, '2026-11-21T02:00:00.000Z').name).toBe('daily-20261120T020000Z');
    expect(windowRun('backfill', from, '2026-11-20T03:00:00.000Z', 'a1').name).toBe(
      'backfill-20261120T020000Z-a1',
    );
  });
});
