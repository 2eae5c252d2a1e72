// Bundles the app and the local stack for this checkout, into dist/dev and dist/local. Each bundle is self-contained
// CommonJS. What is published is made by stage.mjs.
import { build } from 'esbuild';
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export const common = {
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  sourcemap: 'linked',
  logLevel: 'warning',
  // Served by the Functions worker at run time; it exists nowhere on disk.
  external: ['@azure/functions-core'],
  write: false,
};

export const app = { main: 'functions/main.ts', 'parse-worker': 'shared/email/parse-worker.ts' };
const local = {
  main: 'local/main.ts',
  exchange: 'local/exchange/main.ts',
  telemessage: 'local/telemessage/main.ts',
  identity: 'local/identity/main.ts',
  host: 'local/host/main.ts',
  worker: 'local/host/worker.ts',
  azurite: 'local/azurite-server.ts',
  ops: 'local/ops/main.ts',
  explore: 'local/explore/main.ts',
  soak: 'local/soak/main.ts',
  fuzz: 'local/fuzz/main.ts',
};

/** One bundle; a running stack or test must never load half of it, so the new file takes the old one's place at once. */
async function bundle(name, file, outdir, options = {}) {
  let outputs;
  try {
    outputs = (await build({ ...common, ...options, entryPoints: { [name]: file }, outdir })).outputFiles;
  } catch {
    // esbuild has said why. A bundle of older sources must not pass for this one.
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
  // Azurite is started from its package, not bundled: it finds its own files by their place.
  const external = [...common.external, 'azurite', 'lokijs'];
  for (const [outdir, entries, options] of [
    ['dist/dev', app, {}],
    ['dist/local', local, { external }],
  ]) {
    mkdirSync(outdir, { recursive: true });
    const present = Object.entries(entries).filter(([, file]) => existsSync(file));
    await Promise.all(present.map(([name, file]) => bundle(name, file, outdir, options)));
  }
}

// The paths are compared as real ones: a checkout behind a link would else build nothing, without a word.
if (realpathSync(process.argv[1]) === import.meta.filename) await buildAll();
