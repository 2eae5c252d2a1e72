import { writeFile } from 'node:fs/promises';
import { preflight, withoutSettings } from '../shared/preflight/preflight';
import type { StepResult } from '../shared/preflight/step';
import { asAppHelp, asAppOption, openApp, whoIs } from './app';
import { readOptions } from './options';
import { asMarkdown, type PreflightReport } from './preflight-report';
import { startSimulation } from './simulate';
import { UsageError, type Shell, type Verb } from './verb';

const options = {
  mailbox: { type: 'string' },
  outside: { type: 'string' },
  json: { type: 'boolean', default: false },
  report: { type: 'string' },
  simulate: { type: 'boolean', default: false },
  through: { type: 'string' },
  ...asAppOption,
} as const;

/** Proves that this deployment can archive; docs/preflight.md describes every step. */
export const preflightVerb: Verb = {
  usage:
    '--mailbox ADDRESS [--outside ADDRESS] [--report FILE] [--json] [--through URL | --as-app | --simulate]',
  summary: 'proves step by step that this deployment can archive, with one pilot mailbox',
  options: [
    '--mailbox        a user who is archived; items are made there, read back and removed',
    '--outside        a user who is not: the mailbox must be closed to the app',
    '--report FILE    the result for the change record: JSON when FILE ends in .json, else Markdown',
    '--json           the last line of standard output is one JSON object',
    '--through URL    asks the deployed app, which answers as itself; its master key stands in ARCHIVER_KEY',
    '--simulate       against the simulators on this machine and two of their people, to see what it does',
    asAppHelp,
  ],

  async run(args, shell) {
    const { simulate, ...given } = readOptions(args, options);
    if (!simulate) return prove(given, shell);
    const { settings, mailbox, outside, close } = await startSimulation();
    try {
      return await prove({ mailbox, outside, ...given }, { ...shell, settings });
    } finally {
      await close();
    }
  },
};

interface Given {
  mailbox?: string | undefined;
  outside?: string | undefined;
  report?: string | undefined;
  json: boolean;
  through?: string | undefined;
  'as-app': boolean;
}

async function prove(given: Given, shell: Shell): Promise<number> {
  const { mailbox, outside, json, through, report: file, 'as-app': asApp } = given;
  if (!mailbox) throw new UsageError('preflight needs --mailbox');
  if (outside?.toLowerCase() === mailbox.toLowerCase())
    throw new UsageError('--outside must be another mailbox than --mailbox');
  const at = new Date().toISOString();
  const signedIn = through ? { words: `the deployed app at ${through}` } : whoIs(shell.settings, asApp);
  shell.print(`Preflight with ${mailbox}, as ${signedIn.words}\n`);

  const steps = through
    ? await askApp(shell, through, { mailbox, outside })
    : await takeSteps(shell, asApp, { mailbox, outside });
  const report: PreflightReport = {
    passed: steps.every(({ verdict }) => verdict !== 'failed'),
    at,
    as: signedIn.words,
    mailbox,
    outside: outside ?? null,
    telemessage: shell.settings['TELEMESSAGE_BASE_URL'] ?? null,
    graph: shell.settings['GRAPH_BASE_URL'] ?? null,
    keyVault: shell.settings['KEY_VAULT_URL'] ?? null,
    steps,
  };
  const count = (verdict: StepResult['verdict']) => steps.filter((step) => step.verdict === verdict).length;
  shell.print(
    `\n${report.passed ? 'Passed' : 'FAILED'}: ${count('ok')} ok, ${count('failed')} failed, ${count('skipped')} skipped.`,
  );
  const text = file?.endsWith('.json') ? `${JSON.stringify(report, null, 2)}\n` : asMarkdown(report);
  if (file !== undefined) await writeFile(file, text);
  if (json) shell.print(JSON.stringify(report));
  return report.passed ? 0 : 1;
}

async function takeSteps(
  shell: Shell,
  asApp: boolean,
  mailboxes: { mailbox: string; outside?: string | undefined },
) {
  const show = (result: StepResult) => showStep(shell, result);
  let deps: ReturnType<typeof openApp>['deps'];
  try {
    ({ deps } = openApp(shell, asApp));
  } catch (error) {
    return withoutSettings(error, show);
  }
  try {
    return await preflight(deps, mailboxes, show);
  } finally {
    await deps.mailParser.close();
  }
}

/** The app takes the steps; a request that it holds up for minutes is cut off by Azure at four. */
async function askApp(
  shell: Shell,
  app: string,
  mailboxes: { mailbox: string; outside?: string | undefined },
): Promise<StepResult[]> {
  if (!URL.canParse(app))
    throw new UsageError('--through: expected a URL such as https://APP.azurewebsites.net');
  const key = process.env['ARCHIVER_KEY'];
  if (!key && app.startsWith('https:'))
    throw new UsageError('--through needs the master key of the app in ARCHIVER_KEY');
  const response = await fetch(new URL('/api/preflight', app), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-functions-key': key ?? '' },
    body: JSON.stringify(mailboxes),
    redirect: 'error',
  });
  if (response.status === 401)
    throw new UsageError('The app refused the key in ARCHIVER_KEY: expected its master key');
  if (!response.ok)
    throw new Error(
      `The app did not take the preflight (${response.status}); is it published, and its settings accepted?`,
    );
  const { steps } = (await response.json()) as { steps: StepResult[] };
  for (const step of steps) showStep(shell, step);
  return steps;
}

function showStep({ print }: Shell, { verdict, title, detail, cure }: StepResult): void {
  const indent = ' '.repeat(11);
  print(`  ${verdict.padEnd(9)}${title}: ${detail.replaceAll('\n', `\n${indent}`)}`);
  if (cure !== undefined) print(`${indent}→ ${cure}`);
}
