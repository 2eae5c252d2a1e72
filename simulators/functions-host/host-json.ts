import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The parts of host.json that this host obeys, with the defaults of the real host. */

export interface QueueSettings {
  batchSize: number;
  newBatchThreshold: number;
  maxDequeueCount: number;
  visibilityTimeoutMs: number;
  maxPollingIntervalMs: number;
  base64: boolean;
}

export interface HostJson {
  /** Infinity for `-1`, which switches the time-out off. */
  functionTimeoutMs: number;
  routePrefix: string;
  queues: QueueSettings;
  blobs: { maxDegreeOfParallelism: number; poisonBlobThreshold: number };
  hasExtensionBundle: boolean;
  logLevels: Record<string, string>;
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `[d.]hh:mm:ss[.fff]` → milliseconds. */
function timeSpanMs(value: unknown, setting: string): number {
  const match = /^(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$/.exec(String(value));
  if (!match) throw new Error(`host.json: ${setting} is not a time span (hh:mm:ss)`);
  const [, days = '0', hours = '0', minutes = '0', seconds = '0', fraction = '0'] = match;
  return (
    (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 +
    Math.round(Number(`0.${fraction}`) * 1000)
  );
}

function whole(value: unknown, byDefault: number, setting: string, min: number, max = Infinity): number {
  const number = value === undefined ? byDefault : Number(value);
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new Error(`host.json: ${setting} must be a whole number from ${min} to ${max}`);
  }
  return number;
}

/** As in Azure, a setting `AzureFunctionsJobHost__a__b` replaces `a.b` of host.json. */
function override(json: Json, settings: Record<string, string>): Json {
  const result = structuredClone(json);
  for (const [name, value] of Object.entries(settings)) {
    const [root, ...path] = name.split(/__|:/);
    if (root !== 'AzureFunctionsJobHost' || path.length === 0) continue;
    let node = result;
    for (const key of path.slice(0, -1)) {
      if (!isObject(node[key])) node[key] = {};
      node = node[key] as Json;
    }
    node[path.at(-1) ?? ''] = value;
  }
  return result;
}

export function readHostJson(appDir: string, settings: Record<string, string>): HostJson {
  let text: string;
  try {
    text = readFileSync(join(appDir, 'host.json'), 'utf8');
  } catch (error) {
    throw new Error(`No host.json in ${appDir}`, { cause: error });
  }
  const json = override(JSON.parse(text) as Json, settings);
  if (json['version'] !== '2.0') throw new Error(`host.json: version must be "2.0"`);
  const part = (parent: Json, name: string): Json => (isObject(parent[name]) ? parent[name] : {});
  const extensions = part(json, 'extensions');
  const queues = part(extensions, 'queues');
  const blobs = part(extensions, 'blobs');
  const timeout = json['functionTimeout'];
  const batchSize = whole(queues['batchSize'], 16, 'extensions.queues.batchSize', 1, 32);
  const levels = part(part(json, 'logging'), 'logLevel');
  const span = (value: unknown, name: string) => timeSpanMs(value, `extensions.queues.${name}`);
  return {
    functionTimeoutMs:
      timeout === '-1' || timeout === -1 ? Infinity : timeSpanMs(timeout ?? '00:30:00', 'functionTimeout'),
    routePrefix: String(part(extensions, 'http')['routePrefix'] ?? 'api').replace(/^\/|\/$/g, ''),
    queues: {
      batchSize,
      newBatchThreshold: whole(
        queues['newBatchThreshold'],
        Math.floor(batchSize / 2),
        'extensions.queues.newBatchThreshold',
        0,
      ),
      maxDequeueCount: whole(queues['maxDequeueCount'], 5, 'extensions.queues.maxDequeueCount', 1),
      visibilityTimeoutMs: span(queues['visibilityTimeout'] ?? '00:00:00', 'visibilityTimeout'),
      maxPollingIntervalMs: span(queues['maxPollingInterval'] ?? '00:01:00', 'maxPollingInterval'),
      base64: String(queues['messageEncoding'] ?? 'base64').toLowerCase() !== 'none',
    },
    blobs: {
      maxDegreeOfParallelism: whole(
        blobs['maxDegreeOfParallelism'],
        8,
        'extensions.blobs.maxDegreeOfParallelism',
        1,
      ),
      poisonBlobThreshold: whole(blobs['poisonBlobThreshold'], 5, 'extensions.blobs.poisonBlobThreshold', 1),
    },
    hasExtensionBundle:
      isObject(json['extensionBundle']) && typeof json['extensionBundle']['id'] === 'string',
    logLevels: Object.fromEntries(Object.entries(levels).map(([key, level]) => [key, String(level)])),
  };
}
