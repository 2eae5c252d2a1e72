import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, truncateSync, write } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What survives a restart: the tenant's events in order, and the bytes of attachments. */
export interface Journal {
  /** Events of earlier runs, oldest first. */
  past: object[];
  append(event: object): void;
  /** Resolves when the operating system has everything that was appended before. */
  flushed(): Promise<void>;
  saveBytes(bytes: Buffer): Promise<string>;
  loadBytes(sha256: string): Promise<Buffer>;
  close(): Promise<void>;
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

export function openJournal(dataDir: string | undefined): Journal {
  return dataDir === undefined ? memoryJournal() : fileJournal(dataDir);
}

function memoryJournal(): Journal {
  const files = new Map<string, Buffer>();
  return {
    past: [],
    append: () => undefined,
    flushed: async () => undefined,
    saveBytes: async (bytes) => {
      const sha256 = digest(bytes);
      files.set(sha256, bytes);
      return sha256;
    },
    loadBytes: async (sha256) => files.get(sha256)!,
    close: async () => undefined,
  };
}

function fileJournal(dataDir: string): Journal {
  const folder = join(dataDir, 'attachments');
  mkdirSync(folder, { recursive: true });
  const path = join(dataDir, 'journal.ndjson');
  const past = readEvents(path);
  const file = openSync(path, 'a');

  // Each write takes all the lines that gathered during the one before: in order, with one system call for many
  // requests. There is no fsync: the operating system keeps the bytes when this process is killed.
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const writeWaiting = async () => {
    next = undefined;
    const lines = Buffer.from(waiting.join(''));
    waiting = [];
    if (lines.length > 0) await writeAll(file, lines);
  };
  const flushed = () => {
    if (next) return next;
    if (waiting.length === 0) return writing ?? Promise.resolve();
    next = (writing ?? Promise.resolve()).then(writeWaiting);
    writing = next;
    return next;
  };

  let part = 0;
  return {
    past,
    append: (event) => void waiting.push(`${JSON.stringify(event)}\n`),
    flushed,
    async saveBytes(bytes) {
      const sha256 = digest(bytes);
      const target = join(folder, sha256);
      if (!existsSync(target)) {
        const partial = `${target}.${process.pid}-${part++}.part`;
        await writeFile(partial, bytes);
        await rename(partial, target);
      }
      return sha256;
    },
    loadBytes: (sha256) => readFile(join(folder, sha256)),
    async close() {
      await flushed();
      closeSync(file);
    },
  };
}

function writeAll(file: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    write(file, bytes, (error, written) => {
      if (error) reject(error);
      else if (written < bytes.length) writeAll(file, bytes.subarray(written)).then(resolve, reject);
      else resolve();
    });
  });
}

function readEvents(path: string): object[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(0x0a) + 1;
  // A process that was killed can leave half a line. Its request was never answered, so drop the line.
  if (end < bytes.length) truncateSync(path, end);
  const lines = bytes.toString('utf8', 0, end).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as object);
}
