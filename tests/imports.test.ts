import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * The linter's layer rules, shown to fail: each source below stands at the path given and breaks one rule. The
 * linter runs in a process of its own, because it is an ES module that jest cannot load.
 */
const script = `
import { ESLint } from 'eslint';
const cases = JSON.parse(process.argv[1]);
const eslint = new ESLint();
const found = [];
for (const { file, code } of cases) {
  const [result] = await eslint.lintText(code, { filePath: file });
  found.push(result.messages.map(({ ruleId, fatal, message }) => (fatal ? message : ruleId)));
}
console.log(JSON.stringify(found));
`;

const restricted = '@typescript-eslint/no-restricted-imports';
const cases = [
  {
    file: 'functions/import-item.ts',
    code: "import { createRows } from '../shared/storage/rows.client';\ncreateRows;\n",
    rule: restricted,
  },
  {
    file: 'functions/import-item.ts',
    code: 'export const x = (n: number) => {\n  if (n) return 1;\n  return 2;\n};\n',
    rule: 'no-restricted-syntax',
  },
  {
    file: 'shared/pipeline/counters.ts',
    code: "import { createRows } from '../storage/rows.client';\ncreateRows;\n",
    rule: restricted,
  },
  {
    file: 'shared/pipeline/counters.ts',
    code: "import { createDeps } from '../deps';\ncreateDeps;\n",
    rule: restricted,
  },
  {
    file: 'shared/pipeline/counters.ts',
    code: "import { readFile } from 'node:fs/promises';\nreadFile;\n",
    rule: restricted,
  },
  {
    file: 'shared/pipeline/counters.ts',
    code: 'export const at = Date.now();\n',
    rule: 'no-restricted-syntax',
  },
  { file: 'shared/email/digest.ts', code: 'export const at = new Date();\n', rule: 'no-restricted-syntax' },
  {
    file: 'shared/email/digest.ts',
    code: 'export const chance = Math.random();\n',
    rule: 'no-restricted-syntax',
  },
  { file: 'shared/email/digest.ts', code: "import { get } from 'node:https';\nget;\n", rule: restricted },
  {
    file: 'shared/participants/resolve.ts',
    code: "import { createDirectory } from '../graph/directory.client';\ncreateDirectory;\n",
    rule: restricted,
  },
  {
    file: 'shared/graph/failure.ts',
    code: "import { createGraph } from './request.client';\ncreateGraph;\n",
    rule: restricted,
  },
  {
    file: 'shared/graph/directory.client.ts',
    code: "import { createRows } from '../storage/rows.client';\ncreateRows;\n",
    rule: restricted,
  },
  {
    file: 'shared/storage/rows.client.ts',
    code: "import { importItem } from '../pipeline/import-item';\nimportItem;\n",
    rule: restricted,
  },
  {
    file: 'shared/names.ts',
    code: "import { startStack } from '../local/stack';\nstartStack;\n",
    rule: restricted,
  },
  {
    file: 'shared/deps.ts',
    code: "import { startStack } from '../local/stack';\nstartStack;\n",
    rule: restricted,
  },
  {
    file: 'shared/pipeline/counters.ts',
    code: 'export const run = () => {\n  Promise.resolve();\n};\n',
    rule: '@typescript-eslint/no-floating-promises',
  },
];
const allowed = [
  {
    file: 'shared/pipeline/counters.ts',
    code: "import type { Rows } from '../storage/rows.client';\nexport type X = Rows<object>;\n",
  },
  { file: 'shared/graph/directory.client.ts', code: 'export const at = Date.now();\n' },
];

let messages: string[][] = [];
beforeAll(() => {
  const run = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script, JSON.stringify([...cases, ...allowed])],
    {
      cwd: join(__dirname, '..'),
      encoding: 'utf8',
    },
  );
  if (run.status !== 0) throw new Error(run.stderr);
  messages = JSON.parse(run.stdout) as string[][];
}, 120_000);

describe('the linter', () => {
  it.each(cases.map((one, index) => ({ ...one, index })))('refuses in $file: $code', ({ rule, index }) => {
    expect(messages[index]).toContain(rule);
  });

  it.each(allowed.map((one, index) => ({ ...one, index: cases.length + index })))(
    'accepts in $file: $code',
    ({ index }) => {
      expect(messages[index]).toEqual([]);
    },
  );
});
