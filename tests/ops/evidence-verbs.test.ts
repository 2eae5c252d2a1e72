import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { strFromU8, unzipSync } from 'fflate';
import PostalMime from 'postal-mime';
import { coverageVerb } from '../../ops/coverage';
import { exportVerb } from '../../ops/export';
import { findVerb } from '../../ops/find';
import { misdeliveredVerb } from '../../ops/misdelivered';
import { reportVerb } from '../../ops/report';
import type { Verb } from '../../ops/verb';
import type { FoundItem } from '../../shared/evidence/find';
import type { Misdelivered } from '../../shared/evidence/misdelivered';
import type { Report } from '../../shared/evidence/report';
import { verify } from '../../shared/evidence/verify';
import type { Finding } from '../../shared/evidence/finding';
import { readOperatorRequest } from '../../shared/pipeline/messages';
import { carryOutOperatorRequest } from '../../shared/pipeline/operator-request';
import { reconcile } from '../../shared/pipeline/reconcile';
import { queues } from '../../shared/names';
import { sha256 } from '../../shared/storage/manifest';
import { user } from '../support/graph-tenant';
import { useTemporaryFolder } from '../support/temporary-folder';
import { runVerb } from '../support/verbs';
import { chatLine, openWorld, type World } from '../support/world';

/** What an auditor asks, answered from a small archive: two people who chat, and one whom nobody knows. */

const anna = user('anna');
const bo = user('bo');
const wrong = user('wrong');
const formula = '=HYPERLINK("http://x.example")';
const folder = useTemporaryFolder('evidence');
const header = 'Mobile number,Email address\n';
let world: World;

beforeAll(async () => {
  world = await openWorld({
    users: [anna, bo, wrong],
    lines: {
      whatsapp: [
        chatLine('one'),
        chatLine('two', { messageTime: '2026-11-20T08:05:00Z' }),
        chatLine(formula, {
          usersEmailAddress: [{ mobileNumber: '46701740699', emailAddress: '' }],
          from: '46701740699',
          to: ['12015550199'],
        }),
        chatLine('three', {
          usersEmailAddress: [{ mobileNumber: '46701740607', emailAddress: '' }],
          from: '46701740607',
          to: ['12015550199'],
        }),
      ],
    },
    settings: { CONNECTORS: 'whatsapp', WHATSAPP_CUSTOM_MAPPING: 'true' },
  });
  await world
    .instance()
    .mappings.upload('whatsapp', Buffer.from(`${header}46701740607,wrong@contoso.example\n`));
  await world.archive(world.deps);
  await reconcile(world.deps);
});
afterAll(() => world.close());

const ops = (verb: Verb, ...args: string[]) => runVerb(verb, args, world.settings);
const found = async (text: string) => (await ops(findVerb, text, '--json')).json as FoundItem[];

test('find finds an item by each of its names, and by a participant', async () => {
  const [item, ...others] = await found('whatsapp/1/0');
  expect(others).toEqual([]);
  const { outcome, messages, bytes } = item!;
  expect(outcome).toMatchObject({
    kind: 'delivered',
    sourceId: 'one',
    arrivedAt: expect.anything() as string,
  });
  const line = await world.deps.batches.readRange(bytes!.blob, bytes!.offset, bytes!.length);
  expect(sha256(line)).toBe(outcome!.sha256);
  for (const name of ['one', outcome!.itemKey!, outcome!.sha256!, messages[0]!.messageId])
    expect([name, (await found(name)).map(({ position }) => position)]).toEqual([name, [0]]);
  for (const participant of ['+46 70 174 06 05', '46701740605', 'Anna@contoso.example'])
    expect((await found(participant)).map(({ position }) => position)).toEqual([0, 1]);
  expect((await ops(findVerb, 'no-such-thing')).code).toBe(1);
});

test('report has the counters in Microsoft’s words, failures with names, and files that are safe to open', async () => {
  const out = join(folder, 'report');
  const { code, json } = await ops(reportVerb, '--out', out, '--json');
  expect(code).toBe(0);
  const made = json as Report;
  expect(made.windows).toMatchObject([
    {
      day: '2026-11-20',
      connector: 'whatsapp',
      batches: 1,
      open: 0,
      balanced: true,
      items: { available: 4, delivered: 3, failed: 1 },
    },
  ]);
  expect(made.failures).toMatchObject([
    {
      batch: 1,
      position: 2,
      sourceId: formula,
      reason: 'unmapped',
      sourceUsers: expect.arrayContaining([expect.stringContaining('46701740699')]) as string[],
    },
  ]);
  expect(made.latencies).toMatchObject([{ connector: 'whatsapp', items: 3 }]);
  const csv = readFileSync(join(out, 'failures.csv'), 'utf8');
  const [row] = parse(csv, { bom: true, columns: true }) as Record<string, string>[];
  expect(row!['Item id']).toBe(`'${formula}`);
  const html = readFileSync(join(out, 'report.html'), 'utf8');
  expect(html).not.toContain(formula);
  expect(html).not.toMatch(/<script|src=|href=|url\(/);
  expect(html).toContain('Available for import after fan-out');
  expect((await ops(reportVerb, '--from', '2026-11-21', '--json')).json).toMatchObject({ windows: [] });
});

test('coverage names who is archived, who fell silent, who is mapped and never appeared, and who is not here', async () => {
  const people = join(folder, 'users.csv');
  writeFileSync(
    people,
    'User name,Mobile,E-mail\nAnna,+46701740605,anna@contoso.example\nZoe,+46701740688,zoe@contoso.example\n',
  );
  const mapped = Buffer.from(
    `${header}46701740607,wrong@contoso.example\n46701740611,late@contoso.example\n`,
  );
  await world.instance().mappings.upload('whatsapp', mapped);
  const now = Date.now();
  const days = Math.ceil((now - Date.parse('2026-11-20T00:00:00Z')) / 86_400_000) + 1;
  const states = async (...args: string[]) =>
    ((await ops(coverageVerb, '--json', ...args)).json as { person: string; state: string }[]).map(
      ({ person, state }) => `${person.replace(/.*<|>.*/g, '')} ${state}`,
    );
  expect(await states('--silent-days', String(days), '--people', people)).toEqual([
    ...['anna', 'bo', 'wrong'].map((name) => `${name}@contoso.example archived`),
    'late@contoso.example neverSeen',
    'Zoe +46701740688 zoe@contoso.example notHere',
  ]);
  expect(await states('--silent-days', '0')).toContain('anna@contoso.example silent');
});

test('an export is checked with sha256sum and tail alone, as its README says', async () => {
  const out = join(folder, 'item');
  const { code } = await ops(exportVerb, '--item', 'whatsapp/1/0', '--out', out);
  expect(code).toBe(0);
  const shell = (command: string) => execFileSync('sh', ['-c', command], { cwd: out, encoding: 'utf8' });
  shell('sha256sum --check --quiet SHA256SUMS');
  const outcome = JSON.parse(readFileSync(join(out, 'items/whatsapp-1-0.outcome.json'), 'utf8')) as FoundItem;
  const hash = outcome.outcome!.sha256!;
  expect(shell('sha256sum items/whatsapp-1-0.json')).toContain(hash);
  const { blob, offset, length } = outcome.bytes!;
  expect(shell(`tail -c +$((${offset} + 1)) ${blob} | head -c ${length} | sha256sum`)).toContain(hash);
  const page = shell(`sha256sum ${blob}`).slice(0, 64);
  expect(shell('cat manifests/whatsapp/*.json')).toContain(page);
  const [head] = (await verify(world.deps, ['whatsapp'], {}, () => undefined)).map((one) => one.head);
  expect(readFileSync(join(out, 'chain-whatsapp.txt'), 'utf8')).toContain(head);
  expect(readdirSync(join(out, 'audit/entries')).length).toBeGreaterThan(0);
  expect(readFileSync(join(out, 'README.txt'), 'utf8')).toContain('sha256sum --check');

  const mail = await new PostalMime().parse(readFileSync(join(out, 'mails/whatsapp-1-0.eml')));
  expect(mail.headers.find(({ key }) => key === 'x-archiver-sha256')?.value).toBe(hash);
  expect(mail.html ?? mail.text).toContain('text of one');
  await expect(ops(exportVerb, '--item', 'whatsapp/1/0', '--out', out)).rejects.toThrow('does not exist yet');
  await expect(ops(exportVerb, '--out', join(folder, 'none'))).rejects.toThrow('Expected one of');
});

test('an RSMF file has the conversation of a day, in the form that eDiscovery tools read', async () => {
  const out = join(folder, 'rsmf');
  await ops(exportVerb, '--batch', 'whatsapp/1', '--format', 'rsmf', '--out', out, '--without-pages');
  const files = readdirSync(join(out, 'rsmf'));
  const manifests = await Promise.all(
    files.map(async (name) => {
      const mail = await new PostalMime().parse(readFileSync(join(out, 'rsmf', name)));
      const header = (key: string) => mail.headers.find((one) => one.key === key)?.value;
      expect(header('x-rsmf-version')).toBe('2.0.0');
      expect(mail.attachments.map(({ filename }) => filename)).toEqual(['rsmf.zip']);
      const files = unzipSync(new Uint8Array(mail.attachments[0]!.content as ArrayBuffer));
      const manifest = JSON.parse(strFromU8(files['rsmf_manifest.json']!)) as {
        version: string;
        participants: { id: string }[];
        conversations: { id: string; participants: string[] }[];
        events: { participant: string; conversation: string; timestamp: string; body: string }[];
      };
      expect(header('x-rsmf-eventcount')).toBe(String(manifest.events.length));
      expect(header('x-rsmf-eventcollectionid')).toBe(manifest.conversations[0]!.id);
      return manifest;
    }),
  );
  const chat = manifests.find(({ events }) => events.some(({ body }) => body === 'text of one'))!;
  expect(chat.events.map(({ body, timestamp }) => [body, timestamp])).toEqual([
    ['text of one', '2026-11-20T08:00:00.000Z'],
    ['text of two', '2026-11-20T08:05:00.000Z'],
  ]);
  const ids = chat.participants.map(({ id }) => id);
  for (const { participant, conversation } of chat.events) {
    expect(ids).toContain(participant);
    expect(conversation).toBe(chat.conversations[0]!.id);
  }
  expect(readdirSync(out)).not.toContain('pages');
});

test('a copy that a wrong mapping made is listed, taken out of sight on the record, and verify stays clean', async () => {
  await world
    .instance()
    .mappings.upload('whatsapp', Buffer.from(`${header}46701740607,anna@contoso.example\n`));
  const { code, json } = await ops(misdeliveredVerb, '--since', '2026-11-20', '--json');
  expect(code).toBe(1);
  const { copies } = json as { copies: (Misdelivered & { person: string; owners: string })[] };
  expect(copies).toMatchObject([
    {
      batch: 1,
      position: 3,
      sourceId: 'three',
      userId: wrong.id,
      belongsTo: [anna.id],
      person: expect.stringContaining('wrong@') as string,
    },
  ]);
  await expect(ops(misdeliveredVerb, '--since', '2026-11-20', '--remove')).rejects.toThrow('--yes');
  const refused = await runVerb(misdeliveredVerb, ['--since', '2026-11-20', '--remove'], world.settings, () =>
    Promise.resolve('no'),
  );
  expect(refused.text).toContain('Nothing was removed');
  expect(await world.messages(wrong)).toHaveLength(1);

  await ops(misdeliveredVerb, '--since', '2026-11-20', '--remove', '--yes');
  const queue = world.account.queue(queues.operatorRequest);
  const { receivedMessageItems } = await queue.receiveMessages({ numberOfMessages: 32 });
  expect(receivedMessageItems).toHaveLength(1);
  const request = readOperatorRequest(
    JSON.parse(Buffer.from(receivedMessageItems[0]!.messageText, 'base64').toString()),
  );
  // A queue can hand a message over twice.
  await carryOutOperatorRequest(world.deps, request);
  await carryOutOperatorRequest(world.deps, request);
  expect(await world.messages(wrong)).toEqual([]);
  expect((await ops(misdeliveredVerb, '--since', '2026-11-20')).code).toBe(0);
  const findings: Finding[] = [];
  await verify(world.deps, ['whatsapp'], { deep: true }, (finding) => findings.push(finding));
  expect(findings).toEqual([]);
  const last = (await world.deps.audit.read(await world.deps.audit.head()))!.entry.what;
  expect(last).toMatchObject({ act: 'misdeliveryRemoved', userId: wrong.id });
});
