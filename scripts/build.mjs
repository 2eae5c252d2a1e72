// Bundles this checkout: the app into dist/dev, the operator's command line into dist/ops, the local stack and the
// verification into dist/local. Each bundle is self-contained CommonJS. scripts/stage.mjs makes the published bundles.
import { build } from 'esbuild';
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export const common = {
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  sourcemap: 'linked',
  logLevel: 'warning',
  // Provided by the Functions worker at run time; it is not in node_modules.
  external: ['@azure/functions-core'],
  write: false,
};

export const app = { main: 'functions/main.ts', 'read-worker': 'shared/reading/read-worker.ts' };
const ops = { main: 'ops/main.ts', 'read-worker': app['read-worker'] };
const local = {
  main: 'local/main.ts',
  exchange: 'simulators/exchange/main.ts',
  telemessage: 'simulators/telemessage/main.ts',
  identity: 'simulators/identity/main.ts',
  host: 'simulators/functions-host/main.ts',
  worker: 'simulators/functions-host/worker.ts',
  azurite: 'local/azurite-server.ts',
  picture: 'local/picture.ts',
  explore: 'verification/explore/main.ts',
  soak: 'verification/soak/main.ts',
  fuzz: 'verification/fuzz/main.ts',
};

/** Writes one bundle. Each file is replaced in one step, so that a running stack or test never loads half of it. */
async function bundle(name, file, outdir, options = {}) {
  let outputs;
  try {
    outputs = (await build({ ...common, ...options, entryPoints: { [name]: file }, outdir })).outputFiles;
  } catch {
    // esbuild has printed why. Do not leave a bundle of older sources in its place.
    rmSync(`${outdir}/${name}.js`, { force: true });
    process.exitCode = 1;
    return;
  }
  for (const { path, contents } of outputs) {
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, contents);
    renameSync(unfinished, path);
  }
}

async function buildAll() {
  // Azurite must run from its package, because it finds its files by their paths.
  const external = [...common.external, 'azurite', 'lokijs'];
  for (const [outdir, entries, options] of [
    ['dist/dev', app, {}],
    ['dist/local', local, { external }],
    ['dist/ops', ops, { external }],
  ]) {
    mkdirSync(outdir, { recursive: true });
    const present = Object.entries(entries).filter(([, file]) => existsSync(file));
    await Promise.all(present.map(([name, file]) => bundle(name, file, outdir, options)));
  }
}

// Compare real paths, or a checkout behind a link builds nothing and prints nothing.
if (realpathSync(process.argv[1]) === import.meta.filename) await buildAll();
