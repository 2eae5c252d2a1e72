import { preflightVerb } from '../../ops/preflight';
import type { PreflightReport } from '../../ops/preflight';
import { version } from '../../package.json';
import { exceptions, staff } from '../../simulators/samples/organisation';
import { startStack, type Stack } from '../../local/stack';
import { runVerb } from '../support/verbs';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ settings: {} });
}, 60_000);
afterAll(() => stack.close());

const ask = async (...args: string[]) => {
  return runVerb(preflightVerb, ['--through', stack.addresses['functions host']!, ...args], {});
};

test('runs the preflight in the deployed app, which signs in as itself', async () => {
  const pilot = staff[0]!.user.userPrincipalName;
  const outside = exceptions.outOfScope.user.userPrincipalName;
  const { code, lines } = await ask('--mailbox', pilot, '--outside', outside, '--json');
  expect(lines.filter((line) => line.startsWith('  failed'))).toEqual([]);
  expect(code).toBe(0);
  expect(lines[0]).toContain('as the deployed app at');
  const report = JSON.parse(lines.at(-1)!) as PreflightReport;
  expect(report.version).toBe(version);
  const { steps } = report;
  expect(steps.find(({ step }) => step === 'mailbox')).toMatchObject({ verdict: 'ok' });
  expect(steps.length).toBeGreaterThan(20);
});

test('is answered with what the app expects if the request is wrong', async () => {
  const response = await fetch(`${stack.addresses['functions host']}/api/preflight`, {
    method: 'POST',
    body: 'no',
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: expect.stringContaining('"mailbox": ADDRESS') as string });
});
