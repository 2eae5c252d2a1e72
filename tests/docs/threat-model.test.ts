import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A threat model that names what does not exist is worse than none. */

const root = join(__dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const model = read('docs/threat-model.md');

it('docs/threat-model.md names tests and files that exist', () => {
  const files = [...new Set([...model.matchAll(/`((?:tests|infra)\/[^`]+)`/g)].map(([, path]) => path!))];
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

it('docs/threat-model.md gives each production dependency, in its exact version, a reason', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const section = model.slice(model.indexOf('## Production dependencies'));
  const rows = [...section.matchAll(/^\| `([^`]+)`\s*\| (\S+)\s*\| (.{20,}?)\s*\|$/gm)];
  expect(Object.fromEntries(rows.map(([, name, version]) => [name, version]))).toEqual(dependencies);
  for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

it('the lock file has the hash of every production dependency', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { integrity?: string }> };
  for (const name of Object.keys(dependencies))
    expect(lock.packages[`node_modules/${name}`]?.integrity).toMatch(/^sha512-/);
});

it('no HTTP function is open to whoever finds it, and none to a mere function key', () => {
  // Without the word the host takes `anonymous`.
  const functions = readdirSync(join(root, 'functions')).map((file) => read(`functions/${file}`));
  const opened = functions.filter((source) => source.includes('app.http('));
  expect(opened.length).toBeGreaterThan(0);
  for (const source of opened) expect(source).toMatch(/authLevel: 'admin'/);
});
