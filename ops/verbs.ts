import { preflightVerb } from './preflight';
import { statusVerb } from './status';
import type { Verb } from './verb';

/** A new verb is a file of its own and a line here. */
export const verbs: Record<string, Verb> = {
  preflight: preflightVerb,
  status: statusVerb,
};

export const usage = (): string =>
  [
    'npm run ops -- VERB [OPTIONS]',
    ...Object.entries(verbs).flatMap(([name, { usage: parameters, summary, options }]) => [
      '',
      `  ${name} ${parameters}`,
      `      ${summary}`,
      ...options.map((option) => `      ${option}`),
    ]),
    '',
    'The settings are those of the app: from the environment, else from local.settings.json.',
  ].join('\n');
