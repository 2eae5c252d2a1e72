import { eventLine } from '../../shared/events';
import { version } from '../../package.json';
import { functionNames } from '../../shared/names';
import { read, readTemplates, type BicepFile } from '../support/bicep';

let monitoring: BicepFile;
beforeAll(async () => {
  monitoring = (await readTemplates()).find(({ name }) => name === 'monitoring.bicep')!;
});

const rules = (name: string) =>
  monitoring.declarations.find((one) => one.name === name)!.value as unknown as Record<string, string>[];
const eventsSource = read('shared/events.ts');
const events = [...eventsSource.matchAll(/^ {2}\| '(\w+)'/gm)].map(([, name]) => name!);
const fields = [
  'signal',
  'version',
  ...[...eventsSource.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name!),
];
/** For the record; nobody has to act. */
const informational = ['windowFetched', 'batchClosed', 'copyRemoved'];

describe('alerts', () => {
  test('exist for every event that needs a person, and for no other event', () => {
    expect(events.length).toBeGreaterThan(5);
    const alerted = rules('eventRules').map(({ event }) => event!);
    expect([...alerted, ...informational].sort()).toEqual([...events].sort());
  });

  test('are all explained in docs/operations.md, and so is every event', () => {
    const headings = [...read('docs/operations.md').matchAll(/^#{3,4} `(\w+)`/gm)].map(([, name]) => name);
    for (const event of events) expect(headings).toContain(event);
    for (const { name } of rules('watchRules')) expect(headings).toContain(name);
  });

  test('recognise the lines that the app writes', async () => {
    const query = monitoring.declarations.find(({ name }) => name === 'eventQuery')!.value as string;
    const [, start] = /Message startswith '([^']*)'/.exec(query) ?? [];
    expect(
      eventLine('windowLate', { connector: 'wechat' }).startsWith(start!.replace('EVENT', 'windowLate')),
    ).toBe(true);
  });
});

test('the log line of an event names the release that wrote it, in its last field', () => {
  const line = eventLine('batchClosed', { connector: 'wechat', batch: 7 });
  expect(line).toBe(`{"signal":"batchClosed","connector":"wechat","batch":7,"version":"${version}"}`);
});

describe('the workbook', () => {
  const workbook = JSON.parse(read('infra/workbook.json')) as {
    items: { type: number; name: string; content: { query?: string } }[];
  };
  const queries = workbook.items.flatMap(({ content }) => content.query ?? []);

  test('asks for events and fields that the app writes', () => {
    expect(queries.length).toBeGreaterThan(4);
    for (const query of queries) {
      const asked = [...query.matchAll(/"signal":"(\w+)"/g)].map(([, name]) => name!);
      expect(asked).not.toHaveLength(0);
      for (const name of asked) expect(events).toContain(name);
      for (const [, name] of query.matchAll(/\bs\.(\w+)/g)) expect(fields).toContain(name);
    }
  });

  test('shows imports, failures by reason, the backlog and the way from TeleMessage to the mailbox', () => {
    const titles = workbook.items.map(({ name }) => name).join('\n');
    for (const word of ['per day and connector', 'by reason', 'backlog', 'From TeleMessage to the mailbox'])
      expect(titles).toContain(word);
  });

  test('the queries of docs/operations.md ask for what the app writes', () => {
    const blocks = [...read('docs/operations.md').matchAll(/```kusto\n([^`]*)```/g)].map(
      ([, block]) => block!,
    );
    expect(blocks.length).toBeGreaterThan(3);
    for (const block of blocks) {
      for (const [, name] of block.matchAll(/"signal":"(\w+)"/g)) expect(events).toContain(name);
      for (const [, name] of block.matchAll(/\bs\.(\w+)/g)) expect(fields).toContain(name);
    }
  });
});

describe('host.json', () => {
  const host = JSON.parse(read('host.json')) as {
    logging: {
      logLevel: Record<string, string>;
      applicationInsights: { samplingSettings: { isEnabled: boolean; excludedTypes?: string } };
    };
    extensionBundle: { id: string };
    functionTimeout: string;
  };

  test('lets events through: what the app writes to its console has a category of its own', () => {
    const levels = host.logging.logLevel;
    // azure-functions-host, WorkerConstants.FunctionConsoleLogCategoryName: written at the level Information.
    expect(levels['Host.Function.Console'] ?? levels['default']).toMatch(/^(Trace|Debug|Information)$/);
  });

  test('never samples an event away', () => {
    const { isEnabled, excludedTypes = '' } = host.logging.applicationInsights.samplingSettings;
    expect(!isEnabled || excludedTypes.split(';').includes('Trace')).toBe(true);
  });

  test('names the extensions that queues and blobs need, and no time-out that the plan would cut short', () => {
    expect(host.extensionBundle.id).toBe('Microsoft.Azure.Functions.ExtensionBundle');
    expect(host.functionTimeout).toMatch(/^00:(0[1-9]|[1-5]\d):\d\d$/);
  });

  test('functions have names by which an operator can disable them', () => {
    for (const name of Object.values(functionNames)) expect(name).toMatch(/^[A-Za-z][A-Za-z0-9]*$/);
  });
});

describe('azure.yaml', () => {
  const azure = read('azure.yaml');

  test('publishes the staged folder as it is, to the app with the tag', async () => {
    const app = (await readTemplates()).find(({ name }) => name === 'app.bicep')!;
    const [, tag] = /'azd-service-name': '(\w+)'/.exec(app.source) ?? [];
    expect(azure).toMatch(new RegExp(`^services:\\n(?: {2}#.*\\n)* {2}${tag}:\\n`, 'm'));
    expect(azure).toMatch(/^ {4}project: dist\/app$/m);
    expect(azure).toMatch(/^ {4}remoteBuild: false$/m);
  });

  test('runs only scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const used = [...azure.matchAll(/npm run (\w+)/g)].map(([, name]) => name!);
    expect(used).toContain('stage');
    for (const name of used) expect(Object.keys(scripts)).toContain(name);
  });

  test('hands outputs that exist to the step after publishing', async () => {
    const main = (await readTemplates()).find(({ name }) => name === 'main.bicep')!;
    const outputs = main.declarations.filter(({ kind }) => kind === 'output').map(({ name }) => name);
    const used = [...azure.matchAll(/\$([a-z]\w+)/g)]
      .map(([, name]) => name!)
      .filter((name) => name !== 'schema');
    expect(used).toEqual(['functionAppName', 'evidenceAccountName']);
    for (const name of used) expect(outputs).toContain(name);
  });
});
