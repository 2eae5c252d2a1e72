import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { startSharedAzurite } from './store';

/**
 * Before the first test: builds the bundles that the tests start as processes, and starts the Azurite that they share.
 * A bundle that does not build is removed, which fails the tests that need it and no others.
 */
export default async function setUp(): Promise<void> {
  const root = join(__dirname, '..', '..');
  const { error } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  globalThis.closeSharedAzurite = await startSharedAzurite();
}

declare global {
  var closeSharedAzurite: (() => Promise<void>) | undefined;
}
