import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const touchMs = 1_000;
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
 * Waits until no other process of its kind uses the folder: two writers would lose data, and the process before may
 * still be saving its state. The claim is a file in the folder, touched for as long as this process lives.
 *
 * @throws Error if another process keeps using the folder
 */
export async function claimFolder(file: string) {
  const until = Date.now() + waitMs;
  while (inUse(file)) {
    if (Date.now() > until)
      throw new Error(`The data folder is in use by process ${readFileSync(file, 'utf8')}`);
    await delay(50);
  }
  writeFileSync(file, String(process.pid));
  setInterval(() => utimesSync(file, new Date(), new Date()), touchMs).unref();
  process.on('exit', () => rmSync(file, { force: true }));
}
