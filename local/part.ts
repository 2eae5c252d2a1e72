import { fork } from 'node:child_process';
import { once } from 'node:events';
import { bundle } from './bundles';

/** One process of the local stack: a simulator, Azurite or the functions host. */
export interface Part<Ready> {
  name: string;
  /** What the part said when it was ready. */
  ready: Ready;
  pid: number;
  /** The last lines that it wrote. */
  tail(): string[];
  /** Rejects when the part ends by itself. */
  crashed: Promise<never>;
  close(): Promise<void>;
}

const stopTimeoutMs = 8_000;

/**
 * Starts `dist/local/<script>.js` with its options and waits until it says that it is ready. The part ends by
 * itself when this process does, because its channel breaks.
 *
 * @throws Error when the part ends before it is ready
 */
export async function startPart<Ready>(
  name: string,
  script: string,
  options: object,
  log?: (line: string) => void,
): Promise<Part<Ready>> {
  const child = fork(bundle(script), {
    env: { ...process.env, PART_OPTIONS: JSON.stringify(options) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A process group of its own: Ctrl-C must reach the parts in order, through their channels.
    detached: true,
  });
  const tail: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter(Boolean)) {
        tail.push(line);
        if (tail.length > 20) tail.shift();
        log?.(`${name}: ${line}`);
      }
    });

  let closing = false;
  const ended = once(child, 'exit').then(([code, signal]) => `${code ?? signal}`);
  const failed = ended.then((end): never => {
    if (closing) throw new Error(`${name} was stopped`);
    throw new Error(`${name} ended by itself (${end}).${tail.length > 0 ? `\n${tail.join('\n')}` : ''}`);
  });
  failed.catch(() => undefined);
  log?.(`${name}: process ${child.pid}`);
  const ready = once(child, 'message').then(([message]) => message as Ready);
  const said = await Promise.race([ready, failed]);
  return {
    name,
    ready: said,
    pid: child.pid!,
    tail: () => [...tail],
    crashed: failed,
    async close() {
      closing = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
