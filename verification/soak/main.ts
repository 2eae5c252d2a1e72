import { functionNames } from '../../shared/names';
import type { Finding } from '../../shared/evidence/finding';
import { verify } from '../../shared/evidence/verify';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultPlans } from '../../local/fault-plans';
import {
  outcomesIn,
  requestWindows,
  waitUntilClosed,
  type ConnectorRun,
  type Progress,
} from '../../local/run-windows';
import type { Window } from '../../simulators/samples/day';
import { hostileIds, slowUser } from '../../simulators/samples/hostile-lines';
import { organisation } from '../../simulators/samples/organisation';
import { count, noCounters } from '../../shared/storage/counters';
import type { Counters } from '../../shared/storage/outcomes';
import { startStack, type Stack } from '../../local/stack';
import { keepKilling } from './hosts';
import { fingerprint, readMailboxes, surplus } from './mailboxes';
import { windows, windowsPerDay } from './plan';

/**
 * `npm run soak`: runs the local stack with the worst faults and two functions hosts that are killed again and again,
 * with a slow site, a slow mailbox and hostile items among the others. Then it runs the same windows without any of
 * these, and compares what became of all other items.
 */

const usage = 'npm run soak [-- --kills N] [--seed TEXT] [--days N] [--verbose]';
const reportEveryMs = 10_000;

/** The share of pages that trickle in. */
const slowPages = 0.2;
/**
 * Every answer about this mailbox comes late. With kills a few seconds apart an attempt must still have a chance to end
 * between two of them: otherwise its deaths are rightly blamed on the item.
 */
const slowMailbox = { kind: 'slow', path: `/users/${slowUser.id}/`, times: 1_000_000, lateMs: 400 } as const;

/** At the full hour, the timer would fetch a day that no run asked for. */
const noDailyWindow = { [`AzureWebJobs.${functionNames.fetchBatch}.Disabled`]: 'true' };

interface Options {
  kills: number;
  seed: string;
  days: number;
  verbose: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      days: { type: 'string', default: '3' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const whole = (name: 'kills' | 'days') => {
    if (!/^\d{1,6}$/.test(values[name])) throw new Error(`--${name}: expected a whole number\n${usage}`);
    return Number(values[name]);
  };
  return { kills: whole('kills'), seed: values.seed, days: whole('days'), verbose: values.verbose };
}

/** The counters of a window without the hostile items. */
interface WindowResult extends Counters {
  connector: string;
  from: string;
}

interface Outcome {
  results: WindowResult[];
  /** Fingerprints of what the mailboxes hold. */
  messages: string[];
}

async function runWindow(stack: Stack, { from, to }: Window, report: (progress: Progress[]) => void) {
  const runs = await requestWindows(stack.deps, from, to);
  await waitUntilClosed(stack.deps, runs, report);
  return Promise.all(runs.map((run) => resultOf(stack, run, from)));
}

async function resultOf({ deps }: Stack, run: ConnectorRun, from: string): Promise<WindowResult> {
  const counters = noCounters();
  for (const outcome of await outcomesIn(deps, run)) {
    if (hostileIds.test(outcome.sourceId ?? '')) continue;
    counters.items.available++;
    count(counters, outcome);
  }
  return { connector: run.connector, from, ...counters };
}

/** What the mailboxes hold, read after the simulator's faults are switched off. */
async function messagesOf(stack: Stack): Promise<string[]> {
  await fetch(`${stack.exchange}/_control/faults`, { method: 'POST', body: '{}' });
  const filed = await readMailboxes(stack.exchange!, organisation);
  return fingerprint(filed.filter(({ sourceId }) => !hostileIds.test(sourceId)));
}

/** Runs windows until the days are over and the last kill is made, and returns the windows with the outcome. */
async function runWithKills(
  options: Options,
  dataDir: string,
): Promise<Outcome & { done: Window[]; findings: Finding[] }> {
  const { worst } = faultPlans;
  const faultSeed = Number.parseInt(Buffer.from(options.seed).toString('hex').slice(-8), 16);
  const stack = await startStack({
    dataDir,
    settings: noDailyWindow,
    withoutHost: true,
    hostile: true,
    faults: {
      telemessage: { rates: { ...worst.telemessage.rates, slow: slowPages }, seed: faultSeed },
      exchange: { ...worst.exchange, script: [slowMailbox], seed: faultSeed },
    },
    ...(options.verbose ? { log: (line: string) => console.error(line) } : {}),
  });
  const hosts = keepKilling(stack, options.seed, options.kills);
  const done: Window[] = [];
  const show = createProgressLine(
    () => `kills ${hosts.kills()}/${options.kills}, window ${done.length} from ${done.at(-1)!.from}`,
  );
  try {
    const work = async () => {
      let isOver = false;
      void hosts.killed.then(() => (isOver = true));
      const results: WindowResult[] = [];
      for (const window of windows()) {
        if (isOver && done.length >= options.days * windowsPerDay) break;
        done.push(window);
        results.push(...(await runWindow(stack, window, show)));
      }
      return { results, messages: await messagesOf(stack), done, findings: await audit(stack) };
    };
    return await Promise.race([work(), hosts.failed, stack.crashed]);
  } finally {
    hosts.stop();
    await stack.close();
  }
}

/** What an auditor's `verify --deep` finds after all of it. */
async function audit({ deps, exchange }: Stack): Promise<Finding[]> {
  // The auditor looks on a quiet day.
  await fetch(`${exchange}/_control/faults`, { method: 'POST', body: '{}' });
  const findings: Finding[] = [];
  await verify(deps, deps.config.connectors, { deep: true }, (finding) => {
    // Some mailboxes of the sample tenant never let the app in.
    if (finding.kind !== 'mailboxUnreadable') findings.push(finding);
  });
  return findings;
}

/** Prints the progress, at most once in ten seconds. */
function createProgressLine(place: () => string) {
  let shownAt = 0;
  return (progress: Progress[]) => {
    if (Date.now() - shownAt < reportEveryMs) return;
    shownAt = Date.now();
    const items = progress
      .map(({ connector, finished, items }) => `${connector} ${finished}/${items}`)
      .join(', ');
    console.log(`${place()}: ${items}`);
  };
}

async function runWithoutKills(done: readonly Window[]): Promise<Outcome> {
  const stack = await startStack({ settings: noDailyWindow });
  try {
    const work = async () => {
      const results: WindowResult[] = [];
      for (const window of done) results.push(...(await runWindow(stack, window, () => undefined)));
      return { results, messages: await messagesOf(stack) };
    };
    return await Promise.race([work(), stack.crashed]);
  } finally {
    await stack.close();
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  const dataDir = await mkdtemp(join(tmpdir(), 'soak-'));
  console.log(
    `Seed ${options.seed}: two hosts, ${options.kills} kills, worst faults, a slow site, a slow mailbox, ` +
      `hostile items, ${options.days} days`,
  );
  try {
    const found = await runWithKills(options, dataDir);
    console.log(`${found.done.length} windows are closed; now the same ones on quiet days`);
    const wanted = await runWithoutKills(found.done);

    const differing = found.results.filter(
      (result, index) => JSON.stringify(result) !== JSON.stringify(wanted.results[index]),
    );
    for (const result of differing) {
      console.log(`Counters differ, with kills:    ${JSON.stringify(result)}`);
      console.log(
        `                 without kills: ${JSON.stringify(wanted.results[found.results.indexOf(result)])}`,
      );
    }
    const items = found.results.reduce((sum, result) => sum + result.items.available, 0);
    const lost = surplus(wanted.messages, found.messages);
    const duplicated = surplus(found.messages, wanted.messages);
    for (const line of lost) console.log(`Lost: ${line}`);
    for (const line of duplicated) console.log(`Duplicated: ${line}`);
    for (const finding of found.findings) console.log(`verify: ${JSON.stringify(finding)}`);
    console.log(
      `kills ${options.kills}, items ${items}, lost ${lost.length}, duplicated ${duplicated.length}` +
        (differing.length > 0 ? `, counters off ${differing.length}` : '') +
        `, findings of verify ${found.findings.length}`,
    );
    return differing.length + lost.length + duplicated.length + found.findings.length === 0 ? 0 : 1;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

void main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  })
  .then((code) => process.exit(code));
