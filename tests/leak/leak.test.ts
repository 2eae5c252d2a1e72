import { faultPlans } from '../../local/fault-plans';
import { showProgress } from '../../local/progress';
import { requestWindows, waitUntilClosed } from '../../local/run-windows';
import { startStack, type Stack } from '../../local/stack';
import { startTeleMessage, type TeleMessage } from '../../simulators/telemessage/server';
import { until } from '../support/until';
import { secrets, seededLines, allNeedles, needles } from '../support/leak-seeds';
import {
  blobNames,
  evidence,
  hits,
  quarantineRows,
  queueTraces,
  tableRows,
  type Trace,
} from '../support/leak-traces';
import { connectorIds } from '../../shared/connectors';
import { queues } from '../../shared/names';
import type { RedriveRequest } from '../../shared/pipeline/redrive-item';
import { createOutput } from '../../terminal/output';
import { openAccount } from '../../shared/storage/account.client';
import { batchPartition } from '../../shared/storage/outcomes';

/** Searches everything that a whole run through the functions host leaves behind, faults included. */

const window = { from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' };
/** The faults of the worst plan that cause no minutes of waiting. */
const exchangeFaults = {
  throttled: 0.03,
  unavailable: 0.03,
  serverError: 0.02,
  gatewayTimeout: 0.02,
  resetBefore: 0.03,
  commitThenTimeout: 0.04,
  resetAfter: 0.03,
  tokenRefused: 0.02,
};
const before = { ...process.env };
const log: Trace[] = [];
const seenOnQueues: Trace[] = [];
const progress: Trace[] = [];
let site: TeleMessage;
let stack: Stack;
let connectionString: string;

beforeAll(async () => {
  site = await startTeleMessage({
    ...secrets,
    sources: (source) => {
      const connector = connectorIds.find((id) => id === source);
      return connector && seededLines(connector);
    },
    faults: { ...faultPlans.worst.telemessage, seed: 7 },
  });
  Object.assign(process.env, {
    TELEMESSAGE_BASE_URL: site.origin,
    TELEMESSAGE_USERNAME: secrets.username,
    TELEMESSAGE_PASSWORD: secrets.password,
  });
  stack = await startStack({
    settings: {
      PAGE_ITEMS: '5',
      BATCH_MAX_ITEMS: '10',
      SETTLING_SECONDS: '1',
      GRAPH_TIMEOUT_SECONDS: '5',
      LEASE_SECONDS: '10',
      RECONCILE_SCHEDULE: '* * * * * *',
      REQUEUE_AFTER_SECONDS: '10',
      WHATSAPP_SIZE_LIMIT_MB: '1',
      // Everything that the host logs when an operator asks for it.
      ...Object.fromEntries(
        ['default', 'Function', 'Worker', 'Host'].map((category) => [
          `AzureFunctionsJobHost__logging__logLevel__${category}`,
          'Trace',
        ]),
      ),
    },
    faults: { exchange: { rates: exchangeFaults, folderRemovals: faultPlans.worst.exchange.folderRemovals } },
    log: (text) => log.push({ place: 'log', text }),
  });
  connectionString = stack.deps.config.storage.connectionString!;
  const { queue } = openAccount(stack.deps.config.storage, { getToken: () => Promise.resolve(null) });
  for (const text of [
    'Seedgarbage of 46701740999',
    JSON.stringify({ v: 1, Seedgarbage: 'stranger.violett@outside.example', connector: 'Rhabarberkuchen' }),
  ])
    await queue(queues.importItem).sendMessage(Buffer.from(text).toString('base64'));

  const runs = await requestWindows(stack.deps, window.from, window.to);
  let isOver = false;
  const watching = (async () => {
    // Ignore the garbage that the test itself sent: only what the app writes counts.
    while (!isOver)
      seenOnQueues.push(
        ...(await queueTraces(connectionString)).filter(({ text }) => !text.includes('Seedgarbage')),
      );
  })();
  const out = createOutput({ write: (text: string) => progress.push({ place: 'progress', text }) > 0 }, {});
  await waitUntilClosed(stack.deps, runs, showProgress(out));
  await until('two stray messages', async () => (await strayCount()) === 2);
  const requests = queue(queues.redriveItem);
  for (const request of await redriveRequests())
    await requests.sendMessage(Buffer.from(JSON.stringify(request)).toString('base64'));
  await until('the empty queue', async () => (await requests.getProperties()).approximateMessagesCount === 0);
  await waitUntilClosed(stack.deps, runs, showProgress(out));
  isOver = true;
  await watching;
}, 300_000);

afterAll(async () => {
  await stack?.close();
  await site?.close();
  for (const name of ['TELEMESSAGE_BASE_URL', 'TELEMESSAGE_USERNAME', 'TELEMESSAGE_PASSWORD'])
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
});

/** Requests for all of the quarantine; the items are as wrong as before. */
async function redriveRequests(): Promise<RedriveRequest[]> {
  const requests: RedriveRequest[] = [];
  for (const connector of connectorIds)
    for (let batch = 1; batch <= (await stack.deps.batches.head(connector, 0)); batch++)
      for await (const { row } of stack.deps.quarantine.list(batchPartition(connector, batch)))
        requests.push({ v: 1, connector, batch, position: Number(row) });
  return requests;
}

const strayCount = async () =>
  (await quarantineRows(connectionString)).filter(({ text }) => text.includes('"partitionKey":"messages"'))
    .length;

it('the run contained everything: the evidence and the quarantine hold all seeds', async () => {
  const kept = await evidence(connectionString, 'pages/');
  const quarantined = await quarantineRows(connectionString);
  const { secret, text, ...others } = needles;
  const inContent = [...Object.values(others).flat(), ...text.filter((one) => one !== 'Seedgarbage')];
  for (const needle of inContent) expect(hits(kept)).toContain(`${needle} in pages/`);
  expect(hits(quarantined)).toContain('8613900009999 in quarantine');
  expect(hits(quarantined)).toContain('Seedgarbage in quarantine');
  expect(secret).toHaveLength(2);
});

it('the log has lines about faults and failures, and names nobody', () => {
  const lines = log.map(({ text }) => text).join('\n');
  expect(lines).toContain('"signal":"windowFetched"');
  expect(lines).toContain('"signal":"batchClosed"');
  expect(lines).toContain('"reason":"unreadable"');
  // Once in the run, and once more after the redrive.
  const closings = lines.match(/"signal":"batchClosed".*?"batch":\d+/g) ?? [];
  expect(closings.length).toBeGreaterThan(new Set(closings).size);
  // The message that names no item fails five times before it is kept.
  expect(lines).toContain('Expected the pointer to an item');
  expect(hits(log)).toEqual([]);
});

it('the log contains no token, no signed address and no key', () => {
  const lines = log.map(({ text }) => text).join('\n');
  expect(lines).not.toMatch(/eyJ[\w-]{10,}\.|Bearer [\w.-]{8,}|Basic [\w+/=]{8,}/);
  expect(lines).not.toMatch(/attachment-sessions|AccountKey=|[?&]sig=/);
});

it('queue messages are pointers and name nobody', () => {
  const places = seenOnQueues.map(({ place }) => place);
  expect(places).toEqual(expect.arrayContaining(['queue import-item', 'queue redrive-item']));
  expect(hits(seenOnQueues)).toEqual([]);
});

it('blob names name nobody', async () => {
  const names = await blobNames(connectionString);
  expect(names.length).toBeGreaterThan(6);
  expect(hits(names)).toEqual([]);
});

it('manifests, table keys, ledger, outcomes and reasons name nobody', async () => {
  const rows = await tableRows(connectionString);
  for (const table of ['ledger', 'outcomes', 'batches', 'runs', 'folders', 'quarantine'])
    expect(rows.map(({ place }) => place)).toContain(`table ${table}`);
  expect(hits([...rows, ...(await evidence(connectionString, 'manifests/'))])).toEqual([]);
});

it('the progress display counts and names nobody', () => {
  expect(progress.length).toBeGreaterThan(1);
  expect(hits(progress)).toEqual([]);
});

it.each([
  ['plainly', (needle: string) => `item of ${needle} failed`],
  ['in other letters', (needle: string) => needle.toUpperCase()],
  ['in base64', (needle: string) => `{"body":"${Buffer.from(`to ${needle}`).toString('base64')}"}`],
])('the search finds a seed that a log line contains %s', (_how, say) => {
  for (const needle of allNeedles) {
    const traces = [{ place: 'log', text: say(needle) }];
    expect(hits(traces)).toContain(`${needle} in log`);
  }
});
