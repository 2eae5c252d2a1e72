import { parseArgs } from 'node:util';
import { connectorIds, type ConnectorId } from '../shared/connectors';
import { faultPlans, type FaultPlanName } from './fault-plans';
import { portNames, type PortName } from './stack';

export interface Options {
  /** Import one window, report, stop. */
  once: boolean;
  window: { from: string; to: string };
  mapping: Partial<Record<ConnectorId, string>>;
  quarantine: string | undefined;
  data: string | undefined;
  json: boolean;
  verbose: boolean;
  /** Start no functions host, but prepare for `func start`. */
  func: boolean;
  faults: FaultPlanName | undefined;
  ports: Partial<Record<PortName, number>>;
}

/** Thrown when the command line is wrong. */
export class UsageError extends Error {}

export const usage = `npm run demo  [-- OPTIONS]   import the sample day of both connectors, then stop
npm run local [-- OPTIONS]   run the stack until Ctrl-C

  --once               import one window of every enabled connector, then stop
  --from ISO --to ISO  the window, with --once; at most 24 hours
  --mapping C=FILE     custom mapping of a connector (${connectorIds.join(', ')}); can be given for each
  --quarantine FILE    write one JSON line per quarantined item
  --data DIR           keep storage and mailboxes there (otherwise in memory)
  --faults NAME        let the simulators fail: ${Object.keys(faultPlans).join(', ')}
  --port PART=NUMBER   a fixed port (${portNames.join(', ')}); otherwise a free one
  --func               start no functions host; write local.settings.json for func start
  --json               the last line of standard output is one JSON object
  --verbose            print the output of all parts to standard error`;

/** The day of `npm run demo`. */
const demoWindow = { from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' };
const dayMs = 24 * 60 * 60 * 1000;

/** Reads the command line. @throws UsageError that says what was expected and what was found */
export function readOptions(args: string[]): Options {
  const { values, positionals } = parse(args);
  const [verb, ...rest] = positionals;
  if (rest.length > 0 || (verb !== undefined && verb !== 'demo'))
    throw new UsageError(`Expected only options, found "${positionals.join(' ')}"`);
  const demo = verb === 'demo';
  const once = demo || (values.once ?? false);
  if ((values.from === undefined) !== (values.to === undefined))
    throw new UsageError('--from and --to must be given together');
  if (!once && values.from !== undefined) throw new UsageError('--from and --to need --once');
  if (once && values.func) throw new UsageError('--func and --once cannot be combined');
  if (once && !demo && values.from === undefined) throw new UsageError('--once needs --from and --to');
  if (values.faults !== undefined && !(values.faults in faultPlans))
    throw new UsageError(
      `--faults: expected one of ${Object.keys(faultPlans).join(', ')}, found "${values.faults}"`,
    );
  return {
    once,
    window: values.from === undefined ? demoWindow : readWindow(values.from, values.to!),
    mapping: Object.fromEntries((values.mapping ?? []).map(readMapping)),
    ports: Object.fromEntries((values.port ?? []).map(readPort)),
    quarantine: values.quarantine,
    data: values.data ?? (once ? undefined : '.data/local'),
    json: values.json ?? false,
    verbose: values.verbose ?? false,
    func: values.func ?? false,
    faults: values.faults as FaultPlanName | undefined,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        once: { type: 'boolean' },
        from: { type: 'string' },
        to: { type: 'string' },
        mapping: { type: 'string', multiple: true },
        port: { type: 'string', multiple: true },
        quarantine: { type: 'string' },
        data: { type: 'string' },
        faults: { type: 'string' },
        json: { type: 'boolean' },
        verbose: { type: 'boolean' },
        func: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function readWindow(from: string, to: string): Options['window'] {
  const [fromMs, toMs] = [instant('--from', from), instant('--to', to)];
  if (toMs <= fromMs) throw new UsageError('--to must be later than --from');
  if (toMs - fromMs > dayMs) throw new UsageError('--from to --to: expected at most 24 hours');
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

function instant(name: string, text: string): number {
  const ms = /^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new UsageError(`${name}: expected an instant such as 2026-11-20T00:00:00Z, found "${text}"`);
  return ms;
}

function readMapping(text: string): [ConnectorId, string] {
  const [connector, ...file] = text.split('=');
  const known = connectorIds.find((id) => id === connector);
  if (!known || file.join('=') === '')
    throw new UsageError(
      `--mapping: expected CONNECTOR=FILE.csv (${connectorIds.join(', ')}), found "${text}"`,
    );
  return [known, file.join('=')];
}

function readPort(text: string): [PortName, number] {
  const [name, number = ''] = text.split('=');
  const known = portNames.find((port) => port === name);
  const port = /^\d{1,5}$/.test(number) ? Number(number) : 0;
  if (!known || port < 1 || port > 65_535)
    throw new UsageError(`--port: expected PART=NUMBER (${portNames.join(', ')}), found "${text}"`);
  return [known, port];
}
