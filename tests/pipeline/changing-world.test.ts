import type { TenantUser } from '../../simulators/samples/organisation';
import { PermanentError } from '../../shared/errors';
import type { Deps } from '../../shared/deps';
import { importItem } from '../../shared/pipeline/import-item';
import { quarantineItem } from '../../shared/pipeline/quarantine-item';
import { batchPartition, positionRow } from '../../shared/storage/outcomes';
import { functionTimeoutMs } from '../../shared/time-budget';
import { tailPartition } from '../../shared/storage/tails';
import { user } from '../support/graph-tenant';
import { isCreate, startProxy } from '../support/proxy';
import { chatLine, useWorld } from '../support/world';

/** What changes between two attempts of one item, and who is to blame when a worker dies. */

let anna: TenantUser;
let bo: TenantUser;
const cy = user('cy');
beforeEach(() => {
  anna = user('anna');
  bo = user('bo');
});
const openWorld = useWorld({ users: [], settings: { CONNECTORS: 'whatsapp' } });
const header = 'Mobile number,Email address\n';
const numbers = { anna: '46701740605', bo: '46701740606' };

/** One item that Anna has after the first attempt, while Bo's mailbox was out of order. */
async function halfDelivered(settings: Record<string, string> = {}, change: Record<string, unknown> = {}) {
  const world = await openWorld({
    users: [anna, bo, cy],
    lines: { whatsapp: [chatLine('1_1', change)] },
    settings,
    exchangeFaults: {
      script: [{ kind: 'unavailable', method: 'POST', path: `${bo.id}/.*/messages$`, times: 20 }],
    },
  });
  if (settings['WHATSAPP_CUSTOM_MAPPING'])
    await world.deps.mappings.upload(
      'whatsapp',
      Buffer.from(`${header}${numbers.anna},anna@contoso.example\n${numbers.bo},bo@contoso.example\n`),
    );
  const [pointer] = await world.fetchUnqueued(world.deps);
  await expect(importItem(world.deps, pointer!)).rejects.toThrow();
  expect(await world.messages(anna)).toHaveLength(1);
  world.exchange.setFaults({});
  return { ...world, pointer: pointer! };
}

const deliveriesOf = async (world: { outcomes(deps: Deps): Promise<object[]>; deps: Deps }) =>
  (await world.outcomes(world.deps))[0];

describe('a copy that an earlier attempt made stands in the outcome', () => {
  it('after the mapping was corrected', async () => {
    const world = await halfDelivered({
      WHATSAPP_CUSTOM_MAPPING: 'true',
      WHATSAPP_AUTOMATIC_MAPPING: 'false',
    });
    const later = world.instance();
    const file = `${header}${numbers.anna},cy@contoso.example\n${numbers.bo},bo@contoso.example\n`;
    await later.mappings.upload('whatsapp', Buffer.from(file));
    await importItem(later, world.pointer);
    expect(await deliveriesOf(world)).toMatchObject({
      expected: 3,
      deliveries: [
        { userId: cy.id, end: 'imported' },
        { userId: bo.id, end: 'imported' },
        { userId: anna.id, end: 'imported' },
      ],
    });
  });

  it('after the limit was lowered', async () => {
    const attachment = [{ name: 'a', contentType: 'a/b', content: Buffer.alloc(100).toString('base64') }];
    const text = 'x'.repeat(1_500_000);
    const world = await halfDelivered({ WHATSAPP_SIZE_LIMIT_MB: '2' }, { attachment, textContent: text });
    await importItem(world.instance({ WHATSAPP_SIZE_LIMIT_MB: '1' }), world.pointer);
    expect(await deliveriesOf(world)).toMatchObject({
      kind: 'delivered',
      reason: 'tooLarge',
      deliveries: [
        { userId: anna.id, end: 'imported' },
        { userId: bo.id, end: 'failed', reason: 'tooLarge' },
      ],
    });
  });

  it('after the mailbox left the scope of the app', async () => {
    const world = await halfDelivered();
    anna.inScope = false;
    await importItem(world.instance(), world.pointer);
    expect(await deliveriesOf(world)).toMatchObject({
      deliveries: [
        { userId: anna.id, end: 'imported' },
        { userId: bo.id, end: 'imported' },
      ],
    });
  });

  it('after the window before, which also listed the item, has settled it', async () => {
    const world = await halfDelivered();
    const { deps, pointer } = world;
    const [partition, row] = [batchPartition('whatsapp', 1), positionRow(0)];
    const itemKey = (await deps.outcomes.get(partition, row))!.value.attempts!.itemKey!;
    const tail = { v: 1 as const, windowFrom: '2026-11-19T00:00:00.000Z', batch: 0, position: 0 };
    await deps.tails.insert(tailPartition('whatsapp'), itemKey, tail);
    const from = '2026-12-01T00:00:00.000Z';
    await importItem(deps, { ...pointer, window: { from, tailFrom: from } });
    expect(await deliveriesOf(world)).toMatchObject({
      kind: 'delivered',
      deliveries: expect.arrayContaining([{ userId: anna.id, end: 'imported' }]) as object,
    });
  });

  it('after the item cannot be read any more', async () => {
    const world = await halfDelivered();
    const { deps, pointer } = world;
    const readRange = () => Promise.reject(new PermanentError('unreadable', 'the time for reading is over'));
    await importItem({ ...deps, batches: { ...deps.batches, readRange } }, pointer);
    expect(await deliveriesOf(world)).toMatchObject({
      reason: 'unreadable',
      // Bo's create got no answer: the sweep looks for it before the batch closes.
      deliveries: [
        { userId: anna.id, end: 'imported' },
        { userId: bo.id, end: 'failed', reason: 'gaveUp' },
      ],
      unsureAt: expect.any(String) as string,
    });
  });
});

it('ends only after a former attempt, which may deliver to others than this one, has ended or run out of time', async () => {
  const world = await openWorld({ users: [anna, bo], lines: { whatsapp: [chatLine('1_1')] } });
  const { deps } = world;
  const [pointer] = await world.fetchUnqueued(deps);
  let isDelivering = () => {};
  const delivering = new Promise<void>((resolve) => (isDelivering = resolve));
  // The worker stops for good when it is about to claim its deliveries.
  const insert = () => {
    isDelivering();
    return new Promise<never>(() => undefined);
  };
  void importItem({ ...deps, ledger: { ...deps.ledger, insert } }, pointer!);
  await delivering;
  const perConnector = { ...deps.config.perConnector };
  perConnector.whatsapp = { ...perConnector.whatsapp, sizeLimitBytes: 1 };
  const lowered = { ...deps, config: { ...deps.config, perConnector } };
  await expect(importItem(lowered, pointer!)).rejects.toThrow('Another attempt may still be delivering');
  const later = { ...lowered, now: () => deps.now() + functionTimeoutMs + 1 };
  await importItem(later, pointer!);
  expect(await deliveriesOf(world)).toMatchObject({ kind: 'failed', reason: 'tooLarge' });
});

describe('a worker that dies', () => {
  const never = () => new Promise<never>(() => undefined);
  /** The attempt begins, and nothing more is heard of it. */
  async function die(deps: Deps, pointer: Parameters<typeof importItem>[1]) {
    await new Promise<void>((resolve) => {
      const readRange = () => {
        resolve();
        return never();
      };
      void importItem({ ...deps, batches: { ...deps.batches, readRange } }, pointer);
    });
  }
  const attemptsOf = async (deps: Deps, position: number) =>
    (await deps.outcomes.get(batchPartition('whatsapp', 1), positionRow(position)))?.value.attempts;

  it('costs the items beside it nothing: they go back on the queue, run alone, and are delivered', async () => {
    const world = await openWorld({
      users: [anna, bo],
      lines: { whatsapp: [chatLine('1_1'), chatLine('1_2')] },
    });
    const { deps, instance, queued, drain } = world;
    const pointers = await world.fetchUnqueued(deps);
    for (let death = 0; death < 2; death++) {
      const worker = instance();
      for (const pointer of pointers) await die(worker, pointer);
    }
    // From now on both are suspects: the first holds its worker alone, and the second never begins beside it.
    for (let death = 0; death < 5; death++) {
      const worker = instance();
      await die(worker, pointers[0]!);
      void importItem(worker, pointers[1]!);
    }
    expect(await attemptsOf(deps, 0)).toMatchObject({ begun: 7, begunAlone: 5, ended: 0 });
    expect(await attemptsOf(deps, 1)).toMatchObject({ begun: 2, begunAlone: 0, ended: 0 });
    for (const pointer of pointers) await quarantineItem(deps, pointer);
    const detail = expect.stringContaining('The worker ended five times') as string;
    expect(await world.quarantined(deps)).toMatchObject([{ position: 0, reason: 'gaveUp', detail }]);
    expect(await queued()).toBe(1);
    await drain(instance());
    expect(await world.messages(anna)).toHaveLength(1);
    expect(await world.quarantined(deps)).toHaveLength(1);
  });

  it('is not blamed on an item that never began', async () => {
    const world = await openWorld({ users: [anna, bo], lines: { whatsapp: [chatLine('1_1')] } });
    const [pointer] = await world.fetchUnqueued(world.deps);
    await quarantineItem(world.deps, { ...pointer!, putOff: 3 });
    expect(await world.quarantined(world.deps)).toEqual([]);
    await world.drain(world.deps);
    expect(await world.messages(anna)).toHaveLength(1);
  });
});

it('an item for more mailboxes than one attempt has time for goes on in the next', async () => {
  const members = Array.from({ length: 20 }, (_, at) => user(`member${at}`));
  const usersEmailAddress = members.map((one) => ({ emailAddress: one.userPrincipalName }));
  let creates = 0;
  const opened: Awaited<ReturnType<typeof openWorld>>[] = [];
  const world = await openWorld({
    users: members,
    lines: { whatsapp: [chatLine('1_1', { usersEmailAddress, from: 'UNKNOWN', to: [] })] },
    proxy: (origin) =>
      startProxy(origin, {
        answer(request) {
          // The tenth create takes eleven minutes.
          if (isCreate(request) && ++creates === 10) opened[0]?.skip(11 * 60_000);
          return undefined;
        },
      }),
  });
  opened.push(world);
  const [pointer] = await world.fetchUnqueued(world.deps);
  await expect(importItem(world.deps, pointer!)).rejects.toThrow('The time of one attempt is over');
  expect(creates).toBeLessThan(20);
  await importItem(world.deps, pointer!);
  for (const one of members) expect(await world.messages(one)).toHaveLength(1);
});

it('tries every mailbox before it concludes anything: twelve that deny the app, and then one that takes the item', async () => {
  const outside = Array.from({ length: 12 }, (_, at) => ({ ...user(`outside${at}`), inScope: false }));
  const users = [...outside, anna];
  const usersEmailAddress = users.map((one) => ({ emailAddress: one.userPrincipalName }));
  const world = await openWorld({
    users,
    lines: { whatsapp: [chatLine('1_1', { usersEmailAddress, from: 'UNKNOWN', to: [] })] },
  });
  const [pointer] = await world.fetchUnqueued(world.deps);
  await importItem(world.deps, pointer!);
  expect(await world.messages(anna)).toHaveLength(1);
  const [outcome] = await world.outcomes(world.deps);
  expect(outcome!.deliveries.filter(({ reason }) => reason === 'accessDenied')).toHaveLength(12);
  expect(world.events.map(({ name }) => name)).not.toContain('credentialsRejected');
});
