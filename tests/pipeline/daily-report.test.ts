import { verify } from '../../shared/evidence/verify';
import type { Finding } from '../../shared/evidence/finding';
import { fetchBatch } from '../../shared/pipeline/fetch-batch';
import { reconcile } from '../../shared/pipeline/reconcile';
import { splitBatch } from '../../shared/pipeline/split-batch';
import type { AppDeps } from '../../shared/deps';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld, type World } from '../support/world';

const anna = user('anna');
const bo = user('bo');
const officer = user('officer');
const stranger = { usersEmailAddress: [{ emailAddress: 'nobody@contoso.example' }] };

const openWorld = useWorld({
  users: [anna, bo, officer],
  lines: { whatsapp: [chatLine('one'), chatLine('two'), chatLine('three', stranger)] },
  settings: {
    CONNECTORS: 'whatsapp',
    REPORT_MAILBOX: officer.userPrincipalName,
    FETCH_LAG_MINUTES: '0',
    FETCH_OVERLAP_MINUTES: '0',
  },
});

const at = (deps: AppDeps, instant: string): AppDeps => ({ ...deps, now: () => Date.parse(instant) });

/** The day of the items is stored, and its items are imported, but its batches are not closed. */
async function archiveDay(world: World): Promise<void> {
  await world.deps.runs.moveWatermark('whatsapp', '2026-11-20T00:00:00.000Z');
  await fetchBatch(at(world.deps, '2026-11-21T01:00:00Z'));
  const found = await world.deps.batches.read('whatsapp', 1);
  await splitBatch(world.deps, found!.manifest);
  await world.drain(world.deps);
}

test('one report of each day is filed as soon as its batches are closed, and its head anchors the chain', async () => {
  const world = await openWorld();
  await archiveDay(world);
  const { deps } = world;
  await reconcile(at(deps, '2026-11-21T01:10:00Z'));
  await reconcile(at(deps, '2026-11-21T01:20:00Z'));
  const [report, ...others] = await world.messages(officer);
  expect(others).toEqual([]);
  expect(report!.subject).toBe('Archive of 2026-11-20: balanced, 1 items need a person');
  expect(report!.isDraft).toBe(false);
  const text = report!.body.content;
  expect(text).toContain('available from source 3 = delivered 2 + failed 1 + device events 0');
  expect(text).toContain('available for import after fan-out 4 = imported 4 +');
  expect(text).toContain('in quarantine, all days: unmapped 1');
  const { sha256 } = (await deps.batches.read('whatsapp', 1))!;
  expect(text).toContain(`${sha256} (manifest 1)`);

  const findings: Finding[] = [];
  await verify(deps, ['whatsapp'], { head: sha256, deep: true }, (finding) => findings.push(finding));
  expect(findings).toEqual([]);
});

test('a day whose batches stay open is reported 26 hours after its end, as not complete', async () => {
  const world = await openWorld();
  await archiveDay(world);
  const { deps } = world;
  // Nobody closes the batch: its items wait for a mailbox.
  const waiting = {
    ...deps,
    batchStates: { ...deps.batchStates, replace: () => Promise.resolve(undefined) },
  };
  await reconcile(at(waiting, '2026-11-21T01:10:00Z'));
  expect(await world.messages(officer)).toEqual([]);
  await deps.runs.saveLastReport('2026-11-19');
  await reconcile(at(waiting, '2026-11-22T01:59:00Z'));
  expect(await world.messages(officer)).toEqual([]);
  await reconcile(at(waiting, '2026-11-22T02:01:00Z'));
  const [report] = await world.messages(officer);
  expect(report!.subject).toMatch(/^Archive of 2026-11-20: NOT balanced/);
  expect(report!.body.content).toContain('NOT complete');
});

test('a worker that dies after the report was filed files no second one', async () => {
  const world = await openWorld();
  await archiveDay(world);
  const { deps } = world;
  const dying = { ...deps, runs: { ...deps.runs, saveLastReport: () => Promise.reject(new Error('died')) } };
  await expect(reconcile(at(dying, '2026-11-21T01:10:00Z'))).rejects.toThrow('died');
  await reconcile(at(world.instance(), '2026-11-21T01:20:00Z'));
  expect(await world.messages(officer)).toHaveLength(1);
});

test('an address that names nobody is an error that says so, and the day is not lost', async () => {
  const world = await openWorld({ settings: { REPORT_MAILBOX: 'nobody@contoso.example' } });
  await archiveDay(world);
  await expect(reconcile(at(world.deps, '2026-11-21T01:10:00Z'))).rejects.toThrow(
    'REPORT_MAILBOX names no user',
  );
  await reconcile(at(world.instance({ REPORT_MAILBOX: officer.userPrincipalName }), '2026-11-21T02:10:00Z'));
  expect(await world.messages(officer)).toHaveLength(1);
});
