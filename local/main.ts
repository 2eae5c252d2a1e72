import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ConnectorId } from '../shared/connectors';
import { functionNames } from '../shared/names';
import { faultPlans } from './fault-plans';
import { readOptions, usage, UsageError, type Options } from './options';
import { showProgress, watchProgress } from './progress';
import { showMailboxes, showQuarantine, showResults } from './report';
import {
  allBalance,
  openRequest,
  quarantinedIn,
  requestWindows,
  resultOf,
  waitUntilClosed,
  type Progress,
} from './run-windows';
import { noteRunningStack } from './running-stack';
import { startStack, type Stack } from './stack';

/** Exit code of a process that was ended by Ctrl-C. */
const interrupted = 130;

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
  // Stop when the reader of the output ends, as `head` does.
  process.stdout.on('error', stop);
  let stack: Stack | undefined;
  let forget = () => undefined as void;
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
    forget = noteRunningStack(stack.settings);
    const work = options.once ? runOnce(stack, options) : keepRunning(stack, options);
    return await Promise.race([work, stopped, stack.crashed]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    forget();
    await stack?.close();
  }
}

const settingsFor = ({ once, mapping }: Options): Record<string, string> => ({
  ...Object.fromEntries(
    Object.keys(mapping).map((connector) => [`${connector.toUpperCase()}_CUSTOM_MAPPING`, 'true']),
  ),
  // At the full hour, the timer would fetch a window that was not requested.
  ...(once ? { [`AzureWebJobs.${functionNames.fetchBatch}.Disabled`]: 'true' } : {}),
});

async function keepRunning(stack: Stack, options: Options): Promise<number> {
  console.log('Everything is running. Ctrl-C stops it.\n');
  for (const [name, address] of Object.entries(stack.addresses))
    console.log(`  ${name.padEnd(18)} ${address}`);
  const host = stack.addresses['functions host'] ?? 'http://localhost:7071';
  if (options.func) {
    const file = 'local.settings.json';
    await writeFile(
      file,
      `${JSON.stringify({ IsEncrypted: false, Values: stack.settings }, undefined, 2)}\n`,
    );
    console.log(`\n  Wrote ${file}. Start the app in another terminal:  func start`);
  }
  console.log(
    `\n  Fetch the last 24 hours now:  curl -X POST -H 'content-type: application/json' -d '{}' ` +
      `${host}/admin/functions/${functionNames.fetchBatch}\n`,
  );
  return new Promise(() => undefined);
}

async function runOnce(stack: Stack, options: Options): Promise<number> {
  const { deps } = stack;
  for (const [connector, file] of Object.entries(options.mapping)) {
    const uploaded = await deps.mappings.upload(connector as ConnectorId, await readFile(file));
    const remarks = uploaded.ok ? uploaded.warnings : uploaded.errors;
    if (remarks.length > 0)
      console.error(
        `The mapping file ${file} is ${uploaded.ok ? 'in force, but check' : 'refused as a whole'}:`,
      );
    for (const { line, column, expected, found } of remarks)
      console.error(`  line ${line}${column ? `, ${column}` : ''}: expected ${expected}, found ${found}`);
    if (!uploaded.ok) return 2;
  }
  const { from, to } = options.window;
  console.log(`Window ${from} to ${to}`);
  const request = await openRequest(options.data && resolve(options.data), options.window);
  const runs = await requestWindows(deps, from, to, request.id);
  const show = showProgress(process.stdout);
  const watch = watchProgress(() =>
    console.error(
      ['Nothing has changed for a minute. The functions host says:', ...stack.hostTail()].join('\n'),
    ),
  );
  const report = (progress: Progress[]) => {
    show(progress);
    watch(progress);
  };
  await waitUntilClosed(deps, runs, report).catch((error: unknown) => {
    console.error(stack.hostTail().join('\n'));
    throw error;
  });

  const results = await Promise.all(runs.map((run) => resultOf(deps, run, from, to)));
  const quarantined = (await Promise.all(runs.map((run) => quarantinedIn(deps, run)))).flat();
  const balanced = allBalance(results);
  showResults(results);
  showQuarantine(quarantined);
  if (stack.exchange) {
    // What follows is only for display: switch the faults off.
    await fetch(`${stack.exchange}/_control/faults`, { method: 'POST', body: '{}' });
    await showMailboxes(stack.exchange, deps);
  }
  if (options.quarantine)
    await writeFile(
      options.quarantine,
      quarantined
        .map(({ connector, sourceId = null, batch, position, reason, detail }) =>
          JSON.stringify({ connector, sourceId, batch, position, reason, detail }).concat('\n'),
        )
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
