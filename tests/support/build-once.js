const { spawnSync } = require('node:child_process');
const { join } = require('node:path');

/**
 * The tests start the bundles of the local stack as processes, so they are built before the first test. A bundle
 * that does not build is removed, which fails every test that needs it and no other.
 */
module.exports = () => {
  const { error } = spawnSync(process.execPath, ['scripts/build.mjs'], {
    cwd: join(__dirname, '..', '..'),
    stdio: 'inherit',
  });
  if (error) throw error;
};
