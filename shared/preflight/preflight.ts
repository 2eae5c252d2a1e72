import { connectorIds, type ConnectorId } from '../connectors';
import type { AppDeps } from '../deps';
import { entrySteps, removalStep, scopeStep } from './mailbox-steps';
import { messageSteps } from './message-steps';
import { sourceSteps, storeSteps } from './source-steps';
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

const settings = { step: 'settings', title: 'Settings' };
const settingsCure =
  'Correct each in the parameter file of infra/ and deploy; local.settings.sample.json explains every setting.';

/** The steps after the settings, in the order in which they are taken. */
const stepsFor = (enabled: readonly ConnectorId[]): Step[] => [
  ...sourceSteps(enabled),
  ...entrySteps,
  ...messageSteps,
  removalStep,
  scopeStep,
  ...storeSteps,
];

/**
 * Proves, step by step and by the code that archives, that this deployment can archive into one pilot mailbox, and
 * leaves nothing behind in it. Never throws: whatever goes wrong is the finding of its step. `report` hears of
 * each result as it comes.
 */
export async function preflight(
  deps: AppDeps,
  options: PreflightOptions,
  report: (result: StepResult) => void,
): Promise<StepResult[]> {
  const proof: Proof = {
    deps,
    options,
    id: deps.newId(),
    userId: '',
    folderId: '',
    messageIds: [],
    first: undefined,
  };
  const results: StepResult[] = [];
  const add = (result: StepResult) => {
    results.push(result);
    report(result);
  };
  add({ ...settings, ...ok(`connectors: ${deps.config.connectors.join(', ')}`) });
  const steps = stepsFor(deps.config.connectors);
  for (const step of steps) {
    const missing = step.needs.find(
      (need) => results.find((result) => result.step === need)?.verdict !== 'ok',
    );
    const finding =
      missing === undefined ? await take(step, proof) : skipped(`needs: ${titleOf(steps, missing)}`);
    add({ step: step.id, title: step.title, ...finding });
  }
  return results;
}

/** The results where the settings are refused, so that nothing else can be tried. */
export function withoutSettings(error: unknown, report: (result: StepResult) => void): StepResult[] {
  // Every problem has a line of its own; none holds a value.
  const detail = error instanceof Error ? error.message : 'the settings could not be read';
  const results: StepResult[] = [
    { ...settings, ...failed(detail, settingsCure) },
    ...stepsFor(connectorIds).map(({ id, title }) => ({
      step: id,
      title,
      ...skipped(`needs: ${settings.title}`),
    })),
  ];
  for (const result of results) report(result);
  return results;
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
