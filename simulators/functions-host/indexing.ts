import { parseBlobPath, type BlobTrigger } from './blob-trigger';
import type { HostJson } from './host-json';
import type { HttpTrigger } from './http-trigger';
import type { QueueTrigger } from './queue-trigger';
import type { Binding, FunctionMetadata } from './rpc';
import { connectStorage, type Settings, type Storage } from './storage';
import { parseSchedule, type TimerTrigger } from './timer-trigger';

/** Reads the app's registrations: the functions that the host can run, and the ones that it refuses. */

export type Trigger = TimerTrigger | QueueTrigger | BlobTrigger | HttpTrigger;

export interface QueueOutput {
  name: string;
  queueName: string;
  storage: Storage;
}

export interface IndexedFunction {
  name: string;
  triggerName: string;
  trigger: Trigger;
  outputs: QueueOutput[];
  disabled: boolean;
  metadata: FunctionMetadata;
}

export interface RefusedFunction {
  name: string;
  reason: string;
}

interface Context {
  settings: Settings;
  hostJson: HostJson;
  /** One client per connection, shared by all functions. */
  storageOf(connection: string): Storage;
}

/** Replaces every `%NAME%` by the setting of that name; throws for one that is not set. */
function resolveNames(text: string, settings: Settings): string {
  return text.replace(/%([^%]+)%/g, (_, name: string) => {
    const value = settings[name];
    if (value === undefined) throw new Error(`'%${name}%' does not resolve to a value.`);
    return value;
  });
}

const text = (binding: Binding, option: string, { settings }: Context): string => {
  const value = binding[option];
  if (typeof value !== 'string' || value === '') throw new Error(`The binding has no ${option}.`);
  return resolveNames(value, settings);
};

const isTrue = (value: string | undefined) => value === '1' || value?.toLowerCase() === 'true';

/** Refuses a name that the storage service would refuse at the first request. */
function queueName(binding: Binding, context: Context): string {
  const name = text(binding, 'queueName', context).toLowerCase();
  if (!/^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name))
    throw new Error(`'${name}' is not a valid queue name.`);
  return name;
}

function readTrigger(binding: Binding, functionName: string, context: Context): Trigger {
  const { settings, hostJson } = context;
  const type = binding.type.toLowerCase();
  if (!['httptrigger', 'timertrigger'].includes(type) && !hostJson.hasExtensionBundle) {
    throw new Error(
      `The binding type(s) '${binding.type}' are not registered. Please ensure the type is correct and the ` +
        'binding extension is installed (extensionBundle in host.json).',
    );
  }
  switch (type) {
    case 'timertrigger':
      // The schedule monitor and the singleton lease are in the host's own storage.
      context.storageOf('AzureWebJobsStorage');
      return {
        kind: 'timer',
        schedule: parseSchedule(text(binding, 'schedule', context)),
        runOnStartup: binding['runOnStartup'] === true,
        useMonitor: binding['useMonitor'] as boolean | undefined,
      };
    case 'queuetrigger': {
      const storage = context.storageOf(text(binding, 'connection', context));
      storage.queues();
      return { kind: 'queue', queueName: queueName(binding, context), storage };
    }
    case 'blobtrigger': {
      const connection = text(binding, 'connection', context);
      const storage = context.storageOf(connection);
      // The queue for the blobs that the trigger finds is in the same account.
      storage.blobs();
      storage.queues();
      context.storageOf('AzureWebJobsStorage');
      const eventGrid = String(binding['source'] ?? '').toLowerCase() === 'eventgrid';
      return {
        kind: 'blob',
        path: parseBlobPath(text(binding, 'path', context)),
        eventGrid,
        connection,
        storage,
      };
    }
    case 'httptrigger': {
      const level = String(binding['authLevel'] ?? 'anonymous').toLowerCase();
      if (level !== 'anonymous' && level !== 'function' && level !== 'admin') {
        throw new Error(`'${level}' is not an authorization level.`);
      }
      const route = resolveNames(String(binding['route'] ?? functionName), settings).replace(/^\/|\/$/g, '');
      const methods = (binding['methods'] as string[]).map((method) => method.toUpperCase());
      return { kind: 'http', route, methods, authLevel: level };
    }
    default:
      throw new Error(`This host has no trigger of type '${binding.type}'.`);
  }
}

function readOutputs(metadata: FunctionMetadata, context: Context): QueueOutput[] {
  return Object.entries(metadata.bindings).flatMap(([name, binding]) => {
    const type = binding.type.toLowerCase();
    if (type.endsWith('trigger') || type === 'http') return [];
    if (binding.direction !== 'out' || type !== 'queue') {
      throw new Error(`This host has no ${binding.direction}put binding of type '${binding.type}'.`);
    }
    if (!context.hostJson.hasExtensionBundle) {
      throw new Error(`The binding type(s) 'queue' are not registered (extensionBundle in host.json).`);
    }
    const storage = context.storageOf(text(binding, 'connection', context));
    storage.queues();
    return [{ name, queueName: queueName(binding, context), storage }];
  });
}

function indexOne(metadata: FunctionMetadata, context: Context): IndexedFunction {
  const { name } = metadata;
  if (!/^[a-z][\w-]{0,127}$/i.test(name)) throw new Error(`'${name}' is not a valid function name.`);
  const triggers = Object.entries(metadata.bindings).filter(([, { type }]) => /trigger$/i.test(type));
  const [first, ...more] = triggers;
  if (!first || more.length > 0) throw new Error('A function must have exactly one trigger.');
  const disabled = isTrue(context.settings[`AzureWebJobs.${name}.Disabled`]);
  return {
    name,
    triggerName: first[0],
    trigger: readTrigger(first[1], name, context),
    outputs: readOutputs(metadata, context),
    disabled,
    metadata,
  };
}

/** The functions that can run, and the others with the reason why not. `storageOf` throws for a bad connection. */
export function indexFunctions(registered: FunctionMetadata[], settings: Settings, hostJson: HostJson) {
  const storages = new Map<string, Storage>();
  const context: Context = {
    settings,
    hostJson,
    storageOf(connection) {
      const storage = storages.get(connection) ?? connectStorage(settings, connection);
      storages.set(connection, storage);
      return storage;
    },
  };
  const functions: IndexedFunction[] = [];
  const refused: RefusedFunction[] = [];
  for (const metadata of registered) {
    try {
      functions.push(indexOne(metadata, context));
    } catch (error) {
      refused.push({ name: metadata.name, reason: (error as Error).message });
    }
  }
  return { functions, refused, storageOf: context.storageOf };
}
