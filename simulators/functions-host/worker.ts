import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { serveCoreApi, type CoreApi, type CoreInvocationContext, type HookName } from './core-api';
import { loadEntryPoint } from './entry-point';
import type { FromWorker, InvocationRequest, ToWorker } from './rpc';

/** The worker process: like the Azure Functions Node worker, one Node process that loads and runs the app. */

const printError = (text: string) => void writeSync(2, `${text}\n`);
const send = (message: FromWorker) => {
  if (process.connected) process.send?.(message);
};

// As in the real worker, an uncaught error ends the process with every invocation in it, even if the app has a
// handler of its own. Unhandled rejections arrive here too, unless the app handles them.
process.on('uncaughtException', (error) => {
  printError(
    `Worker uncaught exception: ${error instanceof Error ? (error.stack ?? error.message) : inspect(error)}`,
  );
  process.exit(1);
});
// Only the host ends the worker: Ctrl-C reaches the whole process group, and must not cut the work in hand short.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(0));

const appLevelHookData = {};
const appHookData = {};

const readOnly = <T extends object, U extends object>(values: T, writable: U): T & U =>
  Object.defineProperties(
    { ...writable },
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        {
          enumerable: true,
          get: () => value as unknown,
          set() {
            throw new TypeError(`Cannot assign to read only property '${name}'`);
          },
        },
      ]),
    ),
  ) as T & U;

async function start(appDir: string, hostVersion: string): Promise<CoreApi> {
  const core = serveCoreApi(hostVersion, send);
  let error: string | undefined;
  let capabilities: Record<string, string> = {};
  try {
    try {
      await loadEntryPoint(appDir);
    } catch (failure) {
      // The real worker reports a failed start only once the app has registered a function. Before that, the app
      // counts as loaded, without functions.
      printError((failure as Error).stack ?? String(failure));
      if (core.functions.size > 0) throw failure;
    }
    await core.runHooks('appStart', readOnly({ hookData: appLevelHookData, appHookData }, {}));
    capabilities = (await core.model()?.getCapabilities?.({})) ?? {};
  } catch (failure) {
    error = failure instanceof Error ? failure.message : String(failure);
  }
  core.lock();
  const functions = [...core.functions.values()].map(({ metadata }) => metadata);
  // The real protocol carries bindings as JSON.
  send({
    type: 'ready',
    functions: JSON.parse(JSON.stringify(functions)) as typeof functions,
    capabilities,
    ...(error !== undefined && { error }),
  });
  return core;
}

async function run(core: CoreApi, request: InvocationRequest) {
  const registered = core.functions.get(request.functionName);
  const model = core.model();
  if (!registered || !model) throw new Error(`Function code for '${request.functionName}' is not loaded`);
  const { invocationId } = request;
  const invocation = { id: invocationId, context: undefined as unknown };
  const coreContext: CoreInvocationContext = {
    invocationId,
    request,
    metadata: registered.metadata,
    state: undefined,
    log: (level, category, message) => core.log(level, category, message, invocation),
  };
  const hook = async (name: HookName, context: unknown) => {
    coreContext.state = `${name}Hooks`;
    try {
      await core.runHooks(name, context);
    } finally {
      coreContext.state = undefined;
    }
  };

  const invocationModel = await model.getInvocationModel(coreContext);
  const { context, inputs } = await invocationModel.getArguments();
  invocation.context = context;
  const shared = { hookData: {}, appHookData, invocationContext: context };
  const before = readOnly(shared, { functionCallback: registered.handler, inputs });
  await hook('preInvocation', before);
  const after = readOnly(shared, { inputs: before.inputs, result: null as unknown, error: null as unknown });
  coreContext.state = 'invocation';
  try {
    after.result = await invocationModel.invokeFunction(context, before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error;
  } finally {
    coreContext.state = undefined;
  }
  await hook('postInvocation', after);
  if (after.error !== null && after.error !== undefined) throw after.error;
  return invocationModel.getResponse(context, after.result);
}

const asError = (thrown: unknown): Error =>
  thrown instanceof Error
    ? thrown
    : new Error(
        thrown === null || thrown === undefined
          ? 'Unknown error'
          : typeof thrown === 'object'
            ? JSON.stringify(thrown)
            : String(thrown as string),
      );

async function invoke(core: CoreApi, request: InvocationRequest) {
  const { invocationId } = request;
  try {
    send({ type: 'succeeded', invocationId, result: await run(core, request) });
  } catch (thrown) {
    const error = asError(thrown) as Error & { isAzureFunctionsSystemError?: boolean };
    // The real worker also sets a property of the error, so a frozen error throws here and kills the process.
    error.isAzureFunctionsSystemError ??= false;
    // Only message and stack reach the host, not `cause` and `errors`.
    send({ type: 'failed', invocationId, message: error.message, stack: error.stack ?? '' });
  }
}

let core: Promise<CoreApi> | undefined;

async function receive(message: ToWorker): Promise<void> {
  if (message.type === 'init') core = start(message.appDir, message.hostVersion);
  const loaded = await core;
  if (!loaded) return;
  if (message.type === 'invoke') await invoke(loaded, message.request);
  if (message.type === 'terminate') {
    await loaded.runHooks('appTerminate', readOnly({ hookData: appLevelHookData, appHookData }, {}));
    process.exit(0);
  }
}

process.on('message', (message: ToWorker) => void receive(message));
