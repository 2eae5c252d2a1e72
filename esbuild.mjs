// Bundles the app and the local stack into dist/. Each bundle is self-contained CommonJS.
import { build } from 'esbuild';
import { rmSync, existsSync } from 'node:fs';

const common = {
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  sourcemap: 'linked',
  logLevel: 'warning',
  // Served by the Functions worker at run time; it exists nowhere on disk.
  external: ['@azure/functions-core'],
};

rmSync('dist', { recursive: true, force: true });
const app = { main: 'functions/main.ts', 'parse-worker': 'shared/email/parse-worker.ts' };
const local = { main: 'local/main.ts' };
await build({ ...common, entryPoints: app, outdir: 'dist/app' });
if (existsSync('local/main.ts')) await build({ ...common, entryPoints: local, outdir: 'dist/local' });
