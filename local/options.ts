import { Command, CommanderError } from 'commander';
import { connectorIds, type ConnectorId } from '../shared/connectors';
import { faultPlans, type FaultPlanName } from './fault-plans';
import { portNames, type PortName } from './stack';

export interface Options {
  /** The sample day, shown on one screen. */
  demo: boolean;
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

/** The day of `npm run demo`. */
const demoWindow = { from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' };
const dayMs = 24 * 60 * 60 * 1000;

interface Typed {
  once?: true;
  from?: string;
  to?: string;
  mapping?: string[];
  port?: string[];
  quarantine?: string;
  data?: string;
  faults?: string;
  json?: true;
  verbose?: true;
  func?: true;
}

/** Thrown when the command line asks for help; the message is the help. */
export class HelpWanted extends Error {}

const collect = (value: string, before: string[] = []) => [...before, value];

/** Reads the command line. @throws UsageError that says what was expected and what was found; HelpWanted */
export function readOptions(args: string[]): Options {
  const demo = args[0] === 'demo';
  const values = parse(demo ? args.slice(1) : args, demo);
  const once = demo || (values.once ?? false);
  if ((values.from === undefined) !== (values.to === undefined))
    throw new UsageError('--from and --to must be given together');
  if (!once && values.from !== undefined) throw new UsageError('--from and --to need --once');
  if (once && values.func) throw new UsageError('--func and --once cannot be combined');
  if (once && !demo && values.from === undefined) throw new UsageError('--once needs --from and --to');
  if (!once && values.quarantine !== undefined) throw new UsageError('--quarantine needs --once');
  if (values.faults !== undefined && !(values.faults in faultPlans))
    throw new UsageError(
      `--faults: expected one of ${Object.keys(faultPlans).join(', ')}, found "${values.faults}"`,
    );
  return {
    demo,
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

function parse(args: string[], demo: boolean): Typed {
  let said = '';
  const command = new Command(demo ? 'npm run demo --' : 'npm run local --')
    .description(
      demo
        ? 'Imports the sample day of both connectors, shows the result, and stops.'
        : 'Runs the whole system on this machine until Ctrl-C.',
    )
    .option('--once', 'import one window of every enabled connector, then stop')
    .option('--from <iso>', 'start of the window, with --once')
    .option('--to <iso>', 'end of the window, with --once; at most 24 hours later')
    .option(
      '--mapping <c=file>',
      `custom mapping of a connector (${connectorIds.join(', ')}); for each once`,
      collect,
    )
    .option('--quarantine <file>', 'with --once: write one JSON line per quarantined item')
    .option('--data <dir>', 'keep storage and mailboxes there (with --once, otherwise in memory)')
    .option('--faults <name>', `let the simulators fail: ${Object.keys(faultPlans).join(', ')}`)
    .option('--port <part=number>', `a fixed port (${portNames.join(', ')}); otherwise a free one`, collect)
    .option('--func', 'start no functions host; write local.settings.json for func start')
    .option('--json', 'the last line of standard output is one JSON object')
    .option('--verbose', 'print the output of all parts to standard error')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: (text) => (said += text), writeOut: (text) => (said += text) });
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) throw new HelpWanted(said.trimEnd());
    throw new UsageError(said.trim().replace(/^error: /, '') || String(error));
  }
  return command.opts<Typed>();
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
