// Bundles this checkout: the app into dist/dev, the operator's command line into dist/ops, the local stack and the
// verification into dist/local. Each bundle is self-contained CommonJS. scripts/stage.mjs makes the published bundles.
// A bundle is built again only if one of the files that went into it has changed since.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';

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
  bench: 'verification/bench/main.ts',
  'bench-part': 'verification/bench/part.ts',
};

/** What a file looks like from outside; undefined if it is gone. */
function stampOf(file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat && `${stat.size} ${stat.mtimeMs}`;
}

/** The versions of all packages, and how bundles are made: each decides over every bundle. */
const shared = ['package-lock.json', 'scripts/build.mjs'];

function isUpToDate(bundle, inputs) {
  if (!existsSync(bundle) || !existsSync(inputs)) return false;
  try {
    return Object.entries(JSON.parse(readFileSync(inputs, 'utf8'))).every(
      ([file, stamp]) => stampOf(file) === stamp,
    );
  } catch {
    return false;
  }
}

/** Each file is replaced in one step, so that a running stack or test never loads half of it. */
function replace(path, contents) {
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, contents);
  renameSync(unfinished, path);
}

async function bundle(name, file, outdir, options = {}) {
  const path = `${outdir}/${name}.js`;
  const inputs = `${outdir}/${name}.inputs.json`;
  if (isUpToDate(path, inputs)) return;
  rmSync(inputs, { force: true });
  let result;
  try {
    const { build } = await import('esbuild');
    result = await build({ ...common, ...options, metafile: true, entryPoints: { [name]: file }, outdir });
  } catch {
    // esbuild has printed why. Do not leave a bundle of older sources in its place.
    rmSync(path, { force: true });
    process.exitCode = 1;
    return;
  }
  const files = [...Object.keys(result.metafile.inputs), ...shared].filter((input) => stampOf(input));
  for (const output of result.outputFiles) replace(output.path, output.contents);
  replace(inputs, JSON.stringify(Object.fromEntries(files.map((input) => [input, stampOf(input)]))));
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
