import * as z from 'zod';
import { connectorIds } from '../shared/connectors';
import type { Output } from '../terminal/output';

/** What a verb may use of its environment. */
export interface Shell {
  /** The app's settings. */
  settings: Readonly<Record<string, string | undefined>>;
  out: Output;
  /** The bundle that reads items in a thread; beside the running bundle if absent. */
  readWorker?: string | undefined;
  /** Takes the answer to a question; `undefined` where nobody can answer, as in a script. */
  ask?: ((question: string) => Promise<string>) | undefined;
}

/** A verb of the operator's command line. */
export interface Verb {
  /** One word, or two: `quarantine list`. */
  name: string;
  summary: string;
  /** Positional arguments as commander writes them: `<file>`, `[item]`. Each has the name of its field of `input`. */
  arguments?: readonly (readonly [syntax: string, help: string])[];
  /** Options as commander writes them: `--from <day>`. Every verb also has `--json` and `--as-app`. */
  options?: readonly (readonly [syntax: string, help: string])[];
  /** The rights that a person needs for it; docs/permissions.md says which role gives them. */
  needs: string;
  /** Arguments of a typical call. */
  example: string;
  /** Runs the verb and gives the exit code: 0 if all is well, 1 if not. @throws UsageError if the arguments are wrong */
  run(shell: Shell, given: Given): Promise<number>;
}

/** The options and arguments as they were typed. */
export type Given = Readonly<Record<string, unknown>>;

/** What every verb takes. */
export const common = z.object({
  json: z.boolean().default(false),
  asApp: z.boolean().default(false),
});
export type Common = z.infer<typeof common>;

/** Thrown when a command is used wrongly; the message says what was expected. Exit code 2. */
export class UsageError extends Error {}

/** A verb whose input is checked by a schema before it runs. */
export function verb<Shape extends z.ZodRawShape>({
  input,
  run,
  ...rest
}: Omit<Verb, 'run'> & {
  input: Shape;
  run(shell: Shell, input: z.output<z.ZodObject<Shape>> & Common): Promise<number>;
}): Verb {
  const schema = z.strictObject({ ...common.shape, ...input });
  return {
    ...rest,
    async run(shell, given) {
      const parsed = schema.safeParse(given);
      if (parsed.success) return run(shell, parsed.data as z.output<z.ZodObject<Shape>> & Common);
      const [issue] = parsed.error.issues;
      const field = String(issue?.path[0] ?? '');
      const isArgument = rest.arguments?.some(([syntax]) => syntax.slice(1, -1) === field);
      const option = field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      throw new UsageError(`${isArgument ? field : `--${option}`}: ${issue?.message ?? 'not understood'}`);
    },
  };
}

/** A connector by its id. */
export const connectorInput = z.enum(connectorIds, { error: `expected one of ${connectorIds.join(', ')}` });

/** A whole number, typed as text. */
export const wholeInput = z
  .string()
  .regex(/^\d{1,9}$/, 'expected a whole number')
  .transform(Number);
