import { readSettings } from './app';
import { preflightVerb } from './preflight';
import { statusVerb } from './status';
import { UsageError, type Verb } from './verb';

/** `npm run ops -- VERB …`: the operator's command line. To add a verb, add a file and a line here. */
const verbs: Record<string, Verb> = {
  preflight: preflightVerb,
  status: statusVerb,
};

const usage = (): string =>
  [
    'npm run ops -- VERB [OPTIONS]',
    ...Object.entries(verbs).flatMap(([name, { usage: parameters, summary, options }]) => [
      '',
      `  ${name} ${parameters}`,
      `      ${summary}`,
      ...options.map((option) => `      ${option}`),
    ]),
    '',
    'The settings are those of the app: from the environment, or else from local.settings.json.',
  ].join('\n');

async function main([name = '', ...args]: string[]): Promise<number> {
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  try {
    if (!verb) throw new UsageError(name === '' ? 'Expected a verb' : `There is no verb "${name}"`);
    const settings = readSettings(process.env, 'local.settings.json');
    // The identity library reads App Service's endpoint from the environment, so settings from the file must go there.
    for (const setting of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'])
      if (settings[setting]) process.env[setting] = settings[setting];
    return await verb.run(args, { settings, print: (line) => console.log(line) });
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${usage()}`);
      return 2;
    }
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
