import { createInterface } from 'node:readline/promises';
import { Command, CommanderError } from 'commander';
import { version } from '../shared/version';
import { createOutput } from '../terminal/output';
import { findSettings } from './app';
import { UsageError, type Verb } from './verb';
import { verbs } from './verbs';

/** `npm run ops -- VERB …`: the operator's command line. */

const exitCodes = 'Exit codes: 0 all is well, 1 something is not, 2 used wrongly.';
const asAppHelp =
  'sign in as the managed identity; otherwise as the user of "az login", unless IDENTITY_ENDPOINT is set';

/** The program; `run` gets the verb and what was typed. */
function programOf(run: (verb: Verb, given: Record<string, unknown>) => Promise<void>): Command {
  const program = new Command('npm run ops --')
    .description('Operates the archive and proves what is in it.')
    .version(version)
    .helpCommand(false)
    .addHelpText('after', `\n${exitCodes} Help for a verb: npm run ops -- VERB --help\n${settingsHelp}`);
  const groups = new Map<string, Command>();
  for (const verb of verbs) {
    const [first = '', second] = verb.name.split(' ');
    const group = groups.get(first);
    const parent =
      second === undefined
        ? program
        : (group ?? program.command(first).helpCommand(false).description(summaryOf(first)));
    if (second !== undefined) groups.set(first, parent);
    const command = parent.command(second ?? first).description(verb.summary);
    for (const [syntax, help] of verb.arguments ?? []) command.argument(syntax, help);
    for (const [syntax, help] of verb.options ?? []) command.option(syntax, help);
    command
      .option('--json', 'the last line of standard output is one JSON object')
      .option('--settings <file>', 'the settings of the archive, in the form of local.settings.json')
      .option('--as-app', asAppHelp)
      .addHelpText(
        'after',
        `\nExample:\n  npm run ops -- ${verb.name} ${verb.example}\n\nNeeds ${verb.needs}.\n${exitCodes}`,
      )
      .action(async () => {
        const values = command.processedArgs as unknown[];
        const names = (verb.arguments ?? []).map(([syntax]) => syntax.replace(/[<>[\].]/g, ''));
        const named = names.map((name, index) => [name, values[index]]);
        const given = {
          ...command.opts(),
          ...Object.fromEntries(named.filter(([, value]) => value !== undefined)),
        };
        await run(verb, given as Record<string, unknown>);
      });
  }
  return program;
}

const settingsHelp =
  'The settings are those of the app: from the environment, the local stack of this checkout while it runs, or local.settings.json.';
const summaryOf = (group: string) =>
  verbs
    .filter(({ name }) => name.startsWith(`${group} `))
    .map(({ name }) => name.split(' ')[1])
    .join(', ');

async function main(args: string[]): Promise<number> {
  const out = createOutput(process.stdout, process.env, process.stderr);
  let code = 0;
  const program = programOf(async (verb, { settings: file, ...given }) => {
    const { settings, name } = findSettings(process.env, file as string | undefined);
    // The identity library reads App Service's endpoint from the environment, so settings from a file must go there.
    for (const setting of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'])
      if (settings[setting]) process.env[setting] = settings[setting];
    if (process.stderr.isTTY) console.error(out.faint(`Archive: ${name}`));
    const ask = process.stdin.isTTY
      ? async (question: string) => {
          const terminal = createInterface({ input: process.stdin, output: process.stderr });
          return terminal.question(question).finally(() => terminal.close());
        }
      : undefined;
    code = await verb.run({ settings, out, ask }, given);
  });
  const all = [program, ...program.commands.flatMap((command) => [command, ...command.commands])];
  for (const command of all) command.exitOverride().showSuggestionAfterError();
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    console.error(error instanceof Error ? error.message : error);
    return error instanceof UsageError ? 2 : 1;
  }
}

// The reader of the output may end first, as `head` does.
process.stdout.on('error', () => process.exit());
void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
