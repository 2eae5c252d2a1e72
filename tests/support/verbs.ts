import { appBundle } from '../../local/bundles';
import { createOutput } from '../../terminal/output';
import type { Shell, Verb } from '../../ops/verb';

export interface VerbResult {
  code: number;
  lines: string[];
  text: string;
  /** The last line, parsed; of a call with `--json`. */
  json: unknown;
}

/** Runs a verb as the command line does: `--name value`, flags, and arguments in the order of the verb. */
export async function runVerb(
  verb: Verb,
  args: readonly string[],
  settings: Record<string, string | undefined>,
  ask?: Shell['ask'],
): Promise<VerbResult> {
  const written: string[] = [];
  const out = createOutput({ write: (text: string) => written.push(text) > 0 }, {});
  const readWorker = appBundle('read-worker');
  const code = await verb.run({ settings, out, ask, readWorker }, given(verb, args));
  const lines = written.join('').split('\n').slice(0, -1);
  const last = lines.at(-1) ?? '';
  return {
    code,
    lines,
    text: lines.join('\n'),
    json: args.includes('--json') ? JSON.parse(last) : undefined,
  };
}

function given(verb: Verb, args: readonly string[]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const names = (verb.arguments ?? []).map(([syntax]) => syntax.replace(/[<>[\].]/g, ''));
  for (let at = 0; at < args.length; at++) {
    const [, option] = /^--(.+)$/.exec(args[at]!) ?? [];
    if (option === undefined) found[names.shift()!] = args[at];
    else {
      const name = option.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      const isFlag = args[at + 1] === undefined || args[at + 1]!.startsWith('--');
      found[name] = isFlag || name === 'json' ? true : args[++at];
    }
  }
  return found;
}
