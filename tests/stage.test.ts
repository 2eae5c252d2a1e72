import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { allBalance, requestWindows, resultOf, waitUntilClosed } from '../local/run-windows';
import { startStack } from '../local/stack';
import { functionNames } from '../shared/names';

const root = join(__dirname, '..');
const published = join(root, 'dist/app');
const temporary = mkdtempSync(join(tmpdir(), 'stage-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Runs the staging of a checkout, from a folder that is not the checkout. */
function stage(checkout: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(checkout, 'stage.mjs')], {
    cwd: tmpdir(),
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
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

/** What staging reads, at another place. */
function copyOf(checkout: string, name: string): string {
  const copy = join(temporary, name);
  for (const part of ['functions', 'shared', 'host.json', 'package.json', 'stage.mjs', 'esbuild.mjs'])
    cpSync(join(checkout, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

test('stages the app, and nothing else, in at most 5 MB', () => {
  expect(stage(root)).toMatch(/MB$/m);
  expect(readdirSync(published).sort()).toEqual(['host.json', 'main.js', 'package.json', 'parse-worker.js']);
  const bytes = readdirSync(published).reduce(
    (sum, file) => sum + readFileSync(join(published, file)).length,
    0,
  );
  expect(bytes).toBeLessThanOrEqual(5 * 1024 * 1024);
  expect(readFileSync(join(published, 'host.json'))).toEqual(readFileSync(join(root, 'host.json')));
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
  };
  expect(JSON.parse(readFileSync(join(published, 'package.json'), 'utf8'))).toEqual({
    name,
    version,
    private: true,
    main: 'main.js',
  });
  for (const file of readdirSync(published)) {
    const text = readFileSync(join(published, file), 'utf8');
    for (const place of [`${root}/`, `${homedir()}/`, '\n//# sourceMappingURL'])
      expect(text.includes(place)).toBe(false);
  }
  expect(readdirSync(`${published}-maps`)).toEqual(
    expect.arrayContaining(['main.js.map', 'parse-worker.js.map']),
  );
});

test('makes the same bytes from the same sources, wherever and whatever was in the folder before', () => {
  const checkout = copyOf(root, 'first');
  const elsewhere = copyOf(checkout, 'a-second-checkout-with-a-longer-name');
  stage(checkout);
  stage(elsewhere);
  const once = hashes(join(checkout, 'dist/app'));
  expect(Object.keys(once)).toHaveLength(4);
  expect(hashes(join(elsewhere, 'dist/app'))).toEqual(once);
  for (const file of ['old-bundle.js', 'local.settings.json'])
    writeFileSync(join(checkout, 'dist/app', file), '{}');
  stage(checkout);
  expect(hashes(join(checkout, 'dist/app'))).toEqual(once);
  expect(readdirSync(join(checkout, 'dist')).sort()).toEqual(['app', 'app-maps']);
});

test('the staged folder registers every function, imports a window to its end and stays as it is', async () => {
  stage(root);
  const before = hashes(published);
  const stack = await startStack({ dataDir: join(temporary, 'data'), settings: {}, appDir: published });
  try {
    const listed = await fetch(`${stack.addresses['functions host']}/admin/functions`);
    const names = ((await listed.json()) as { name: string }[]).map(({ name }) => name);
    expect(names.sort()).toEqual(Object.values(functionNames).sort());

    const [from, to] = ['2026-11-20T08:00:00.000Z', '2026-11-20T08:30:00.000Z'];
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
    await stack.deps.mailParser.close();
  }
  expect(hashes(published)).toEqual(before);
}, 60_000);
