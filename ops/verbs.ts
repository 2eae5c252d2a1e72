import { preflightVerb } from './preflight';
import { statusVerb } from './status';
import type { Verb } from './verb';
import { verifyVerb } from './verify';

/** The verbs of the command line. To add one, add a file and a line here. */
export const verbs: readonly Verb[] = [statusVerb, preflightVerb, verifyVerb];
