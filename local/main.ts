import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ConnectorId } from '../shared/connectors';
import { functionNames } from '../shared/names';
import { faultPlans } from './fault-plans';
import { openRequest } from './open-request';
import { readOptions, usage, UsageError, type Options } from './options';
import { showProgress } from './progress';
import { showMailboxes, showQuarantine, showResults } from './report';
import {
  allBalance,
  quarantinedIn,
  requestWindows,
  resultOf,
  waitUntilClosed,
  type Progress,
} from './run-windows';
import { startStack, type Stack } from './stack';

/** Exit code of a process that Ctrl-C ended. */
const interrupted = 130;
const stalledMs = 60_000;

/** `npm run local` and `npm run demo`: the whole system on this machine. */
async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    return 2;
  }
  const stopping = new AbortController();
  const stopped = new Promise<number>((done) =>
    stopping.signal.addEventListener('abort', () => done(interrupted)),
  );
  const stop = () => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // Whoever read the output has left, as `head` does.
  process.stdout.on('error', stop);
  let stack: Stack | undefined;
  try {
    stack = await startStack({
      dataDir: options.data === undefined ? undefined : resolve(options.data),
      settings: settingsFor(options),
      withoutHost: options.func,
      ports: options.ports,
      faults: options.faults ? faultPlans[options.faults] : undefined,
      log: options.verbose ? (line) => console.error(line) : undefined,
    });
    if (stopping.signal.aborted) return interrupted;
    const work = options.once ? runOnce(stack, options) : keepUp(stack, options);
    return await Promise.race([work, stopped, stack.crashed]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    await stack?.close();
  }
}

const settingsFor = ({ once, mapping }: Options): Record<string, string> => ({
  ...Object.fromEntries(
    Object.keys(mapping).map((connector) => [`${connector.toUpperCase()}_CUSTOM_MAPPING`, 'true']),
  ),
  // One window was asked for: at the full hour the timer would fetch another one in between.
  ...(once ? { [`AzureWebJobs.${functionNames.fetchBatch}.Disabled`]: 'true' } : {}),
});

async function keepUp(stack: Stack, options: Options): Promise<number> {
  console.log('Everything is up. Ctrl-C stops it.\n');
  for (const [name, address] of Object.entries(stack.addresses))
    console.log(`  ${name.padEnd(18)} ${address}`);
  const host = stack.addresses['functions host'] ?? 'http://localhost:7071';
  if (options.func) {
    const file = 'local.settings.json';
    await writeFile(
      file,
      `${JSON.stringify({ IsEncrypted: false, Values: stack.settings }, undefined, 2)}\n`,
    );
    console.log(`\n  ${file} is written. Start the app in another terminal:  func start`);
  }
  console.log(
    `\n  Fetch the last 24 hours now:  curl -X POST -H 'content-type: application/json' -d '{}' ` +
      `${host}/admin/functions/${functionNames.fetchBatch}\n`,
  );
  return new Promise(() => undefined);
}

/** Shows the progress, and what the functions host says once there is none for a while. */
function reporting(stack: Stack): (progress: Progress[]) => void {
  const show = showProgress(process.stdout);
  let known = '';
  let movedAt = Date.now();
  return (progress) => {
    show(progress);
    const now = JSON.stringify(progress);
    if (now === known && Date.now() - movedAt < stalledMs) return;
    if (now === known)
      console.error(
        ['Nothing has moved for a while. The functions host says:', ...stack.hostTail()].join('\n'),
      );
    known = now;
    movedAt = Date.now();
  };
}

async function runOnce(stack: Stack, options: Options): Promise<number> {
  const { deps } = stack;
  for (const [connector, file] of Object.entries(options.mapping)) {
    const problems = await deps.mappings.upload(connector as ConnectorId, await readFile(file));
    if (problems.length === 0) continue;
    console.error(`The mapping file ${file} is refused; nothing of it is taken:`);
    for (const { line, column, expected, found } of problems)
      console.error(`  line ${line}${column ? `, ${column}` : ''}: expected ${expected}, found ${found}`);
    return 2;
  }
  const { from, to } = options.window;
  console.log(`Window ${from} to ${to}`);
  const request = await openRequest(options.data && resolve(options.data), options.window);
  const runs = await requestWindows(deps, from, to, request.id);
  await waitUntilClosed(deps, runs, reporting(stack)).catch((error: unknown) => {
    console.error(stack.hostTail().join('\n'));
    throw error;
  });

  const results = await Promise.all(runs.map((run) => resultOf(deps, run, from, to)));
  const quarantined = (await Promise.all(runs.map((run) => quarantinedIn(deps, run)))).flat();
  const balanced = allBalance(results);
  showResults(results);
  showQuarantine(quarantined);
  if (stack.exchange) {
    // What follows is read by a person, who wants no faults.
    await fetch(`${stack.exchange}/_control/faults`, { method: 'POST', body: '{}' });
    await showMailboxes(stack.exchange, deps);
  }
  if (options.quarantine)
    await writeFile(
      options.quarantine,
      quarantined
        .map(({ connector, sourceId, batch, position, reason, detail }) =>
          JSON.stringify({ connector, sourceId: sourceId ?? null, batch, position, reason, detail }),
        )
        .map((line) => `${line}\n`)
        .join(''),
    );
  console.log(balanced ? 'Both sums balance.' : 'THE SUMS DO NOT BALANCE.');
  if (options.json) console.log(JSON.stringify({ balanced, connectors: results }));
  await request.done();
  return balanced ? 0 : 1;
}

void main().then((code) => {
  process.exitCode = code;
});
