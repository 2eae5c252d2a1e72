import { readFileSync } from 'node:fs';
import { loadConfig, settingNames, triggerSettings } from '../shared/config';

const minimal = {
  ArchiveStorage: 'UseDevelopmentStorage=true',
  TELEMESSAGE_BASE_URL: 'https://archive.example.com',
  KEY_VAULT_URL: 'https://vault.example.com/',
};

const problemsOf = (env: Record<string, string>): string => {
  try {
    loadConfig(env);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected the settings to be refused');
};

describe('the settings', () => {
  it('need no more than storage, TeleMessage and the vault', () => {
    const config = loadConfig(minimal);
    expect(config.connectors).toEqual(['wechat', 'whatsapp']);
    expect(config.graph).toMatchObject({
      baseUrl: 'https://graph.microsoft.com',
      audience: 'https://graph.microsoft.com',
    });
    expect(config.keyVaultUrl).toBe('https://vault.example.com');
    expect(config.perConnector.whatsapp).toEqual({
      automaticMapping: true,
      customMapping: false,
      sizeLimitBytes: 10 * 1_048_576,
      itemClass: 'IPM.ExternalData.WhatsAppArchiver',
      usernameSecret: 'telemessage-username',
      passwordSecret: 'telemessage-password',
    });
  });

  it('name every problem at once and never a value', () => {
    const message = problemsOf({
      TELEMESSAGE_BASE_URL: 'http://archive.example.com',
      CONNECTORS: 'wechat,signal',
      CATCH_UP_DAYS: 'secret-looking-value',
      WHATSAPP_AUTOMATIC_MAPPING: 'false',
      DEFAULT_COUNTRY: 'XX',
    });
    for (const name of [
      'TELEMESSAGE_BASE_URL: expected https',
      'KEY_VAULT_URL: missing',
      'CONNECTORS: expected a comma-separated list of wechat, whatsapp',
      'CATCH_UP_DAYS: expected a whole number',
      'DEFAULT_COUNTRY: expected a country',
      'WHATSAPP_AUTOMATIC_MAPPING, WHATSAPP_CUSTOM_MAPPING: at least one',
      'ArchiveStorage__blobServiceUri: missing',
    ])
      expect(message).toContain(name);
    expect(message).not.toContain('secret-looking-value');
    expect(message).not.toContain('archive.example.com');
  });

  it.each(['http://127.0.0.1:7071', 'http://localhost:1', 'http://[::1]:80'])(
    'accept plain http on the loopback address %s',
    (url) => {
      expect(loadConfig({ ...minimal, GRAPH_BASE_URL: url }).graph.baseUrl).toBe(new URL(url).origin);
    },
  );

  it.each([
    'http://127.0.0.1.example.com',
    'https://user:password@example.com',
    'https://example.com/path',
    'https://example.com?query',
    'ftp://example.com',
    'example.com',
  ])('refuse the origin %s', (url) => {
    expect(problemsOf({ ...minimal, GRAPH_BASE_URL: url })).toContain('GRAPH_BASE_URL: expected');
  });

  it('ask for a token of the national cloud whose Graph is configured', () => {
    expect(loadConfig({ ...minimal, GRAPH_BASE_URL: 'https://graph.microsoft.us' }).graph.audience).toBe(
      'https://graph.microsoft.us',
    );
  });

  it('refuse a request time-out that could outlive the lease of a delivery', () => {
    expect(problemsOf({ ...minimal, LEASE_SECONDS: '60', GRAPH_TIMEOUT_SECONDS: '31' })).toContain(
      'GRAPH_TIMEOUT_SECONDS',
    );
  });

  it('accept endpoints with an identity in place of a connection string', () => {
    const { ArchiveStorage: _, ...rest } = minimal;
    const config = loadConfig({
      ...rest,
      ArchiveStorage__blobServiceUri: 'https://a.blob.core.windows.net/',
      ArchiveStorage__queueServiceUri: 'https://a.queue.core.windows.net/',
      ArchiveStorage__tableServiceUri: 'https://a.table.core.windows.net/',
      ArchiveStorage__clientId: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3',
    });
    expect(config.storage.tableUrl).toBe('https://a.table.core.windows.net');
    expect(config.identityClientId).toBe('0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3');
  });

  it('are all explained in local.settings.sample.json', () => {
    const sample = readFileSync('local.settings.sample.json', 'utf8');
    for (const name of settingNames.filter((name) => !name.includes('__')))
      expect(sample).toContain(`"${name}"`);
  });
});

describe('the triggers', () => {
  it('have a schedule and a source where no setting names one', () => {
    expect(triggerSettings({})).toEqual({
      fetchSchedule: '0 0 * * * *',
      reconcileSchedule: '0 */5 * * * *',
      blobSource: 'EventGrid',
    });
  });

  it('take what the settings say', () => {
    expect(
      triggerSettings({ FETCH_SCHEDULE: '0 0 2 * * *', BLOB_TRIGGER_SOURCE: 'LogsAndContainerScan' }),
    ).toMatchObject({
      fetchSchedule: '0 0 2 * * *',
      blobSource: 'LogsAndContainerScan',
    });
  });
});
