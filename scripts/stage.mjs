// Makes the folder to publish: `node scripts/stage.mjs [FOLDER]`, by default dist/app. It contains host.json, a minimal
// package.json and the bundles. The same sources always give the same bytes, so that you can compare what runs in Azure
// with a tag of this repository. Source maps and licence texts go to FOLDER-maps.
import { build } from 'esbuild';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { app, common } from './build.mjs';

const maxBytes = 5 * 1024 * 1024;
const root = join(import.meta.dirname, '..');
const folder = resolve(process.argv[2] ?? join(root, 'dist/app'));
const maps = `${folder}-maps`;

const { outputFiles } = await build({
  ...common,
  absWorkingDir: root,
  entryPoints: app,
  // Keep identifiers: people read stack traces in Application Insights without a source map.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: 'external',
  legalComments: 'external',
  // Bundles contain the paths of modules. Keep them relative to the checkout even if its node_modules is a link.
  preserveSymlinks: true,
  // The paths in the source maps must not depend on FOLDER.
  outdir: join(root, 'dist/app'),
});

const { name, version, private: isPrivate } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const manifest = { name, version, private: isPrivate, main: 'main.js' };

// Built elsewhere and then moved: publishing at the same time gets either the old folder or the new one, and no leftovers
// of the old one.
const unfinished = `${folder}.${process.pid}`;
const unfinishedMaps = `${maps}.${process.pid}`;
for (const made of [unfinished, unfinishedMaps]) mkdirSync(made, { recursive: true });
for (const { path, contents } of outputFiles) {
  const file = basename(path);
  writeFileSync(join(file.endsWith('.js') ? unfinished : unfinishedMaps, file), contents);
}
cpSync(join(root, 'host.json'), join(unfinished, 'host.json'));
writeFileSync(join(unfinished, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
for (const [made, wanted] of [
  [unfinished, folder],
  [unfinishedMaps, maps],
]) {
  rmSync(wanted, { recursive: true, force: true });
  renameSync(made, wanted);
}

const files = ['host.json', 'package.json', ...Object.keys(app).map((bundle) => `${bundle}.js`)];
const sizes = files.map((file) => [file, statSync(join(folder, file)).size]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
for (const [file, size] of sizes) console.log(`  ${file.padEnd(18)}${String(size).padStart(10)} bytes`);
console.log(`${relative(process.cwd(), folder) || folder}: ${(total / 1024 / 1024).toFixed(2)} MB`);
if (total > maxBytes) {
  console.error(
    `More than ${maxBytes / 1024 / 1024} MB: the bundles contain something that the app does not need.`,
  );
  process.exitCode = 1;
}
