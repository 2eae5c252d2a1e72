import { parseArgs, type ParseArgsConfig } from 'node:util';

/** What a verb may use of its environment. */
export interface Shell {
  /** The app's settings. */
  settings: Readonly<Record<string, string | undefined>>;
  /** Prints a line to standard output. */
  print(line: string): void;
}

/** A verb of the operator's command line. */
export interface Verb {
  /** Its options on one line. */
  usage: string;
  summary: string;
  /** One line of help per option. */
  options: string[];
  /**
   * Runs the verb and gives the exit code: 0 if all is well, 1 if not.
   *
   * @throws UsageError if the arguments are wrong
   */
  run(args: string[], shell: Shell): Promise<number>;
}

/** Thrown when a command is used wrongly; the message says what was expected. Exit code 2. */
export class UsageError extends Error {}

/** Reads the options of a verb. @throws UsageError for unknown options and other arguments */
export function readOptions<Options extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: Options,
) {
  try {
    return parseArgs({ args, options, allowPositionals: false, strict: true }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
