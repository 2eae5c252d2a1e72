import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectorId } from '../shared/connectors';
import type { Deps } from '../shared/deps';
import { queues } from '../shared/names';
import type { BackfillRequest } from '../shared/pipeline/backfill-window';
import { readBackfillRequest } from '../shared/pipeline/messages';
import { add, balances, noCounters } from '../shared/storage/counters';
import { windowRun } from '../shared/pipeline/windows';
import { openAccount } from '../shared/storage/account.client';
import type { Manifest } from '../shared/storage/manifest';
import {
  batchPartition,
  batchRow,
  hasOutcome,
  type Counters,
  type Outcome,
  type Quarantined,
} from '../shared/storage/outcomes';
import { createWorkQueue } from '../shared/storage/queues.client';
import type { RunState } from '../shared/storage/runs';

/** Requests a window of every connector, waits until its batches are closed, and reads the results. */

/** One connector's run of a window. */
export interface ConnectorRun {
  connector: ConnectorId;
  run: string;
}

export interface ConnectorResult extends Counters {
  connector: ConnectorId;
  from: string;
  to: string;
  batches: number;
}

export interface Progress {
  connector: ConnectorId;
  fetched: boolean;
  items: number;
  /** Items that have an outcome. */
  finished: number;
  batches: number;
  closed: number;
}

const pollMs = 1000;
const thisStack = { id: null, name: 'the local stack' };

const noCredential = { getToken: () => Promise.resolve(null) };
const queueOf = (deps: Deps, name: string) => openAccount(deps.config.storage, noCredential).queue(name);

/** A request for a window whose result was not shown yet. */
export interface OpenRequest {
  /** Part of the names of all runs of this request. */
  id: string;
  /** Call it when the result was shown: asking for the same window again is then a new request. */
  done(): Promise<void>;
}

/**
 * Continues an interrupted request for this window, or begins a new one. Its id is kept in a file beside the stores:
 * after a crash, the runs alone cannot distinguish a connector that has finished from one that was never requested.
 */
export async function openRequest(
  dataDir: string | undefined,
  { from, to }: { from: string; to: string },
): Promise<OpenRequest> {
  const newId = randomUUID().slice(0, 8);
  if (dataDir === undefined) return { id: newId, done: () => Promise.resolve() };
  const file = join(dataDir, `open-request-${from}-${to}.txt`.replaceAll(':', ''));
  const saved = await readFile(file, 'utf8').catch(() => '');
  // If a crash left the file empty, no request was made yet.
  const id = /^[0-9a-f]{8}$/.test(saved) ? saved : newId;
  await writeFile(file, id);
  return { id, done: () => rm(file, { force: true }) };
}

/**
 * Requests the window of every enabled connector. With the same id, the same runs continue; with a new id, the window is
 * fetched again, and the ledger recognises every item that was already filed.
 */
export async function requestWindows(
  deps: Deps,
  from: string,
  to: string,
  id = randomUUID().slice(0, 8),
): Promise<ConnectorRun[]> {
  const queue = createWorkQueue<BackfillRequest>(queueOf(deps, queues.backfillWindow));
  const run = windowRun('backfill', from, to, id);
  return Promise.all(
    deps.config.connectors.map(async (connector) => {
      const what = { act: 'backfill' as const, connector, from, to, windows: 1 };
      const audit = await deps.audit.append(thisStack, what, new Date().toISOString());
      await queue.send({ v: 1, connector, run, audit });
      return { connector, run: run.name };
    }),
  );
}

const readRequest = ({ messageText }: { messageText: string }) =>
  readBackfillRequest(JSON.parse(Buffer.from(messageText, 'base64').toString()));

/**
 * Checks that the host has not given up on a request. Removes such a request from its queue, so that the next request
 * for the window gets five attempts again.
 *
 * @throws Error that names the connectors whose window could not be fetched
 */
async function expectNoneGivenUp(deps: Deps, runs: readonly ConnectorRun[]): Promise<void> {
  const queue = queueOf(deps, queues.backfillWindowPoison);
  const isOurs = (message: { messageText: string }) => {
    const request = readRequest(message);
    return runs.some(({ connector, run }) => request.connector === connector && request.run.name === run);
  };
  const { peekedMessageItems } = await queue.peekMessages({ numberOfMessages: 32 });
  if (!peekedMessageItems.some(isOurs)) return;
  const { receivedMessageItems } = await queue.receiveMessages({
    numberOfMessages: 32,
    visibilityTimeout: 1,
  });
  const lost = receivedMessageItems.filter(isOurs);
  for (const { messageId, popReceipt } of lost) await queue.deleteMessage(messageId, popReceipt);
  const names = lost.map((message) => readRequest(message).connector).join(', ');
  throw new Error(`The window could not be fetched in five attempts: ${names}`);
}

/** @throws Error with the cause if the site, or the vault, refuses the app: the run waits for a person then */
async function expectNoneRefused(deps: Deps, runs: readonly ConnectorRun[], since: string): Promise<void> {
  for (const { connector } of runs) {
    const trouble = await deps.runs.trouble(connector, 'fetch');
    if (trouble?.kind === 'credentialsRejected' && trouble.at >= since)
      throw new Error(`The window of ${connector} cannot be fetched: ${trouble.message}`);
  }
}

interface Survey {
  state: RunState | undefined;
  batches: { manifest: Manifest; closed: boolean; counters: Counters | undefined }[];
}

/** The run's state and batches, found by reading the whole chain. */
async function survey(deps: Deps, { connector, run }: ConnectorRun): Promise<Survey> {
  const state = await deps.runs.get(connector, run);
  const batches: Survey['batches'] = [];
  for (let number = 1; ; number++) {
    const found = await deps.batches.read(connector, number);
    if (!found) return { state, batches };
    if (found.manifest.run.name !== run) continue;
    const stored = await deps.batchStates.get(connector, batchRow(number));
    const { closedAt, counters } = stored?.value ?? {};
    batches.push({ manifest: found.manifest, closed: closedAt !== undefined, counters });
  }
}

/**
 * Waits until every batch of the runs is closed, and reports the progress.
 *
 * @throws Error if the host gave up fetching a window
 */
export async function waitUntilClosed(
  deps: Deps,
  runs: ConnectorRun[],
  report: (progress: Progress[]) => void,
): Promise<void> {
  const startedAt = new Date().toISOString();
  for (;;) {
    const progress = await Promise.all(runs.map((run) => progressOf(deps, run)));
    report(progress);
    if (progress.every(({ fetched, batches, closed }) => fetched && closed === batches)) return;
    if (!progress.every(({ fetched }) => fetched)) {
      await expectNoneGivenUp(deps, runs);
      await expectNoneRefused(deps, runs, startedAt);
    }
    await sleep(pollMs);
  }
}

async function progressOf(deps: Deps, wanted: ConnectorRun): Promise<Progress> {
  const { state, batches } = await survey(deps, wanted);
  let items = 0;
  let finished = 0;
  for (const { manifest, closed } of batches) {
    items += manifest.items;
    if (closed) finished += manifest.items;
    else
      for await (const outcome of deps.outcomes.list(batchPartition(wanted.connector, manifest.number)))
        finished += hasOutcome(outcome) ? 1 : 0;
  }
  const closed = batches.filter((batch) => batch.closed).length;
  return {
    connector: wanted.connector,
    fetched: state?.state === 'fetched',
    items,
    finished,
    batches: batches.length,
    closed,
  };
}

/** The counters of closed runs. */
export async function resultOf(
  deps: Deps,
  wanted: ConnectorRun,
  from: string,
  to: string,
): Promise<ConnectorResult> {
  const { batches } = await survey(deps, wanted);
  const counters = batches.reduce((sum, batch) => add(sum, batch.counters ?? noCounters()), noCounters());
  return { connector: wanted.connector, from, to, batches: batches.length, ...counters };
}

/** Whether both sums of every result balance. */
export const allBalance = (results: readonly ConnectorResult[]): boolean => results.every(balances);

/** How the items of a run ended. */
export async function outcomesIn(deps: Deps, wanted: ConnectorRun): Promise<Outcome[]> {
  const { batches } = await survey(deps, wanted);
  const found: Outcome[] = [];
  for (const { manifest } of batches)
    for await (const { value } of deps.outcomes.list(batchPartition(wanted.connector, manifest.number)))
      found.push(value);
  return found;
}

/** The quarantined items of a run. */
export async function quarantinedIn(deps: Deps, wanted: ConnectorRun): Promise<Quarantined[]> {
  const { batches } = await survey(deps, wanted);
  const found: Quarantined[] = [];
  for (const { manifest } of batches)
    for await (const { value } of deps.quarantine.list(batchPartition(wanted.connector, manifest.number)))
      found.push(value);
  return found;
}
