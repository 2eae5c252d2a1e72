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

/** Thrown where a command is not given as it should be; the message says what was expected. */
export class UsageError extends Error {}
