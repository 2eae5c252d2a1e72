// Asks npm's audit service what is publicly known against the production dependencies: `node scripts/audit.mjs`. Fails on high
// and critical severity. A service that cannot be asked is no fault of the change at hand: that is said, and passes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const args = ['audit', '--omit=dev', '--package-lock-only', '--no-offline', '--json'];
// npm keeps the severity of a finding in its cache, and would not see that the service has raised it since.
const cache = mkdtempSync(join(tmpdir(), 'audit-'));
const options = {
  cwd: `${import.meta.dirname}/..`,
  // Without retries, and with short time-outs, unless the caller has others: a gate must not wait minutes for nothing.
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
// Under `npm run` the same npm again. Else a shell finds it: on Windows it is a script, which only a shell can start.
const npm = process.env.npm_execpath;
const { stdout, stderr, error } = npm
  ? spawnSync(process.execPath, [npm, ...args], options)
  : spawnSync(`npm ${args.join(' ')}`, { ...options, shell: true });
rmSync(cache, { recursive: true, force: true });

/** One line, without what a server could do to a terminal or a registry's address could tell of its password. */
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
// A refusal, a broken connection, a time-out, or an answer that is no JSON: npm names the request in a message.
else if (answer.message) unreachable(answer.message);
// JSON, but no report: npm stumbles over it. Its own faults have a code: no lock file, an address that is none.
else if (answer.error && !answer.error.code) unreachable(`not a report: ${answer.error.summary}`);
else if (error?.code === 'ETIMEDOUT') unreachable(`no answer in ${options.timeout / 1000} seconds`);
else {
  const reason = answer.error ? `${answer.error.code} ${answer.error.summary}` : (error?.message ?? stderr);
  console.error(`audit: npm could not audit: ${line(reason)}`);
  process.exitCode = 1;
}

function judge({ vulnerabilities, metadata }) {
  // A name instead of an advisory: the package only depends on another one, which has an entry of its own.
  const advisories = Object.values(vulnerabilities).flatMap(({ via }) =>
    via.filter((one) => typeof one === 'object'),
  );
  for (const { name, severity, title, range, url } of advisories)
    console.log(line(`audit: ${severity}: ${name} ${range}: ${title} ${url}`));
  if (advisories.some(({ severity }) => ['high', 'critical'].includes(severity))) {
    process.exitCode = 1;
    return;
  }
  // npm counts the project itself.
  const count = metadata.dependencies.prod - 1;
  console.log(`audit: no finding of high or critical severity among ${count} production dependencies`);
}
