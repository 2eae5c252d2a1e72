import { preflightVerb } from './preflight';
import { statusVerb } from './status';

/** What a command may use of the world around it. */
export interface Shell {
  /** The app's settings. */
  settings: Readonly<Record<string, string | undefined>>;
  /** One line of standard output. */
  print(line: string): void;
}

/** One verb of the operator's command line. */
export interface Verb {
  /** Its arguments. */
  usage: string;
  summary: string;
  /** Further lines of the help text, one per option. */
  options: string[];
  /**
   * Does the work and gives the exit code: 0 when all is well, 1 when it is not.
   *
   * @throws UsageError when the arguments are wrong
   */
  run(args: string[], shell: Shell): Promise<number>;
}

/** A new verb is a file of its own and a line here. */
export const verbs: Record<string, Verb> = {
  preflight: preflightVerb,
  status: statusVerb,
};

export class UsageError extends Error {}

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
