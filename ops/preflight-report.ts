import type { StepResult } from '../shared/preflight/step';

/** The result of a preflight for the change record. Addresses of services and of the mailboxes; no secret. */
export interface PreflightReport {
  passed: boolean;
  at: string;
  /** Who was signed in. */
  as: string;
  mailbox: string;
  outside: string | null;
  telemessage: string | null;
  graph: string | null;
  keyVault: string | null;
  steps: StepResult[];
}

export function asMarkdown(report: PreflightReport): string {
  const { passed, at, as, mailbox, outside, telemessage, graph, keyVault, steps } = report;
  const facts: [string, string | null][] = [
    ['At', at],
    ['As', as],
    ['Pilot mailbox', mailbox],
    ['Mailbox outside the scope', outside],
    ['TeleMessage', telemessage],
    ['Microsoft Graph', graph],
    ['Key Vault', keyVault],
  ];
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

const cell = (text: string) => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, '<br>');
