// Asks npm's audit service for known vulnerabilities of the production dependencies: `node scripts/audit.mjs`. Fails on
// high and critical severity. If the service cannot be reached, says so and passes: the change to check is not the cause.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const args = ['audit', '--omit=dev', '--package-lock-only', '--no-offline', '--json'];
// npm caches the severity of a finding, and would miss that the service has raised it.
const cache = mkdtempSync(join(tmpdir(), 'audit-'));
const options = {
  cwd: `${import.meta.dirname}/..`,
  // A check must not wait minutes for a dead service: no retries and a short time-out, unless the caller sets others.
  env: {
    npm_config_fetch_retries: '0',
    npm_config_fetch_timeout: '15000',
    ...process.env,
    npm_config_cache: cache,
  },
  encoding: 'utf8',
  timeout: 2 * 60_000,
  maxBuffer: 64 * 1024 * 1024,
};
// Under `npm run`, use the same npm. Otherwise a shell finds it: on Windows npm is a script, which needs a shell.
const npm = process.env.npm_execpath;
const { stdout, stderr, error } = npm
  ? spawnSync(process.execPath, [npm, ...args], options)
  : spawnSync(`npm ${args.join(' ')}`, { ...options, shell: true });
rmSync(cache, { recursive: true, force: true });

/** Makes a text safe to print: one line, no control characters for the terminal, no password of a registry's address. */
const line = (text) =>
  String(text)
    .replace(/[\s\p{C}]+/gu, ' ')
    .replace(/\/\/[^/\s]*@/g, '//')
    .trim()
    .slice(0, 1000);

function answerOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function unreachable(reason) {
  console.error(`audit: the audit service could not be reached (${line(reason)}): nothing was checked`);
}

const answer = answerOf(stdout);
if (answer.vulnerabilities && answer.metadata) judge(answer);
// A refusal, a broken connection, a time-out, or an answer that is not JSON: npm names the request in a message.
else if (answer.message) unreachable(answer.message);
// JSON but not a report: npm fails to read it. npm's own errors have a code: no lock file, an invalid address.
else if (answer.error && !answer.error.code) unreachable(`not a report: ${answer.error.summary}`);
else if (error?.code === 'ETIMEDOUT') unreachable(`no answer in ${options.timeout / 1000} seconds`);
else {
  const reason = answer.error ? `${answer.error.code} ${answer.error.summary}` : (error?.message ?? stderr);
  console.error(`audit: npm could not audit: ${line(reason)}`);
  process.exitCode = 1;
}

function judge({ vulnerabilities, metadata }) {
  // A name instead of an advisory means that the package depends on another one, which has its own entry.
  const advisories = Object.values(vulnerabilities).flatMap(({ via }) =>
    via.filter((one) => typeof one === 'object'),
  );
  for (const { name, severity, title, range, url } of advisories)
    console.log(line(`audit: ${severity}: ${name} ${range}: ${title} ${url}`));
  if (advisories.some(({ severity }) => ['high', 'critical'].includes(severity))) {
    process.exitCode = 1;
    return;
  }
  // npm also counts the project.
  const count = metadata.dependencies.prod - 1;
  console.log(`audit: no finding of high or critical severity among ${count} production dependencies`);
}
