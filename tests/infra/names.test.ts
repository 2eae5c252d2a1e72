import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, settingNames } from '../../shared/config';
import {
  archiveConnection,
  containers,
  functionNames,
  manifestPrefix,
  manifestSuffix,
  queues,
  tables,
} from '../../shared/names';
import { infra, keysOfCall, read, readTemplates, type BicepFile, type Declaration } from '../support/bicep';

let files: BicepFile[];
beforeAll(async () => {
  files = await readTemplates();
});

const file = (name: string) => files.find((one) => one.name === name)!;
const declared = (name: string, kind: Declaration['kind'], symbol: string) => {
  const found = file(name).declarations.find((one) => one.kind === kind && one.name === symbol);
  if (!found) throw new Error(`${name} declares no ${kind} ${symbol}`);
  return found;
};
const sorted = (names: Iterable<string>) => [...names].sort();

/** Read by the Functions host and its extensions, not by our code. */
const platformSettings = [
  'AzureWebJobsStorage__blobServiceUri',
  'AzureWebJobsStorage__queueServiceUri',
  'AzureWebJobsStorage__tableServiceUri',
  'AzureWebJobsStorage__credential',
  'AzureWebJobsStorage__clientId',
  `${archiveConnection}__credential`,
  'APPLICATIONINSIGHTS_CONNECTION_STRING',
  'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
];

const settingsSet = () => [
  ...keysOfCall(file('main.bicep'), 'union'),
  ...keysOfCall(file('app.bicep'), 'union'),
];

/** A good value for every setting of ours that the templates set. */
const deployedSettings = (graphBaseUrl: string) => ({
  RETENTION_DAYS: String(declared('main.bicep', 'param', 'retentionDays').value),
  ArchiveStorage__blobServiceUri: 'https://account.blob.example/',
  ArchiveStorage__queueServiceUri: 'https://account.queue.example/',
  ArchiveStorage__tableServiceUri: 'https://account.table.example/',
  ArchiveStorage__clientId: '11111111-2222-4333-8444-555555555555',
  KEY_VAULT_URL: 'https://vault.example/',
  GRAPH_BASE_URL: graphBaseUrl,
  TELEMESSAGE_BASE_URL: 'https://archive.example',
  CONNECTORS: String(declared('main.bicep', 'param', 'connectors').value),
});

describe('names in the templates', () => {
  test('queues are those of the code, with a poison queue for each that a function reads', () => {
    expect(sorted(declared('evidence.bicep', 'var', 'queueNames').value as string[])).toEqual(
      sorted(Object.values(queues)),
    );
    for (const queue of Object.values(queues).filter((name) => !name.endsWith('-poison')))
      expect(Object.values(queues)).toContain(`${queue}-poison`);
  });

  test('tables are those of the code', () => {
    expect(sorted(declared('evidence.bicep', 'var', 'tableNames').value as string[])).toEqual(
      sorted(Object.values(tables)),
    );
  });

  test('containers are those of the code, and one for events that could not be delivered', () => {
    const names = file('evidence.bicep')
      .declarations.filter((one) => /\/containers@/.test(one.target))
      .map((one) => (one.value as { name: string }).name);
    expect(sorted(names)).toEqual(sorted([...Object.values(containers), 'dead-letters']));
    expect(file('events.bicep').source).toContain("blobContainerName: 'dead-letters'");
  });

  test('the event subscription wakes the splitting function for manifests alone', () => {
    expect(declared('events.bicep', 'var', 'functionName').value).toBe(functionNames.splitBatch);
    expect(declared('events.bicep', 'var', 'manifestsBegin').value).toBe(
      `/blobServices/default/containers/${containers.batches}/blobs/${manifestPrefix}`,
    );
    expect(declared('events.bicep', 'var', 'manifestsEnd').value).toBe(manifestSuffix);
  });

  test('the step after publishing waits for every function of the code', () => {
    const [, expected] = /^expected='([^']*)'$/m.exec(read('infra/events.sh')) ?? [];
    expect(sorted(expected?.split(' ') ?? [])).toEqual(sorted(Object.values(functionNames)));
  });

  test('the alert on failing functions names functions of the code', () => {
    const [, list] = /OperationName in \(([^)]*)\)/.exec(file('monitoring.bicep').source) ?? [];
    const names = [...(list ?? '').matchAll(/'(\w+)'/g)].map(([, name]) => name!);
    expect(names).not.toHaveLength(0);
    for (const name of names) expect(Object.values(functionNames)).toContain(name);
  });
});

describe('settings in the templates', () => {
  test('everything that is set is read by the code or the platform', () => {
    const names = settingsSet();
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expect([...settingNames, ...platformSettings]).toContain(name);
    for (const name of platformSettings) expect(names).toContain(name);
  });

  test('nothing is set twice, so that no value hides another', () => {
    expect(settingsSet()).toEqual([...new Set(settingsSet())]);
  });

  test('everything without a default is set', () => {
    let message = '';
    try {
      loadConfig({});
    } catch (error) {
      message = (error as Error).message;
    }
    const missing = [...message.matchAll(/^ {2}(\w+): missing/gm)].map(([, name]) => name!);
    expect(missing).not.toHaveLength(0);
    for (const name of missing) expect(settingsSet()).toContain(name);
  });

  test('the app starts with what is set, in every cloud, and asks that cloud for its tokens', () => {
    const graph = declared('main.bicep', 'var', 'graphBaseUrls').value as Record<string, string>;
    expect(graph).toEqual({
      Commercial: 'https://graph.microsoft.com',
      GCC: 'https://graph.microsoft.com',
      GCCHigh: 'https://graph.microsoft.us',
      DoD: 'https://dod-graph.microsoft.us',
    });
    const ours = settingsSet().filter((name) => !platformSettings.includes(name));
    expect(sorted(Object.keys(deployedSettings('')))).toEqual(sorted(ours));
    for (const url of Object.values(graph))
      expect(loadConfig(deployedSettings(url)).graph.audience).toBe(url);
  });
});

describe('parameter files', () => {
  const samples = readdirSync(infra).filter((name) => name.endsWith('.bicepparam'));
  const valuesOf = (name: string) => {
    const text = readFileSync(join(infra, name), 'utf8');
    const [, block] = /^param settings = \{\n([^}]*)\}/m.exec(text) ?? [];
    return {
      names: [...text.matchAll(/^param (\w+) = /gm)].map(([, param]) => param!),
      settings: Object.fromEntries(
        [...(block ?? '').matchAll(/^ {2}(\w+): '([^']*)'$/gm)].map(([, key, value]) => [key!, value!]),
      ),
      cloud: /^param cloud = '(\w+)'/m.exec(text)?.[1],
      text,
    };
  };

  test('there is one for each environment', () => {
    expect(sorted(samples)).toEqual([
      'commercial.bicepparam',
      'dod.bicepparam',
      'gcchigh.bicepparam',
      'main.bicepparam',
    ]);
    expect(valuesOf('commercial.bicepparam').cloud).toBe('Commercial');
    expect(valuesOf('gcchigh.bicepparam').cloud).toBe('GCCHigh');
    expect(valuesOf('dod.bicepparam').cloud).toBe('DoD');
  });

  test.each(samples)('%s gives every parameter that has no default, and none that does not exist', (name) => {
    const params = file('main.bicep').declarations.filter(({ kind }) => kind === 'param');
    const { names, text } = valuesOf(name);
    expect(text).toContain("using './main.bicep'");
    for (const given of names) expect(params.map((param) => param.name)).toContain(given);
    for (const param of params) if (!param.hasDefault) expect(names).toContain(param.name);
  });

  test.each(samples)('%s sets only settings that the app accepts', (name) => {
    const { settings } = valuesOf(name);
    for (const key of Object.keys(settings)) expect(settingNames).toContain(key);
    expect(() =>
      loadConfig({ ...deployedSettings('https://graph.microsoft.com'), ...settings }),
    ).not.toThrow();
  });
});
