import { writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { preflight, withoutSettings } from '../shared/preflight/preflight';
import type { PreflightOptions, StepResult } from '../shared/preflight/step';
import { version as ownVersion } from '../shared/version';
import { openApp, signInOf } from './app';
import { startSimulation } from './simulate';
import { UsageError, verb, type Shell } from './verb';

/** Proves that this deployment can archive; docs/preflight.md describes every step. */
export const preflightVerb = verb({
  name: 'preflight',
  summary: 'proves step by step that this deployment can archive, with one pilot mailbox',
  options: [
    ['--mailbox <address>', 'a user who is archived; test items are created there, read back and removed'],
    ['--outside <address>', 'a user who is not archived; the app must not be able to enter this mailbox'],
    ['--report <file>', 'write the result for the change record: JSON if FILE ends in .json, else Markdown'],
    ['--through <url>', 'ask the deployed app, which signs in as itself; set its master key as ARCHIVER_KEY'],
    ['--simulate', 'use the simulators on this machine and two of their users, to see what it does'],
  ],
  needs: 'what the app has: it proves the rights of whoever signs in',
  example: '--mailbox pilot@contoso.example --outside ceo@contoso.example --report preflight.md',
  input: {
    mailbox: z.string().optional(),
    outside: z.string().optional(),
    report: z.string().optional(),
    through: z.string().optional(),
    simulate: z.boolean().default(false),
  },
  async run(shell, { simulate, ...given }) {
    if (!simulate) return prove(given, shell);
    const { settings, mailbox, outside, close } = await startSimulation();
    try {
      return await prove({ mailbox, outside, ...given }, { ...shell, settings });
    } finally {
      await close();
    }
  },
});

/** The result of a preflight for the change record. It contains addresses of services and mailboxes, but no secret. */
export interface PreflightReport {
  passed: boolean;
  at: string;
  /** The release that ran the steps; null if the deployed app is too old to name it. */
  version: string | null;
  /** Who was signed in. */
  as: string;
  mailbox: string;
  outside: string | null;
  telemessage: string | null;
  graph: string | null;
  keyVault: string | null;
  steps: StepResult[];
}

interface Given {
  mailbox?: string | undefined;
  outside?: string | undefined;
  report?: string | undefined;
  json: boolean;
  through?: string | undefined;
  asApp: boolean;
}

async function prove(given: Given, shell: Shell): Promise<number> {
  const { mailbox, outside, json, through, report: file, asApp } = given;
  const { settings, out } = shell;
  const { print } = out;
  if (!mailbox) throw new UsageError('preflight needs --mailbox');
  if (outside?.toLowerCase() === mailbox.toLowerCase())
    throw new UsageError('--outside must be another mailbox than --mailbox');
  const at = new Date().toISOString();
  const as = through ? `the deployed app at ${through}` : signInOf(settings, asApp).name;
  print(`Preflight with ${mailbox}, as ${as}\n`);

  const { version, results } = through
    ? await askApp(through, { mailbox, outside })
    : { version: ownVersion, results: runSteps(settings, asApp, { mailbox, outside }) };
  const steps: StepResult[] = [];
  for await (const result of results) {
    showStep(shell, result);
    steps.push(result);
  }
  const report: PreflightReport = {
    passed: steps.every(({ verdict }) => verdict !== 'failed'),
    at,
    version,
    as,
    mailbox,
    outside: outside ?? null,
    telemessage: settings['TELEMESSAGE_BASE_URL'] ?? null,
    graph: settings['GRAPH_BASE_URL'] ?? null,
    keyVault: settings['KEY_VAULT_URL'] ?? null,
    steps,
  };
  const count = (verdict: StepResult['verdict']) => steps.filter((step) => step.verdict === verdict).length;
  print(
    `\n${report.passed ? 'Passed' : 'FAILED'}: ${count('ok')} ok, ${count('failed')} failed, ${count('skipped')} skipped.`,
  );
  if (file !== undefined)
    await writeFile(
      file,
      file.endsWith('.json') ? `${JSON.stringify(report, null, 2)}\n` : asMarkdown(report),
    );
  if (json) print(JSON.stringify(report));
  return report.passed ? 0 : 1;
}

/** Takes the steps from this machine. */
async function* runSteps(settings: Shell['settings'], asApp: boolean, mailboxes: PreflightOptions) {
  let deps: ReturnType<typeof openApp>;
  try {
    deps = openApp(settings, asApp);
  } catch (error) {
    yield* withoutSettings(error);
    return;
  }
  try {
    yield* preflight(deps, mailboxes);
  } finally {
    await deps.itemReader.close();
  }
}

/** Lets the deployed app take the steps; their results come together. Azure cuts off a request after four minutes. */
async function askApp(app: string, mailboxes: PreflightOptions) {
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
      `The app did not run the preflight (status ${response.status}). Is it published, and are its settings accepted?`,
    );
  const { version = null, steps } = (await response.json()) as { version?: string; steps: StepResult[] };
  return { version, results: steps };
}

function showStep({ out: { print } }: Shell, { verdict, title, detail, cure }: StepResult): void {
  const indent = ' '.repeat(11);
  print(`  ${verdict.padEnd(9)}${title}: ${detail.replaceAll('\n', `\n${indent}`)}`);
  if (cure !== undefined) print(`${indent}→ ${cure}`);
}

function asMarkdown(report: PreflightReport): string {
  const { passed, at, version, as, mailbox, outside, telemessage, graph, keyVault, steps } = report;
  const facts: [string, string | null][] = [
    ['At', at],
    ['Version', version ?? 'unknown'],
    ['As', as],
    ['Pilot mailbox', mailbox],
    ['Mailbox outside the scope', outside],
    ['TeleMessage', telemessage],
    ['Microsoft Graph', graph],
    ['Key Vault', keyVault],
  ];
  const cell = (text: string) => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, '<br>');
  return [
    `# Preflight: ${passed ? 'passed' : 'FAILED'}`,
    '',
    ...facts.map(([name, value]) => `- ${name}: ${value ?? 'not given'}`),
    '',
    '| verdict | step | finding | cure |',
    '| --- | --- | --- | --- |',
    ...steps.map(
      ({ verdict, title, detail, cure = '' }) =>
        `| ${[verdict, title, detail, cure].map(cell).join(' | ')} |`,
    ),
    '',
  ].join('\n');
}
