import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { ConnectorId } from '../shared/connectors';
import type { Quarantined } from '../shared/storage/outcomes';
import { staff } from '../simulators/samples/organisation';
import { functionNames } from '../shared/names';
import { faultPlans } from './fault-plans';
import { createOutput } from '../terminal/output';
import { tellHappenings } from './happenings';
import { HelpWanted, readOptions, UsageError, type Options } from './options';
import { showProgress, watchProgress } from './progress';
import { showItems, showQuarantine, showResults } from './report';
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

const out = createOutput(process.stdout, process.env, process.stderr);
/** Where the demo leaves the whole quarantine. */
const demoQuarantine = '.data/demo-quarantine.ndjson';

/** `npm run local` and `npm run demo`: the whole system on this machine. */
async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
    await checkFiles(options);
  } catch (error) {
    if (error instanceof HelpWanted) {
      console.log(error.message);
      return 0;
    }
    if (!(error instanceof UsageError)) throw error;
    console.error(
      `${error.message}\nAll options: npm run ${process.argv[2] === 'demo' ? 'demo' : 'local'} -- --help`,
    );
    return 2;
  }
  const stopping = new AbortController();
  const stopped = new Promise<number>((done) =>
    stopping.signal.addEventListener('abort', () => done(interrupted)),
  );
  const stop = () => {
    if (!stopping.signal.aborted && process.stderr.isTTY) {
      out.progress('');
      console.error('Stopping …');
    }
    stopping.abort();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // Stop when the reader of the output ends, as `head` does.
  process.stdout.on('error', stop);
  const tell = options.once ? () => undefined : tellHappenings(out);
  let stack: Stack | undefined;
  let forget = () => undefined as void;
  try {
    stack = await startStack({
      dataDir: options.data === undefined ? undefined : resolve(options.data),
      settings: settingsFor(options),
      withoutHost: options.func,
      ports: options.ports,
      faults: options.faults ? faultPlans[options.faults] : undefined,
      log: (line) => {
        if (options.verbose) console.error(line);
        // Once it stops, requests to servers that are gone fail: nobody needs to hear that.
        if (!stopping.signal.aborted) tell(line);
      },
    });
    if (stopping.signal.aborted) return interrupted;
    forget = noteRunningStack(stack.settings);
    if (!(await uploadMappings(stack, options))) return 2;
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

/** Before anything starts: a name that is wrong must not cost half a minute. @throws UsageError */
async function checkFiles({ mapping, quarantine }: Options): Promise<void> {
  for (const file of Object.values(mapping))
    await access(file, constants.R_OK).catch(() => {
      throw new UsageError(`--mapping: expected a file that can be read, found "${file}"`);
    });
  if (quarantine !== undefined)
    await access(dirname(resolve(quarantine)), constants.W_OK).catch(() => {
      throw new UsageError(`--quarantine: expected a file in a folder that exists, found "${quarantine}"`);
    });
}

/** False if a file is refused. */
async function uploadMappings({ deps }: Stack, { mapping }: Options): Promise<boolean> {
  for (const [connector, file] of Object.entries(mapping)) {
    const uploaded = await deps.mappings.upload(connector as ConnectorId, await readFile(file));
    const remarks = uploaded.ok ? uploaded.warnings : uploaded.errors;
    if (remarks.length > 0)
      console.error(
        `The mapping file ${file} is ${uploaded.ok ? 'in force, but check' : 'refused as a whole'}:`,
      );
    for (const { line, column, expected, found } of remarks)
      console.error(`  line ${line}${column ? `, ${column}` : ''}: expected ${expected}, found ${found}`);
    if (!uploaded.ok) return false;
  }
  return true;
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
  if (options.func) {
    const file = 'local.settings.json';
    await writeFile(
      file,
      `${JSON.stringify({ IsEncrypted: false, Values: stack.settings }, undefined, 2)}\n`,
    );
    console.log(`\n  Wrote ${file}. Start the app in another terminal:  func start`);
  }
  console.log('\nIn another terminal:\n');
  for (const [what, command] of [
    ['fetch what is due', 'fetch'],
    ['fetch a day', 'backfill --connector whatsapp --from 2026-11-20 --to 2026-11-20'],
    ['see the state', 'status'],
    ['see a mailbox', `mailbox ${staff[0]!.user.userPrincipalName}`],
    ['prove it', 'verify --deep'],
  ])
    console.log(`  ${what!.padEnd(18)} npm run ops -- ${command}`);
  console.log();
  return new Promise(() => undefined);
}

async function runOnce(stack: Stack, options: Options): Promise<number> {
  const { deps } = stack;
  const { from, to } = options.window;
  out.print(`Window ${from} to ${to}`);
  const request = await openRequest(options.data && resolve(options.data), options.window);
  const runs = await requestWindows(deps, from, to, request.id);
  const show = showProgress(out);
  const watch = watchProgress(() => {
    out.progress('');
    console.error(
      ['Nothing has changed for a minute. The functions host says:', ...stack.hostTail()].join('\n'),
    );
  });
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
  showResults(out, results);
  showQuarantine(out, quarantined);
  const file = options.quarantine ?? (options.demo ? demoQuarantine : undefined);
  if (file) await writeQuarantine(file, quarantined);
  if (options.demo && stack.exchange) {
    // What follows is only for display: switch the faults off.
    await fetch(`${stack.exchange}/_control/faults`, { method: 'POST', body: '{}' });
    await showItems(out, deps);
  }
  out.print(balanced ? out.good('Both sums balance.') : out.bad('THE SUMS DO NOT BALANCE.'));
  if (options.demo) {
    out.print(`Each quarantined item, one per line: ${file}`);
    out.print('Next: npm run local keeps it all running; README.md shows what to try then.');
  }
  if (options.json) console.log(JSON.stringify({ balanced, connectors: results }));
  await request.done();
  return balanced ? 0 : 1;
}

async function writeQuarantine(file: string, quarantined: readonly Quarantined[]): Promise<void> {
  const lines = quarantined.map(({ connector, sourceId = null, batch, position, reason, detail }) =>
    JSON.stringify({ connector, sourceId, batch, position, reason, detail }).concat('\n'),
  );
  await mkdir(dirname(resolve(file)), { recursive: true });
  await writeFile(file, lines.join(''));
}

void main().then((code) => {
  process.exitCode = code;
});
