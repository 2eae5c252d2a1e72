import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import { theApp } from '../storage/audit';
import { version } from '../version';
import { mappingInForce } from './mapping-in-force';

type Stage = Pick<Deps, 'config' | 'runs' | 'mappings' | 'audit' | 'emit' | 'now'>;

const iso = (ms: number) => new Date(ms).toISOString();

/** Writes down on the audit trail that the app runs with other settings, or another release, than when it last looked. */
export async function reviewSettings(deps: Stage): Promise<void> {
  const now: Record<string, string> = { ...deps.config.shown, version };
  const last = await deps.runs.lastSettings();
  const names = Object.keys({ ...last, ...now }).filter((name) => last?.[name] !== now[name]);
  if (last && names.length === 0) return;
  const part = (of: Record<string, string> | undefined) =>
    Object.fromEntries(names.map((name) => [name, of?.[name] ?? '']));
  const what = { act: 'settingsChanged' as const, before: part(last), after: part(now) };
  await deps.audit.append(theApp, what, iso(deps.now()));
  await deps.runs.saveSettings(now);
}

/** Looks at the stored mapping file, even if no item needs it, and writes a new one down on the audit trail. */
export async function reviewMapping(deps: Stage, connector: ConnectorId): Promise<void> {
  if (!deps.config.perConnector[connector].customMapping) return;
  await mappingInForce(deps, connector);
  const inForce = await deps.runs.mappings.inForce(connector);
  const before = (await deps.runs.mappings.audited(connector)) ?? null;
  if (!inForce || before === inForce.sha256) return;
  const { sha256: after, rows } = inForce;
  await deps.audit.append(theApp, { act: 'mappingChanged', connector, before, after, rows }, iso(deps.now()));
  await deps.runs.mappings.noteAudited(connector, after);
}
