import { fork } from 'node:child_process';
import { once } from 'node:events';
import { bundle } from './bundles';

/** A process of the local stack: a simulator or the functions host. */
export interface Part<Ready> {
  name: string;
  /** What the part reported when it was ready. */
  ready: Ready;
  pid: number;
  /** The last lines of its output. */
  tail(): string[];
  /** Rejects if the part ends by itself. */
  crashed: Promise<never>;
  close(): Promise<void>;
}

const stopTimeoutMs = 8_000;

/**
 * Starts `dist/local/<script>.js` with its options and waits until it reports that it is ready. If this process dies,
 * the channel to the part breaks, and the part ends too.
 *
 * @throws Error if the part ends before it is ready
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
    // Its own process group, or Ctrl-C stops all parts together; the stack must stop them in order.
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
  const reported = await Promise.race([ready, failed]);
  return {
    name,
    ready: reported,
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
