import { dayOf, isDay, nextDayStart, readDayStarts, startOfDay } from '../shared/days';

const rule = (text: string) => readDayStarts(text)!;
const iso = (ms: number) => new Date(ms).toISOString();

test('a setting names a time and a time zone, or it is refused', () => {
  expect(readDayStarts('06:30 Europe/Stockholm')).toEqual({ minutes: 390, zone: 'Europe/Stockholm' });
  for (const wrong of ['', '6:30 UTC', '24:00 UTC', '06:30', '06:30 Mars/Olympus', '06:30  UTC'])
    expect([wrong, readDayStarts(wrong)]).toEqual([wrong, undefined]);
});

test.each([
  '00:00 UTC',
  '06:00 UTC',
  '00:00 Asia/Seoul',
  '02:30 Europe/Stockholm',
  '00:00 America/Sao_Paulo',
  '23:15 Asia/Kathmandu',
])('days of %s follow each other: each instant lies in the day that begins before it', (text) => {
  const starts = rule(text);
  let ms = Date.parse('2018-01-01T00:00:00Z');
  let next = nextDayStart(ms, starts);
  for (; ms < Date.parse('2019-01-02T00:00:00Z'); ms += 433 * 60_000) {
    const begins = startOfDay(dayOf(ms, starts), starts);
    expect(begins).toBeLessThanOrEqual(ms);
    expect(nextDayStart(ms, starts)).toBeGreaterThan(ms);
    if (ms < next) continue;
    expect(begins).toBe(next);
    next = nextDayStart(ms, starts);
    expect((next - begins) / 3_600_000).toBeGreaterThanOrEqual(23);
    expect((next - begins) / 3_600_000).toBeLessThanOrEqual(25);
  }
});

test('a day begins at the local time that the setting names', () => {
  expect(iso(startOfDay('2026-11-20', rule('00:00 Asia/Seoul')))).toBe('2026-11-19T15:00:00.000Z');
  expect(iso(startOfDay('2026-07-01', rule('06:00 Europe/Stockholm')))).toBe('2026-07-01T04:00:00.000Z');
  expect(dayOf(Date.parse('2026-07-01T03:59:59Z'), rule('06:00 Europe/Stockholm'))).toBe('2026-06-30');
});

test('only days of the calendar are days', () => {
  expect(['2026-02-28', '2026-02-30', '2026-2-28', 'today'].filter(isDay)).toEqual(['2026-02-28']);
});
