import * as z from 'zod';
import { connectorIds, type ConnectorId } from '../connectors';
import type { AppDeps } from '../deps';
import { version } from '../version';
import { entrySteps, scopeStep } from './mailbox-steps';
import { messageSteps } from './message-steps';
import { sourceSteps } from './source-steps';
import {
  described,
  failed,
  ok,
  skipped,
  type Finding,
  type PreflightOptions,
  type Proof,
  type Step,
  type StepResult,
} from './step';
import { storeSteps } from './store-steps';

const settings = { step: 'settings', title: 'Settings' };
const settingsCure =
  'Correct each setting in the parameter file of infra/ and deploy; local.settings.sample.json explains every setting.';

/** The steps after the settings, in the order in which they run. */
const stepsFor = (enabled: readonly ConnectorId[]): Step[] => [
  ...sourceSteps(enabled),
  ...entrySteps,
  ...messageSteps,
  scopeStep,
  ...storeSteps,
];

/**
 * Proves step by step, with the code that archives, that this deployment can archive into one pilot mailbox, and leaves
 * nothing behind in that mailbox. Gives each result as soon as its step has ended. Never throws: an error is the result
 * of its step.
 */
export async function* preflight(
  deps: AppDeps,
  options: PreflightOptions,
): AsyncGenerator<StepResult, void, undefined> {
  yield { ...settings, ...ok(`connectors: ${deps.config.connectors.join(', ')}`) };
  const passed = new Set([settings.step]);
  const steps = stepsFor(deps.config.connectors);
  // The steps find the rest: a step runs only after those whose findings it uses.
  let proof = { deps, options, id: deps.newId(), messageIds: [] as string[] } as Proof;
  for (const step of steps) {
    const missing = step.needs.find((need) => !passed.has(need));
    const { found, ...finding } =
      missing === undefined ? await take(step, proof) : skipped(`needs: ${titleOf(steps, missing)}`);
    if (finding.verdict === 'ok') passed.add(step.id);
    proof = { ...proof, ...found };
    yield { step: step.id, title: step.title, ...finding };
  }
}

async function take(step: Step, proof: Proof): Promise<Finding> {
  const cureFor = (error: unknown) => (typeof step.cure === 'string' ? step.cure : step.cure(error));
  try {
    const finding = await step.run(proof);
    return finding.verdict === 'failed' ? { cure: cureFor(undefined), ...finding } : finding;
  } catch (error) {
    return failed(described(error), cureFor(error));
  }
}

const titleOf = (steps: readonly Step[], id: string) =>
  id === settings.step ? settings.title : (steps.find((step) => step.id === id)?.title ?? id);

/** The results if the settings are refused: no other step can run. `error` names every wrong setting, but no value. */
export function withoutSettings(error: unknown): StepResult[] {
  const detail = error instanceof Error ? error.message : 'the settings could not be read';
  return [
    { ...settings, ...failed(detail, settingsCure) },
    ...stepsFor(connectorIds).map(({ id, title }) => ({
      step: id,
      title,
      ...skipped(`needs: ${settings.title}`),
    })),
  ];
}

const request = z.strictObject({ mailbox: z.string().min(1), outside: z.string().min(1).optional() });

/** The answer to an operator who asks the deployed app: the results, or what is wrong with the request. */
export type PreflightAnswer =
  | { status: 200; jsonBody: { version: string; steps: StepResult[] } }
  | { status: 400; jsonBody: { error: string } };

/** Takes the preflight as the app itself: with its identity, from inside its network. Never throws. */
export async function answerPreflight(
  deps: AppDeps,
  readBody: () => Promise<unknown>,
): Promise<PreflightAnswer> {
  const asked = request.safeParse(await readBody().catch(() => undefined));
  if (!asked.success)
    return { status: 400, jsonBody: { error: 'expected JSON: {"mailbox": ADDRESS, "outside"?: ADDRESS}' } };
  const steps: StepResult[] = [];
  for await (const result of preflight(deps, asked.data)) steps.push(result);
  return { status: 200, jsonBody: { version, steps } };
}
