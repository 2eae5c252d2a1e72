import { isSupportedCountry } from 'libphonenumber-js/max';
import * as z from 'zod';
import { connectorIds, connectors, type Connector, type ConnectorId } from './connectors';

import { readDayStarts } from './days';
import { languages } from './languages';
import { fetchBudgetMs } from './time-budget';

const MB = 1024 * 1024;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

// The kinds of settings. Each says what it expected, never what it found: a value can be a secret.

/** Whether a URL points to this machine; only there is plain http accepted. */
export const isLoopback = (url: URL) => ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);

/** An origin: https, or plain http on a loopback address. A path is refused, because it would be dropped without a word. */
const origin = z.string().transform((text, context) => {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(text)) return refuse('expected a URL such as https://example.com');
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url)))
    return refuse('expected https (plain http is accepted for loopback addresses alone)');
  if (url.username || url.password) return refuse('expected no user name or password in the URL');
  if (!/^\/?$/.test(url.pathname) || url.search || url.hash)
    return refuse('expected an origin, without path or query');
  return url.origin;
});

/** A whole number within bounds. */
const whole = (min: number, max: number, preset: number) =>
  z
    .string()
    .regex(/^\d+$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `expected ${min} to ${max}`).max(max, `expected ${min} to ${max}`))
    .default(preset);

/** `true` or `false`. */
const onOff = (preset: boolean) =>
  z
    .enum(['true', 'false'], { error: 'expected true or false' })
    .transform((value) => value === 'true')
    .default(preset);

/** The name of something in the vault. */
const vaultName = (of: string) =>
  z.string().regex(/^[0-9a-zA-Z-]{1,127}$/, `expected ${of}: letters, digits and hyphens`);

/** The name of a Key Vault secret. */
const secretName = (preset: string) => vaultName('a Key Vault secret name').default(preset);

/** An NCRONTAB expression, UTC. */
const schedule = (preset: string) =>
  z
    .string()
    .regex(/^\S+( \S+){5}$/, 'expected an NCRONTAB expression of six fields')
    .default(preset);

/** Microsoft Graph's origins. A token is requested for one of them, even when a simulator answers. */
const graphOrigins = [
  'https://graph.microsoft.com',
  'https://graph.microsoft.us',
  'https://dod-graph.microsoft.us',
  'https://microsoftgraph.chinacloudapi.cn',
] as const;

/** NCRONTAB, UTC: hourly, and every five minutes. */
const schedules = { FETCH_SCHEDULE: '0 0 * * * *', RECONCILE_SCHEDULE: '0 */5 * * * *' };

const shape = {
  ArchiveStorage: z.string().min(1).optional(),
  ArchiveStorage__blobServiceUri: origin.optional(),
  ArchiveStorage__queueServiceUri: origin.optional(),
  ArchiveStorage__tableServiceUri: origin.optional(),
  APPLICATIONINSIGHTS_CONNECTION_STRING: z.string().optional(),
  ArchiveStorage__clientId: z.guid('expected the client id (GUID) of the managed identity').optional(),
  AZURE_CLIENT_ID: z.guid('expected the client id (GUID) of the managed identity').optional(),

  TELEMESSAGE_BASE_URL: origin,
  GRAPH_BASE_URL: origin.default('https://graph.microsoft.com'),
  GRAPH_AUDIENCE: z.enum(graphOrigins, { error: `expected one of ${graphOrigins.join(', ')}` }).optional(),
  KEY_VAULT_URL: origin,

  CONNECTORS: z
    .string()
    .default(connectorIds.join(','))
    .transform((text) => text.split(',').map((id) => id.trim()))
    .pipe(
      z
        .array(
          z.enum(connectorIds, { error: `expected a comma-separated list of ${connectorIds.join(', ')}` }),
        )
        .min(1),
    ),
  FETCH_SCHEDULE: schedule(schedules.FETCH_SCHEDULE),
  RECONCILE_SCHEDULE: schedule(schedules.RECONCILE_SCHEDULE),
  BLOB_TRIGGER_SOURCE: z
    .enum(['EventGrid', 'LogsAndContainerScan'], { error: 'expected EventGrid or LogsAndContainerScan' })
    .default('EventGrid'),

  DAY_STARTS: z
    .string()
    .default('00:00 UTC')
    .transform((text, context) => {
      const found = readDayStarts(text);
      if (found) return found;
      context.addIssue({
        code: 'custom',
        message: 'expected a time and a time zone, such as 06:00 Europe/Stockholm',
      });
      return z.NEVER;
    }),
  CATCH_UP_DAYS: whole(2, 365, 30),
  FETCH_LAG_MINUTES: whole(0, 24 * 60, 5),
  FETCH_OVERLAP_MINUTES: whole(0, 24 * 60, 120),
  PAGE_ITEMS: whole(1, 1000, 250),
  PAGE_MAX_MB: whole(1, 64 * 1024, 2048),
  PAGE_TIMEOUT_SECONDS: whole(1, fetchBudgetMs / SECOND, 600),
  BATCH_MAX_ITEMS: whole(1, 100_000, 5000),
  BATCH_MAX_MB: whole(1, 64 * 1024, 1024),

  RETENTION_DAYS: whole(365, 36_500, 2190),
  REPORT_MAILBOX: z
    .string()
    .regex(/^[^\s@]+@[^\s@]+$/, 'expected the address of a mailbox')
    .optional(),
  DECRYPTION_KEY: vaultName('the name of an RSA key in the vault').optional(),
  ITEM_LANGUAGE: z.enum(languages, { error: `expected one of ${languages.join(', ')}` }).default('en'),
  LINE_MAX_MB: whole(1, 480, 288),
  PARSE_TIMEOUT_SECONDS: whole(1, 600, 20),
  IMPORT_MEMORY_MB: whole(16, 8192, 512),
  DEFAULT_COUNTRY: z
    .string()
    .refine(isSupportedCountry, 'expected a country as two capital letters (ISO 3166), such as SE')
    .optional(),

  ORGANISATION_DOMAINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((domain) => domain.trim().toLowerCase())
        .filter(Boolean),
    )
    .pipe(z.array(z.string().regex(/^[^\s@]+\.[^\s@.]+$/, 'expected a comma-separated list of domains'))),

  GRAPH_TIMEOUT_SECONDS: whole(1, 600, 60),
  LEASE_SECONDS: whole(5, 3600, 300),
  SETTLING_SECONDS: whole(1, 3600, 600),
  REQUEUE_AFTER_SECONDS: whole(5, 7 * 24 * 3600, 3600),
};

const connectorShape = (connector: Connector) => ({
  AUTOMATIC_MAPPING: onOff(true),
  CUSTOM_MAPPING: onOff(false),
  SIZE_LIMIT_MB: whole(1, 150, 10),
  ITEM_CLASS: z
    .string()
    .regex(/^IPM(\.[A-Za-z0-9]+)+$/, 'expected an item class such as IPM.ExternalData.Name')
    .default(connector.itemClass),
  USERNAME_SECRET: secretName('telemessage-username'),
  PASSWORD_SECRET: secretName('telemessage-password'),
});

export interface ConnectorConfig {
  automaticMapping: boolean;
  customMapping: boolean;
  sizeLimitBytes: number;
  itemClass: string;
  usernameSecret: string;
  passwordSecret: string;
}

type Env = Readonly<Record<string, string | undefined>>;

export type Config = ReturnType<typeof loadConfig>;

/**
 * Parses the settings: durations in milliseconds, sizes in bytes.
 *
 * @throws Error that names every wrong setting and what was expected, never a value
 */
export function loadConfig(env: Env) {
  const problems: string[] = [];
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parse = <Shape extends z.ZodRawShape>(object: z.ZodObject<Shape>, prefix: string) => {
    const names = Object.keys(object.shape);
    const result = object.safeParse(Object.fromEntries(names.map((name) => [name, given[prefix + name]])));
    for (const issue of result.error?.issues ?? []) {
      const name = String(issue.path[0]);
      const missing = given[prefix + name] === undefined;
      problems.push(`${prefix}${name}: ${missing ? 'missing' : issue.message}`);
    }
    return result.data;
  };

  const settings = parse(z.object(shape), '');
  const perConnector = connectorIds.map((id) => {
    const prefix = `${id.toUpperCase()}_`;
    const own = parse(z.object(connectorShape(connectors[id])), prefix);
    if (own && !own.AUTOMATIC_MAPPING && !own.CUSTOM_MAPPING)
      problems.push(`${prefix}AUTOMATIC_MAPPING, ${prefix}CUSTOM_MAPPING: at least one of them must be true`);
    return [id, own] as const;
  });
  const uris = ['blob', 'queue', 'table'].map((service) => `ArchiveStorage__${service}ServiceUri`);
  if (!given['ArchiveStorage'])
    for (const name of uris) if (!given[name]) problems.push(`${name}: missing (or set ArchiveStorage)`);
  if (settings && settings.GRAPH_TIMEOUT_SECONDS * 2 > settings.LEASE_SECONDS)
    problems.push(
      'GRAPH_TIMEOUT_SECONDS: expected at most half of LEASE_SECONDS, so that no request outlives its lease',
    );
  if (problems.length > 0 || !settings)
    throw new Error(`The app cannot start. Wrong settings:\n  ${problems.join('\n  ')}`);

  const secret = ['ArchiveStorage', 'APPLICATIONINSIGHTS_CONNECTION_STRING'];
  const shown = settingNames.filter((name) => given[name] !== undefined && !secret.includes(name));
  const graphOrigin = graphOrigins.find((known) => known === settings.GRAPH_BASE_URL);
  return {
    /** The settings as they were given, without those that hold a secret. */
    shown: Object.fromEntries(shown.map((name) => [name, given[name]!])),
    connectors: settings.CONNECTORS,
    storage: {
      connectionString: settings.ArchiveStorage,
      blobUrl: settings.ArchiveStorage__blobServiceUri,
      queueUrl: settings.ArchiveStorage__queueServiceUri,
      tableUrl: settings.ArchiveStorage__tableServiceUri,
    },
    identityClientId: settings.ArchiveStorage__clientId ?? settings.AZURE_CLIENT_ID,
    keyVaultUrl: settings.KEY_VAULT_URL,
    decryptionKey: settings.DECRYPTION_KEY,
    reportMailbox: settings.REPORT_MAILBOX,
    retentionDays: settings.RETENTION_DAYS,
    insightsConnectionString: settings.APPLICATIONINSIGHTS_CONNECTION_STRING,
    graph: {
      baseUrl: settings.GRAPH_BASE_URL,
      audience: settings.GRAPH_AUDIENCE ?? graphOrigin ?? graphOrigins[0],
      timeoutMs: settings.GRAPH_TIMEOUT_SECONDS * SECOND,
    },
    telemessage: {
      baseUrl: settings.TELEMESSAGE_BASE_URL,
      pageItems: settings.PAGE_ITEMS,
      pageMaxBytes: settings.PAGE_MAX_MB * MB,
      timeoutMs: settings.PAGE_TIMEOUT_SECONDS * SECOND,
    },
    fetch: {
      dayStarts: settings.DAY_STARTS,
      catchUpDays: settings.CATCH_UP_DAYS,
      lagMs: settings.FETCH_LAG_MINUTES * MINUTE,
      overlapMs: settings.FETCH_OVERLAP_MINUTES * MINUTE,
      budgetMs: fetchBudgetMs,
      batchMaxItems: settings.BATCH_MAX_ITEMS,
      batchMaxBytes: settings.BATCH_MAX_MB * MB,
    },
    import: {
      language: settings.ITEM_LANGUAGE,
      lineMaxBytes: settings.LINE_MAX_MB * MB,
      parseTimeoutMs: settings.PARSE_TIMEOUT_SECONDS * SECOND,
      memoryBytes: settings.IMPORT_MEMORY_MB * MB,
      country: settings.DEFAULT_COUNTRY,
      domains: settings.ORGANISATION_DOMAINS,
      leaseMs: settings.LEASE_SECONDS * SECOND,
    },
    reconcile: {
      settlingMs: settings.SETTLING_SECONDS * SECOND,
      requeueAfterMs: settings.REQUEUE_AFTER_SECONDS * SECOND,
    },
    perConnector: Object.fromEntries(
      perConnector.map(([id, own]) => [
        id,
        own && {
          automaticMapping: own.AUTOMATIC_MAPPING,
          customMapping: own.CUSTOM_MAPPING,
          sizeLimitBytes: own.SIZE_LIMIT_MB * MB,
          itemClass: own.ITEM_CLASS,
          usernameSecret: own.USERNAME_SECRET,
          passwordSecret: own.PASSWORD_SECRET,
        },
      ]),
    ) as Record<ConnectorId, ConnectorConfig>,
  };
}

/**
 * The settings that triggers are registered with. Never throws, because a load that fails before a function is
 * registered is reported badly; `loadConfig` refuses a wrong value right afterwards. (The host's own `%NAME%` is no
 * alternative: it refuses a function whose setting is absent.)
 */
export const triggerSettings = (env: Env) =>
  ({
    fetchSchedule: env['FETCH_SCHEDULE'] || schedules.FETCH_SCHEDULE,
    reconcileSchedule: env['RECONCILE_SCHEDULE'] || schedules.RECONCILE_SCHEDULE,
    blobSource: env['BLOB_TRIGGER_SOURCE'] === 'LogsAndContainerScan' ? 'LogsAndContainerScan' : 'EventGrid',
  }) as const;

/** Every setting that the schema knows; tests compare the sample file and the infrastructure with it. */
export const settingNames: string[] = [
  ...Object.keys(shape),
  ...connectorIds.flatMap((id) =>
    Object.keys(connectorShape(connectors[id])).map((name) => `${id.toUpperCase()}_${name}`),
  ),
];
