import { readSettings } from './settings';
import { UsageError } from './verb';
import { usage, verbs } from './verbs';

/** `npm run ops -- VERB …`: the operator's command line. */
async function main(args: string[]): Promise<number> {
  const [name = '', ...rest] = args;
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  try {
    if (!verb) throw new UsageError(name === '' ? 'Expected a verb' : `There is no verb "${name}"`);
    const settings = readSettings(process.env, 'local.settings.json');
    // Where the identity library looks for App Service's endpoint; the Functions host sets it from the file too.
    for (const setting of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'])
      if (settings[setting]) process.env[setting] = settings[setting];
    return await verb.run(rest, { settings, print: (line) => console.log(line) });
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
