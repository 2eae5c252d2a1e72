import { mappingCheckVerb, mappingPutVerb } from '../../ops/mapping';
import { misdeliveredVerb } from '../../ops/misdelivered';
import { quarantineListVerb, redriveVerb } from '../../ops/quarantine';
import { reportVerb } from '../../ops/report';
import { statusVerb } from '../../ops/status';
import { verifyVerb } from '../../ops/verify';
import { acceptVerb, backfillVerb, fetchVerb } from '../../ops/windows';
import type { Verb } from '../../ops/verb';
import type { QuarantinedItem } from '../../shared/evidence/quarantine';
import type { Report } from '../../shared/evidence/report';
import type { Status } from '../../shared/evidence/status';
import { queues } from '../../shared/names';
import { backfillWindow } from '../../shared/pipeline/backfill-window';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { readBackfillRequest, readOperatorRequest, readRedriveRequest } from '../../shared/pipeline/messages';
import { carryOutOperatorRequest } from '../../shared/pipeline/operator-request';
import { reconcile } from '../../shared/pipeline/reconcile';
import { redriveItem } from '../../shared/pipeline/redrive-item';
import { carryOut } from '../../shared/pipeline/requests';
import { splitBatch } from '../../shared/pipeline/split-batch';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { user } from '../support/graph-tenant';
import { useTemporaryFolder } from '../support/temporary-folder';
import { runVerb } from '../support/verbs';
import { chatLine, useWorld, type World } from '../support/world';

/** The five mornings of docs/operations.md: each test does what the page says, with the verbs alone. */

const DAY = 86_400_000;
const dayBack = (days: number) => new Date(Date.now() - days * DAY).toISOString().slice(0, 10);
const yesterday = dayBack(1);
const at = (days: number, id: string, change: Record<string, unknown> = {}) =>
  chatLine(id, {
    gatewayReceivedDate: `${dayBack(days)}T08:00:05Z`,
    messageTime: `${dayBack(days)}T08:00:00Z`,
    ...change,
  });

const anna = user('anna');
const bo = user('bo');
const wrong = user('wrong');
const folder = useTemporaryFolder('mornings');
const openWorld = useWorld({
  users: [anna, bo, wrong],
  lines: { whatsapp: [at(1, 'one'), at(1, 'two')] },
  settings: { CONNECTORS: 'whatsapp', FETCH_LAG_MINUTES: '0', FETCH_OVERLAP_MINUTES: '0' },
});

const ops = (world: World, verb: Verb, ...args: string[]) => runVerb(verb, args, world.settings);
const status = async (world: World) => {
  const { code, json } = await ops(world, statusVerb, '--json');
  return { code, ...(json as Status) };
};

/** What the app does by itself until nothing is left to do: requests, splitting, importing, reconciling. */
async function appWorks(world: World, deps = world.deps): Promise<void> {
  const { account } = world;
  const requests = [
    [
      queues.operatorRequest,
      (m: unknown) =>
        carryOut(deps, { queue: '', read: readOperatorRequest, stage: carryOutOperatorRequest }, m),
    ],
    [
      queues.backfillWindow,
      (m: unknown) => carryOut(deps, { queue: '', read: readBackfillRequest, stage: backfillWindow }, m),
    ],
    [
      queues.redriveItem,
      (m: unknown) => carryOut(deps, { queue: '', read: readRedriveRequest, stage: redriveItem }, m),
    ],
  ] as const;
  for (const [name, carry] of requests) {
    const queue = account.queue(name);
    for (;;) {
      const { receivedMessageItems } = await queue.receiveMessages({
        numberOfMessages: 32,
        visibilityTimeout: 60,
      });
      if (receivedMessageItems.length === 0) break;
      for (const { messageId, popReceipt, messageText } of receivedMessageItems) {
        await carry(JSON.parse(Buffer.from(messageText, 'base64').toString()));
        await queue.deleteMessage(messageId, popReceipt);
      }
    }
  }
  for (let number = 1; ; number++) {
    const found = await deps.batches.read('whatsapp', number);
    if (!found) break;
    await splitBatch(deps, found.manifest);
  }
  await world.drain(deps);
  await reconcile(deps);
}

/** The app has archived everything up to the start of that day. */
const archivedUpTo = (world: World, day: string) =>
  world.deps.runs.moveWatermark('whatsapp', `${day}T00:00:00.000Z`);
const send = async (method: string, url: string, body: object) => {
  const response = await fetch(url, { method, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
};

test('credentials rejected: status names the cause; after the mend, fetch brings the days and the backfill', async () => {
  const world = await openWorld();
  await archivedUpTo(world, yesterday);
  await send('POST', `${world.site.origin}/_control/password`, { password: 'next' });
  await expect(fetchBatch(world.deps)).rejects.toThrow('refused');
  await ops(world, backfillVerb, '--connector', 'whatsapp', '--from', dayBack(3), '--to', dayBack(3));
  await appWorks(world);
  const before = await status(world);
  expect(before.code).toBe(1);
  expect(before.attention[0]!.what).toMatch(/^whatsapp cannot fetch since .+: TeleMessage refused/);
  expect(before.queues).toMatchObject({ 'backfill-window': 0, 'backfill-window-poison': 0 });

  await send('PUT', `${world.deps.config.keyVaultUrl}/_control/secrets/telemessage-password`, {
    value: 'next',
  });
  await ops(world, fetchVerb);
  await appWorks(world);
  const after = await status(world);
  expect([after.code, after.attention]).toEqual([0, []]);
  expect(after.connectors[0]).toMatchObject({ openRuns: [], openBatches: [], batches: 2 });
  expect(await world.messages(anna)).toHaveLength(2);
});

test('a mapping that was wrong for a week: the right people get theirs, the wrong copies go, on the record', async () => {
  const stranger = {
    usersEmailAddress: [{ mobileNumber: '46701740607', emailAddress: '' }],
    from: '46701740607',
    to: ['12015550199'],
  };
  const world = await openWorld({
    lines: { whatsapp: [at(3, 'first', stranger), at(1, 'second', stranger), at(1, 'one')] },
    settings: { WHATSAPP_CUSTOM_MAPPING: 'true' },
  });
  const file = join(folder, 'numbers.csv');
  const write = (name: string) =>
    writeFileSync(file, `Mobile number,Email address\n46701740607,${name}@contoso.example\n`);
  write('wrong');
  expect((await ops(world, mappingPutVerb, file, '--connector', 'whatsapp')).code).toBe(0);
  await archivedUpTo(world, dayBack(3));
  await fetchBatch(world.deps);
  await appWorks(world);
  expect(await world.messages(wrong)).toHaveLength(2);

  write('bo');
  expect((await ops(world, mappingCheckVerb, file, '--connector', 'whatsapp')).text).toContain('1 changed');
  await ops(world, mappingPutVerb, file, '--connector', 'whatsapp');
  const later = world.instance();
  const since = ['--since', dayBack(3), '--connector', 'whatsapp'];
  expect((await ops(world, misdeliveredVerb, ...since)).text).toContain('2 copies are in a mailbox');
  await ops(world, backfillVerb, '--connector', 'whatsapp', '--from', dayBack(3), '--to', yesterday);
  await appWorks(world, later);
  expect((await world.messages(bo)).length).toBe(3);
  await ops(world, misdeliveredVerb, ...since, '--remove', '--yes');
  await appWorks(world, later);
  expect(await world.messages(wrong)).toEqual([]);
  expect(await world.messages(anna)).toHaveLength(1);
  expect((await ops(world, misdeliveredVerb, ...since)).code).toBe(0);
  expect((await ops(world, verifyVerb, '--from', dayBack(3), '--deep')).text).toContain(
    'Complete and unchanged.',
  );
});

test('a mailbox that was full: one redrive brings what is missing, and nothing twice', async () => {
  const world = await openWorld();
  world.exchange.setFaults({
    script: [{ kind: 'quotaExceeded', method: 'POST', path: `${bo.id}.*/messages`, times: 100 }],
  });
  await archivedUpTo(world, yesterday);
  await fetchBatch(world.deps);
  await appWorks(world);
  const full = (await ops(world, quarantineListVerb, '--reason', 'mailboxFull', '--json')).json as {
    items: QuarantinedItem[];
  };
  expect(full.items).toHaveLength(2);
  expect(await world.messages(anna)).toHaveLength(2);

  world.exchange.setFaults({});
  await ops(world, redriveVerb, '--reason', 'mailboxFull');
  await appWorks(world);
  const empty = (await ops(world, quarantineListVerb, '--reason', 'mailboxFull', '--json')).json as {
    items: QuarantinedItem[];
  };
  expect(empty.items).toEqual([]);
  for (const person of [anna, bo]) expect(await world.messages(person)).toHaveLength(2);
  expect((await status(world)).attention).toEqual([]);
});

test('TeleMessage down for three days: status judges, the days come one after the other, a lost one is accepted', async () => {
  const world = await openWorld({ lines: { whatsapp: [at(3, 'a'), at(2, 'b'), at(1, 'c')] } });
  await archivedUpTo(world, dayBack(3));
  await send('POST', `${world.site.origin}/_control/faults`, {
    script: [{ kind: 'redirect', times: 1000, location: 'http://127.0.0.1:9' }],
  });
  await expect(fetchBatch(world.deps)).rejects.toThrow();
  const down = await status(world);
  expect(down.code).toBe(1);
  expect(down.attention.map(({ what }) => what)).toEqual([
    expect.stringMatching(/^whatsapp cannot fetch since /) as string,
    expect.stringMatching(/^whatsapp is late: fetched up to .+, \d+ (h|days) behind\.$/) as string,
  ]);

  await send('POST', `${world.site.origin}/_control/faults`, {});
  await ops(world, fetchVerb);
  await appWorks(world);
  expect((await status(world)).attention).toEqual([]);
  const { windows } = (await ops(world, reportVerb, '--from', dayBack(3), '--to', yesterday, '--json'))
    .json as Report;
  expect(windows.map(({ day, balanced, items }) => [day, balanced, items.available])).toEqual(
    [3, 2, 1].map((days) => [dayBack(days), true, 1]),
  );
  await ops(
    world,
    acceptVerb,
    '--connector',
    'whatsapp',
    '--from',
    dayBack(4),
    '--to',
    dayBack(4),
    '--note',
    'lost there',
  );
  await appWorks(world);
  expect(await world.deps.runs.accepted('whatsapp')).toHaveLength(1);
  expect((await ops(world, verifyVerb)).code).toBe(0);
}, 120_000);

test('an accidental purge of the queue: the reconcile timer puts the items back, and the report balances', async () => {
  const world = await openWorld({ settings: { REQUEUE_AFTER_SECONDS: '60' } });
  await archivedUpTo(world, yesterday);
  await fetchBatch(world.deps);
  const found = await world.deps.batches.read('whatsapp', 1);
  await splitBatch(world.deps, found!.manifest);
  await world.account.queue(queues.importItem).clearMessages();
  await reconcile(world.deps);
  expect((await status(world)).connectors[0]!.openBatches).toMatchObject([{ number: 1, items: 2 }]);
  expect((await ops(world, verifyVerb)).code).toBe(0);

  world.skip(61_000);
  await reconcile(world.deps);
  expect(world.events.map(({ name }) => name)).toContain('backlogOld');
  await appWorks(world);
  const { totals } = (await ops(world, reportVerb, '--json')).json as Report;
  expect(totals).toMatchObject([{ balanced: true, open: 0, items: { available: 2, delivered: 2 } }]);
  expect(await world.messages(bo)).toHaveLength(2);
  expect((await status(world)).code).toBe(0);
});
