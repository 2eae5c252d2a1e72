import { TableServiceClient } from '@azure/data-tables';
import { QueueServiceClient } from '@azure/storage-queue';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startExchange } from '../../simulators/exchange/server';
import { preflightVerb } from '../../ops/preflight';
import type { PreflightReport } from '../../ops/preflight';
import { version } from '../../package.json';
import { changeJson } from '../support/proxy';
import { people, useDeployment, type Deployment } from '../support/deployment';
import { token } from '../support/exchange-tenant';
import { runVerb } from '../support/verbs';
import { useTemporaryFolder } from '../support/temporary-folder';

const deployment = useDeployment();
let allSteps: string[] = [];
const temporary = useTemporaryFolder('preflight');
afterEach(() => deployment.reset());

const pilot = people.pilot.userPrincipalName;
const outside = people.ceo.userPrincipalName;

async function run(args: string[], settings: Record<string, string> = {}) {
  const all = { ...deployment.settings, ...settings };
  const { code, lines, json } = await runVerb(preflightVerb, ['--json', ...args], all);
  const report = json as PreflightReport;
  const stepsWith = (verdict: string) =>
    report.steps.filter((step) => step.verdict === verdict).map(({ step }) => step);
  return { code, lines, report, failed: stepsWith('failed'), skipped: stepsWith('skipped') };
}

const mailboxOf = (upn: string) => deployment.exchange.stats().mailboxes[upn];

describe('with services that work', () => {
  test('every step passes, and nothing is left in the pilot mailbox', async () => {
    const file = join(temporary, 'record.json');
    const { code, lines, report, failed, skipped } = await run([
      ...['--mailbox', pilot, '--outside', outside, '--report', file],
    ]);
    expect(failed).toEqual([]);
    expect(skipped).toEqual(['immutability']);
    expect(code).toBe(0);
    allSteps = report.steps.map(({ step }) => step);
    expect(report).toMatchObject({ passed: true, version, mailbox: pilot, outside });
    expect(lines.filter((line) => /^ {2}(ok|skipped) /.test(line))).toHaveLength(report.steps.length);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(report);
    expect(mailboxOf(pilot)).toMatchObject({ messages: 0, created: 4, duplicates: 0 });
    expect(deployment.insights.state.lines.at(-1)).toMatch(
      /^\{"signal":"preflightTest","message":"preflight [0-9a-f-]{36}","version":"\d+\.\d+\.\d+"\}$/,
    );
  });

  test('neither the output nor the report contains a secret', async () => {
    const file = join(temporary, 'record.md');
    const { lines } = await run(['--mailbox', pilot, '--report', file]);
    const markdown = readFileSync(file, 'utf8');
    expect(markdown).toMatch(/^# Preflight: passed$/m);
    expect(markdown).toContain(`\n- Version: ${version}\n`);
    expect(markdown).toMatch(/^\| ok \| Small attachment \| 1000 bytes, unchanged \| {2}\|$/m);
    for (const secret of ['right', 'AccountKey', 'insights-key', deployment.settings['IDENTITY_HEADER']!])
      expect(`${markdown}\n${lines.join('\n')}`).not.toContain(secret);
  });

  test('least privilege is reported as unproven without --outside', async () => {
    const { code, report, skipped } = await run(['--mailbox', pilot]);
    expect(code).toBe(0);
    expect(skipped).toEqual(['scope', 'immutability']);
    expect(report.steps.find(({ step }) => step === 'scope')?.detail).toContain('--outside');
  });

  test('a store with a retention policy passes the immutability step', async () => {
    deployment.proxies.blobs.intercept({
      answer: ({ method, url, headers }) =>
        method === 'PUT' && /\/preflight\/[^?]*$/.test(url) && headers['if-none-match'] === undefined
          ? {
              status: 409,
              headers: {
                'content-type': 'application/xml',
                'x-ms-error-code': 'BlobImmutableDueToPolicy',
              },
              body: '<?xml version="1.0"?><Error><Code>BlobImmutableDueToPolicy</Code></Error>',
            }
          : undefined,
    });
    const { code, skipped } = await run(['--mailbox', pilot, '--outside', outside]);
    expect([code, skipped]).toEqual([0, []]);
  });
});

interface Case {
  /** The only step that must fail. */
  step: string;
  /** Steps that make the same request and so fail with it. */
  also?: string[];
  when: string;
  arrange?: (deployment: Deployment) => unknown;
  settings?: Record<string, string>;
  mailbox?: string;
  outside?: string;
  detail?: RegExp;
  cure: RegExp;
}

const ofMessage = ({ method, url }: { method: string; url: string }) =>
  method === 'GET' && /\/messages\/[^/?]+\?/.test(url);

type Property = { id: string; value: string };
const bend = (
  step: string,
  when: string,
  rewrite: (json: Record<string, unknown>) => void,
  cure: RegExp,
) => ({
  step,
  when,
  arrange: ({ proxies }: Deployment) => proxies.exchange.intercept(changeJson(ofMessage, rewrite)),
  cure,
});

const report = /send this report to the developers/i;
let conversations = 0;

const cases: Case[] = [
  {
    step: 'settings',
    when: 'a setting is wrong',
    settings: { LEASE_SECONDS: 'soon' },
    cure: /parameter file/,
  },
  {
    step: 'secrets',
    when: 'a secret is missing',
    settings: { WHATSAPP_PASSWORD_SECRET: 'no-such-secret' },
    detail: /"no-such-secret".*\(404\)/,
    cure: /Put the secret into the vault/,
  },
  {
    step: 'telemessage-wechat',
    when: 'the account has no licence for WeChat',
    arrange: ({ unlicensed }) => unlicensed.push('wechat'),
    cure: /Ask TeleMessage/,
  },
  {
    step: 'telemessage-whatsapp',
    when: 'something else answers at the address',
    arrange: ({ control }) => control('faults', { script: [{ kind: 'redirect', source: 'whatsapp' }] }),
    cure: /TELEMESSAGE_BASE_URL/,
  },
  {
    step: 'graph-token',
    when: 'the identity gets no token for Graph',
    settings: { GRAPH_AUDIENCE: 'https://dod-graph.microsoft.us' },
    arrange: ({ proxies }) =>
      proxies.identity.intercept({
        answer: ({ url }) =>
          url.includes('graph')
            ? { status: 400, body: JSON.stringify({ statusCode: 400, message: 'No identity found' }) }
            : undefined,
      }),
    cure: /GRAPH_AUDIENCE/,
  },
  { step: 'user', when: 'nobody has the address', mailbox: 'nobody@contoso.example', cure: /spelling/ },
  {
    step: 'user',
    when: 'the token is for another cloud',
    settings: { GRAPH_AUDIENCE: 'https://graph.microsoft.us' },
    also: ['scope'],
    cure: /GRAPH_AUDIENCE/,
  },
  {
    step: 'mailbox',
    when: 'the user has no mailbox',
    mailbox: people.robot.userPrincipalName,
    cure: /Give the user a mailbox/,
  },
  {
    step: 'mailbox',
    when: 'the app has no grant for it',
    mailbox: people.board.userPrincipalName,
    cure: /Test-ServicePrincipalAuthorization/,
  },
  {
    step: 'folder',
    when: 'the app may only read',
    arrange: ({ exchange }) =>
      exchange.setFaults({ script: [{ kind: 'accessDenied', method: 'POST', path: '/mailFolders$' }] }),
    cure: /Mail\.ReadWrite/,
  },
  {
    step: 'item',
    when: 'the mailbox is full',
    arrange: ({ exchange }) =>
      exchange.setFaults({ script: [{ kind: 'quotaExceeded', method: 'POST', path: '/messages$' }] }),
    cure: /quota/,
  },
  bend('received', 'Exchange makes it a draft', (json) => (json['isDraft'] = true), report),
  bend(
    'dates',
    'Exchange sets its own time',
    (json) => (json['receivedDateTime'] = '2026-11-21T09:00:00Z'),
    report,
  ),
  bend(
    'parties',
    'Exchange makes the pilot the sender',
    (json) => (json['from'] = { emailAddress: { name: 'pilot', address: pilot } }),
    report,
  ),
  bend(
    'item-class',
    'Exchange makes it an ordinary mail',
    (json) => {
      const list = json['singleValueExtendedProperties'] as Property[];
      for (const property of list) if (property.value.startsWith('IPM.')) property.value = 'IPM.Note';
    },
    /_ITEM_CLASS/,
  ),
  bend(
    'properties',
    'Exchange drops a named property',
    (json) => {
      const list = json['singleValueExtendedProperties'] as Property[];
      json['singleValueExtendedProperties'] = list.filter(({ id }) => !id.endsWith('UsersEmailAddress'));
    },
    report,
  ),
  {
    step: 'small-attachment',
    when: 'a gateway changes files',
    arrange: ({ proxies }) =>
      proxies.exchange.intercept(
        changeJson(
          ({ method, url }) => method === 'GET' && url.includes('/attachments'),
          ({ value }) => {
            for (const file of value as { name: string; contentBytes: string }[])
              if (file.name === 'preflight.bin') file.contentBytes = 'AAAA';
          },
        ),
      ),
    cure: report,
  },
  {
    step: 'lookup',
    when: 'the filter finds nothing',
    arrange: ({ proxies }) =>
      proxies.exchange.intercept(
        changeJson(
          ({ url }) => url.includes('/messages?$filter='),
          (json) => (json['value'] = []),
        ),
      ),
    cure: /file it twice/,
  },
  bend(
    'conversation',
    'Exchange groups conversations in another way',
    (json) => (json['conversationId'] = `own ${(conversations += 1)}`),
    /Nothing is lost/,
  ),
  {
    step: 'empty-attachment',
    when: 'Exchange refuses empty files',
    arrange: ({ proxies }) =>
      proxies.exchange.intercept({
        answer: ({ method, body }) =>
          method === 'POST' && body.includes('"contentBytes":""')
            ? { status: 400, body: JSON.stringify({ error: { code: 'ErrorInvalidRequest', message: '' } }) }
            : undefined,
      }),
    cure: /quarantine/,
  },
  {
    step: 'large-attachment',
    when: 'there are no upload sessions in the public cloud',
    arrange: ({ exchange }) => exchange.setFaults({ noUploadSessions: true }),
    cure: report,
  },
  {
    step: 'large-attachment',
    when: 'the app may not add to received messages',
    arrange: ({ exchange }) => exchange.setFaults({ sealedAttachments: true }),
    cure: /Mail-Advanced\.ReadWrite/,
  },
  {
    step: 'removed',
    when: 'the app may not delete',
    arrange: ({ exchange }) =>
      exchange.setFaults({ script: [{ kind: 'accessDenied', method: 'DELETE', path: '/messages/' }] }),
    cure: /by hand/,
  },
  {
    step: 'scope',
    when: 'the app reaches a mailbox outside its scope',
    outside: people.colleague.userPrincipalName,
    cure: /Take Mail\.ReadWrite back in Entra/,
  },
  {
    step: 'scope',
    when: 'the outside user has no mailbox, which would prove nothing',
    outside: people.robot.userPrincipalName,
    cure: /not a member/,
  },
  {
    step: 'queues',
    when: 'a queue is missing',
    arrange: ({ store }) =>
      QueueServiceClient.fromConnectionString(store.connectionString).deleteQueue('backfill-window'),
    detail: /^backfill-window: 404 QueueNotFound$/,
    cure: /Storage Queue Data Contributor/,
  },
  {
    step: 'tables',
    when: 'a table is missing',
    arrange: ({ store }) =>
      TableServiceClient.fromConnectionString(store.connectionString, {
        allowInsecureConnection: true,
      }).deleteTable('ledger'),
    detail: /^ledger: 404 (TableNotFound|ResourceNotFound)$/,
    cure: /Storage Table Data Contributor/,
  },
  {
    step: 'decryption-key',
    when: 'the vault does not have it',
    settings: { DECRYPTION_KEY: 'no-such-key' },
    detail: /no key "no-such-key"/,
    cure: /Put the RSA key into the vault/,
  },
  {
    step: 'mapping',
    when: 'no mapping file is stored',
    settings: { WHATSAPP_CUSTOM_MAPPING: 'true' },
    detail: /^no mapping file is stored for whatsapp/,
    cure: /Upload the mapping file/,
  },
  {
    step: 'write-once',
    when: 'something on the way removes the condition',
    arrange({ proxies }) {
      let written = 0;
      proxies.blobs.intercept({
        answer: ({ method, url }) =>
          method === 'PUT' && url.includes('/preflight/') && written++ > 0
            ? { status: 201, headers: { etag: '"0x1"', 'last-modified': new Date().toUTCString() } }
            : undefined,
      });
    },
    cure: /something between the app and Azure/,
  },
  {
    step: 'immutability',
    when: 'the container has no retention policy',
    arrange: ({ proxies }) =>
      proxies.blobs.intercept({
        change: ({ url }, { status, headers, body }) =>
          url.includes('restype=container')
            ? { status, body, headers: { ...headers, server: 'Windows-Azure-Blob/1.0' } }
            : undefined,
      }),
    cure: /retention policy/,
  },
  {
    step: 'alert',
    when: 'the connection string is incomplete',
    settings: { APPLICATIONINSIGHTS_CONNECTION_STRING: 'InstrumentationKey=only' },
    cure: /APPLICATIONINSIGHTS_CONNECTION_STRING/,
  },
  {
    step: 'alert',
    when: 'the identity may not publish',
    arrange: ({ insights }) => (insights.state.status = 403),
    cure: /Monitoring Metrics Publisher/,
  },
];

describe('exactly one step fails and says what to do', () => {
  test.each(cases)('$step, if $when', async (one) => {
    await one.arrange?.(deployment);
    const before = mailboxOf(pilot)?.messages ?? 0;
    const { code, lines, report, failed, skipped } = await run(
      ['--mailbox', one.mailbox ?? pilot, '--outside', one.outside ?? outside],
      one.settings,
    );
    expect(failed).toEqual([one.step, ...(one.also ?? [])]);
    expect(code).toBe(1);
    expect(report.passed).toBe(false);
    const step = report.steps.find(({ step }) => step === one.step)!;
    if (one.detail) expect(step.detail).toMatch(one.detail);
    expect(step.cure).toMatch(one.cure);
    expect(lines.join('\n')).toContain(`→ ${step.cure!}`);
    // Every skipped step needs, directly or not, the step that failed.
    const waiting = report.steps.filter(
      ({ verdict, detail }) => verdict === 'skipped' && detail.startsWith('needs: '),
    );
    expect(skipped.filter((id) => id !== 'immutability')).toEqual(
      waiting.map(({ step }) => step).filter((id) => id !== 'immutability'),
    );
    expect(mailboxOf(pilot)?.messages ?? 0).toBe(before);
  });

  test('with a case for every step', () => {
    expect(allSteps).not.toHaveLength(0);
    const tested = new Set(cases.map(({ step }) => step));
    expect(allSteps.filter((step) => !tested.has(step))).toEqual([]);
  });
});

test('a refused password fails both connectors after one attempt, because accounts lock', async () => {
  await deployment.control('password', { ...deployment.account, password: 'changed' });
  const { report, failed } = await run(['--mailbox', pilot]);
  expect(failed).toEqual(['telemessage-wechat', 'telemessage-whatsapp']);
  for (const step of report.steps.filter(({ verdict }) => verdict === 'failed'))
    expect(step.cure).toMatch(/right user name and password/);
});

test('the folder of an interrupted preflight is used and removed by the next one', async () => {
  deployment.exchange.setFaults({
    script: [{ kind: 'accessDenied', method: 'DELETE', path: '/mailFolders/', times: 1 }],
  });
  expect((await run(['--mailbox', pilot])).failed).toEqual(['removed']);
  expect((await run(['--mailbox', pilot])).failed).toEqual([]);
  expect(mailboxOf(pilot)?.messages).toBe(0);
});

test('a folder of that name is left as it is if its owner keeps something there', async () => {
  const post = async (path: string, body: object) => {
    const answer = await fetch(`${deployment.exchange.origin}/v1.0/users/${people.keeper.id}/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token()}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(201);
    return (await answer.json()) as { id: string };
  };
  const { id } = await post('mailFolders', { displayName: 'Archiver Preflight' });
  await post(`mailFolders/${id}/messages`, { subject: 'Kept by its owner' });
  const { failed, report } = await run(['--mailbox', people.keeper.userPrincipalName]);
  expect(failed).toEqual(['removed']);
  expect(report.steps.find(({ step }) => step === 'removed')?.cure).toMatch(/by hand/);
  expect(mailboxOf(people.keeper.userPrincipalName)).toMatchObject({ messages: 1, created: 5 });
});

test('passes in a cloud without upload sessions, and says which attachments will be missing', async () => {
  const government = await startExchange({
    users: Object.values(people),
    audience: 'https://graph.microsoft.us',
    faults: { noUploadSessions: true },
  });
  const { code, report, skipped } = await run(['--mailbox', pilot], {
    GRAPH_BASE_URL: government.origin,
    GRAPH_AUDIENCE: 'https://graph.microsoft.us',
    WECHAT_SIZE_LIMIT_MB: '25',
  });
  await government.close();
  expect(code).toBe(0);
  expect(skipped).toEqual(['large-attachment', 'scope', 'immutability']);
  expect(report.steps.find(({ step }) => step === 'large-attachment')?.detail).toContain(
    'attachments of 3 to 25 MB will be missing from their items, which count as partial',
  );
});
