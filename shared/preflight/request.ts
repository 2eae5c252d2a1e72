import { z } from 'zod';
import type { AppDeps } from '../deps';
import { preflight } from './preflight';
import type { StepResult } from './step';

const request = z.strictObject({ mailbox: z.string().min(1), outside: z.string().min(1).optional() });

/** What an operator who asks the deployed app gets: the steps, or what is wrong with the question. */
export type PreflightAnswer =
  { status: 200; jsonBody: { steps: StepResult[] } } | { status: 400; jsonBody: { error: string } };

/** Takes the preflight as the app itself: with its identity, from inside its network. Never throws. */
export async function answerPreflight(
  deps: AppDeps,
  readBody: () => Promise<unknown>,
): Promise<PreflightAnswer> {
  const asked = request.safeParse(await readBody().catch(() => undefined));
  if (!asked.success)
    return { status: 400, jsonBody: { error: 'expected JSON: {"mailbox": ADDRESS, "outside"?: ADDRESS}' } };
  return { status: 200, jsonBody: { steps: await preflight(deps, asked.data, () => undefined) } };
}
