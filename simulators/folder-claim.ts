import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const beatMs = 1_000;
const staleMs = 5_000;
const waitMs = 20_000;

function inUse(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    if (pid === process.pid || Date.now() - statSync(file).mtimeMs > staleMs) return false;
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes this process the only one of its kind on a folder, by a file in it that is touched as long as the process
 * lives. The one before may still be writing its last state: two on one folder would lose data.
 *
 * @throws Error when another process keeps the folder
 */
export async function claimFolder(file: string) {
  const until = Date.now() + waitMs;
  while (inUse(file)) {
    if (Date.now() > until)
      throw new Error(`The data folder is in use by process ${readFileSync(file, 'utf8')}`);
    await delay(50);
  }
  writeFileSync(file, String(process.pid));
  setInterval(() => utimesSync(file, new Date(), new Date()), beatMs).unref();
  process.on('exit', () => rmSync(file, { force: true }));
}
