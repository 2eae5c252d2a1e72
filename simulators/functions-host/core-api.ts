import { Module } from 'node:module';
import type { FromWorker, FunctionMetadata, InvocationRequest, InvocationResult, LogLevel } from './rpc';

/** The module `@azure/functions-core`, which the worker gives to the app, and what the app registers in it. */

export interface CoreInvocationContext {
  invocationId: string;
  request: InvocationRequest;
  metadata: FunctionMetadata;
  state: string | undefined;
  log(level: LogLevel, category: 'user' | 'system', message: string): void;
}

export type Handler = (...inputs: unknown[]) => unknown;

interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], handler: Handler): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResult>;
}

interface ProgrammingModel {
  name: string;
  version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel | Promise<InvocationModel>;
  getCapabilities?(own: Record<string, string>): Promise<Record<string, string>>;
}

export type HookName = 'appStart' | 'appTerminate' | 'preInvocation' | 'postInvocation' | 'log';
type Hook = (context: unknown) => unknown;

const systemError = (message: string) =>
  Object.assign(new Error(message), { isAzureFunctionsSystemError: true });

/** Call it once: it patches `require` for the whole process. */
export function serveCoreApi(hostVersion: string, send: (message: FromWorker) => void) {
  const functions = new Map<string, { metadata: FunctionMetadata; handler: Handler }>();
  const hooks: Record<HookName, Hook[]> = {
    appStart: [],
    appTerminate: [],
    preInvocation: [],
    postInvocation: [],
    log: [],
  };
  let model: ProgrammingModel | undefined;
  let locked = false;

  const disposable = (dispose: () => void) => ({ dispose });

  function log(
    level: LogLevel,
    category: 'user' | 'system',
    message: string,
    invocation?: { id: string; context: unknown },
  ) {
    const line = { level, message };
    if (category === 'user') {
      const context = {
        hookData: {},
        appHookData: {},
        category,
        invocationContext: invocation?.context,
        get level() {
          return line.level;
        },
        set level(value) {
          line.level = value;
        },
        get message() {
          return line.message;
        },
        set message(value) {
          line.message = value;
        },
      };
      for (const hook of hooks.log) hook(context);
    }
    send({ type: 'log', category, ...line, ...(invocation && { invocationId: invocation.id }) });
  }

  const api = {
    version: '3.9.1',
    hostVersion,
    registerFunction(metadata: FunctionMetadata, handler: Handler) {
      if (locked) throw systemError('A function can only be registered during app startup.');
      functions.set(metadata.name, { metadata, handler });
      return disposable(() => {
        if (locked) throw systemError('A function can only be disposed during app startup.');
        functions.delete(metadata.name);
      });
    },
    registerHook(name: string, hook: Hook) {
      const list = hooks[name as HookName] as Hook[] | undefined;
      if (!list) throw Object.assign(new RangeError(`Unrecognized hook "${name}"`), systemError(''));
      list.push(hook);
      return disposable(() => void (list.includes(hook) && list.splice(list.indexOf(hook), 1)));
    },
    setProgrammingModel(value: ProgrammingModel) {
      model = value;
    },
    getProgrammingModel: () => model,
    log: (level: LogLevel, category: 'user' | 'system', message: string) => log(level, category, message),
    Disposable: class Disposable {
      static from = (...all: { dispose(): void }[]) => disposable(() => all.forEach((one) => one.dispose()));
      constructor(readonly dispose: () => void) {}
    },
  };

  // The real worker does the same: the module is not on disk, so only a patched `require` can find it.
  const proto = Module.prototype as unknown as { require(this: unknown, id: string): unknown };
  const original = proto.require;
  proto.require = function (id) {
    return id === '@azure/functions-core' ? api : original.call(this, id);
  };

  return {
    functions,
    log,
    model: () => model,
    lock() {
      locked = true;
    },
    async runHooks(name: HookName, context: unknown) {
      for (const hook of hooks[name]) await hook(context);
    },
  };
}

export type CoreApi = ReturnType<typeof serveCoreApi>;
