import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { allBalance, requestWindows, resultOf, waitUntilClosed } from '../../local/run-windows';
import { startStack } from '../../local/stack';
import { functionNames } from '../../shared/names';
import { useTemporaryFolder } from '../support/temporary-folder';

const root = join(__dirname, '..', '..');
const temporary = useTemporaryFolder('stage');

/** Copies what staging reads, so that the tests do not touch this checkout's dist/app. */
function copyOf(checkout: string, name: string): string {
  const copy = join(temporary, name);
  for (const part of ['functions', 'shared', 'host.json', 'package.json', 'scripts'])
    cpSync(join(checkout, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Stages a checkout from another working folder; gives the staged folder. */
function stage(checkout: string, ...folder: string[]): string {
  const { status, stderr } = spawnSync(process.execPath, [join(checkout, 'scripts/stage.mjs'), ...folder], {
    cwd: tmpdir(),
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  return folder[0] ?? join(checkout, 'dist/app');
}

const hashes = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((file) => [
        file,
        createHash('sha256')
          .update(readFileSync(join(folder, file)))
          .digest('hex'),
      ]),
  );

test('stages only the app, in at most 5 MB', () => {
  const checkout = copyOf(root, 'checkout');
  mkdirSync(join(checkout, 'dist/app'), { recursive: true });
  for (const leftover of ['main.js.map', 'old-bundle.js', 'local.settings.json'])
    writeFileSync(join(checkout, 'dist/app', leftover), '{}');
  const staged = stage(checkout);

  const files = readdirSync(staged).sort();
  expect(files).toEqual(['host.json', 'main.js', 'package.json', 'read-worker.js']);
  const bytes = files.reduce((sum, file) => sum + statSync(join(staged, file)).size, 0);
  expect(bytes).toBeLessThanOrEqual(5 * 1024 * 1024);
  expect(readdirSync(join(checkout, 'dist')).sort()).toEqual(['app', 'app-maps']);
  expect(readdirSync(join(checkout, 'dist/app-maps'))).toEqual(
    expect.arrayContaining(['main.js.map', 'read-worker.js.map']),
  );

  expect(readFileSync(join(staged, 'host.json'))).toEqual(readFileSync(join(root, 'host.json')));
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
  };
  const manifest: unknown = JSON.parse(readFileSync(join(staged, 'package.json'), 'utf8'));
  expect(manifest).toEqual({ name, version, private: true, main: 'main.js' });
  for (const file of files) {
    const text = readFileSync(join(staged, file), 'utf8');
    for (const trace of [`${root}/`, `${temporary}/`, `${homedir()}/`, '\n//# sourceMappingURL'])
      expect(text.includes(trace)).toBe(false);
  }
});

test('makes the same bytes from the same sources, in any folder and every time', () => {
  const checkout = join(temporary, 'checkout');
  const once = hashes(stage(checkout));
  expect(Object.keys(once)).toHaveLength(4);
  expect(hashes(stage(copyOf(checkout, 'further/down/checkout')))).toEqual(once);
  expect(hashes(stage(checkout, join(temporary, 'published')))).toEqual(once);
});

test('makes a self-contained folder, which registers every function and imports a window', async () => {
  // Outside any node_modules.
  const staged = stage(root, join(temporary, 'alone', 'app'));
  const before = hashes(staged);
  const stack = await startStack({ settings: {}, appDir: staged });
  try {
    const listed = await fetch(`${stack.addresses['functions host']}/admin/functions`);
    const names = ((await listed.json()) as { name: string }[]).map(({ name }) => name);
    expect(names.sort()).toEqual(Object.values(functionNames).sort());

    const [from, to] = ['2026-11-20T08:00:00.000Z', '2026-11-20T08:15:00.000Z'];
    const runs = await requestWindows(stack.deps, from, to);
    await Promise.race([waitUntilClosed(stack.deps, runs, () => undefined), stack.crashed]);
    const results = await Promise.all(runs.map((run) => resultOf(stack.deps, run, from, to)));
    expect(results.map(({ connector }) => connector)).toEqual(['wechat', 'whatsapp']);
    for (const { items, deliveries } of results) {
      expect(items.delivered).toBeGreaterThan(0);
      expect(deliveries.imported).toBeGreaterThan(0);
    }
    expect(allBalance(results)).toBe(true);
  } finally {
    await stack.close();
    await stack.deps.itemReader.close();
  }
  expect(hashes(staged)).toEqual(before);
}, 180_000);
