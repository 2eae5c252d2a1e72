import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { name, version } from '../../package.json';

const read = (file: string) => readFileSync(join(__dirname, '..', '..', file), 'utf8');
const headings = [...read('CHANGELOG.md').matchAll(/^## \[(.+?)\](?: - (\S+))?$/gm)];
const releases = headings.slice(1).map(([, release, date]) => ({ release: release!, date }));

describe('CHANGELOG.md', () => {
  it('begins with what is unreleased, and then names the version of package.json', () => {
    expect(headings[0]?.[1]).toBe('Unreleased');
    expect(releases[0]?.release).toBe(version);
  });

  it('lists its releases from the newest to 1.0.0, each with a version by SemVer and a date', () => {
    for (const { release, date } of releases) {
      expect(release).toMatch(/^\d+\.\d+\.\d+$/);
      expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
    const order = releases.map(({ release }) => release);
    expect(order).toEqual(order.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true })));
    expect(order.at(-1)).toBe('1.0.0');
    const dates = releases.map(({ date }) => date!);
    expect(dates).toEqual(dates.toSorted().reverse());
  });

  it('groups entries under the headings of Keep a Changelog alone', () => {
    const groups = [...read('CHANGELOG.md').matchAll(/^### (.+)$/gm)].map(([, group]) => group);
    for (const group of groups)
      expect(['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']).toContain(group);
  });
});

it('package-lock.json has the version of package.json', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    version: string;
    packages: Record<string, { name?: string; version?: string }>;
  };
  expect(lock.version).toBe(version);
  expect(lock.packages['']).toMatchObject({ name, version });
});
