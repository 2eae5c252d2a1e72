const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { transformSync, version } = require('esbuild');

/** Runs the TypeScript sources in jest through the bundler that builds the app: the same compiler for both. */
module.exports = {
  process: (source, sourcefile) =>
    transformSync(source, { loader: 'ts', format: 'cjs', target: 'node22', sourcefile, sourcemap: 'inline' }),
  getCacheKey: (source, file) =>
    createHash('sha256')
      .update(version)
      .update(readFileSync(__filename))
      .update(file)
      .update(source)
      .digest('hex'),
};
