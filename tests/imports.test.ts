import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The linter's import rules, shown to fail: each source below is linted as if it were at the path given. The linter
 * runs in a process of its own, because it is an ES module that jest cannot load.
 */
const script = `
import { ESLint } from 'eslint';
const cases = JSON.parse(process.argv[1]);
const typed = ['floating', 'misused'].map((name) => '@typescript-eslint/no-' + name + '-promises');
const untyped = {
  languageOptions: { parserOptions: { projectService: false } },
  rules: Object.fromEntries(typed.map((rule) => [rule, 'off'])),
};
const linters = { typed: new ESLint(), untyped: new ESLint({ overrideConfig: untyped }) };
const found = [];
for (const { file, code, rule } of cases) {
  // Most rules need no types, and a type check of each source would take most of the time.
  const linter = typed.includes(rule) ? linters.typed : linters.untyped;
  const [result] = await linter.lintText(code, { filePath: file });
  found.push(result.messages.map(({ ruleId, fatal, message }) => (fatal ? message : ruleId)));
}
console.log(JSON.stringify(found));
`;

/** The rooms of shared/, outermost first, each with one of its files: pure where it has one. */
const rows: [room: string, file: string][][] = [
  [['pipeline', 'split-batch']],
  [['evidence', 'continuity']],
  [
    ['delivery', 'deliver'],
    ['preflight', 'step'],
  ],
  [
    ['storage', 'ledger'],
    ['mapping', 'columns'],
    ['reading', 'read-line'],
  ],
  [
    ['graph', 'failure'],
    ['mail', 'dates'],
    ['chat', 'read-chat'],
  ],
  [['participants', 'phone']],
  [['email', 'email']],
  [['telemessage', 'message']],
];
const inRows = rows.flatMap((row, index) => row.map(([room, file]) => ({ room, file, index })));
const statement = (path: string) => `import { x } from '${path}';\nx;\n`;
const source = (from: string, path: string) => ({ file: `${from}.ts`, code: statement(path) });

const restricted = '@typescript-eslint/no-restricted-imports';
const syntax = 'no-restricted-syntax';

const upwards = inRows.flatMap((from) =>
  inRows
    .filter((to) => to.room !== from.room && to.index <= from.index)
    .map((to) => source(`shared/${from.room}/${from.file}`, `../${to.room}/${to.file}`)),
);
const downwards = inRows.flatMap((from) =>
  inRows
    .filter((to) => to.index > from.index)
    .map((to) => source(`shared/${from.room}/${from.file}`, `../${to.room}/${to.file}`)),
);
const outer = [
  'functions/start',
  'ops/app',
  'local/stack',
  'simulators/random',
  'verification/soak/plan',
  'tests/x',
];
const stages = ['pipeline', 'delivery', 'preflight', 'evidence'];

const refused = [
  ...[
    ...upwards,
    ...inRows.flatMap(({ room, file }) =>
      outer.map((path) => source(`shared/${room}/${file}`, `../../${path}`)),
    ),
    ...outer.map((path) => source('shared/names', `../${path}`)),
    ...outer.map((path) => source('shared/deps', `../${path}`)),
    ...inRows.map(({ room, file }) => source('shared/names', `./${room}/${file}`)),
    ...stages.map((room) => source('shared/deps', `./${room}/x`)),
    ...inRows.map(({ room, file }) => source(`shared/${room}/${file}`, '../deps')),
    ...inRows.map(({ room, file }) => source(`shared/${room}/${file}`, 'node:fs/promises')),
    source('functions/import-item', '../shared/storage/rows.client'),
    source('functions/import-item', '../shared/delivery/deliver'),
    source('functions/import-item', '../local/stack'),
    source('shared/graph/failure', './request.client'),
    source('shared/reading/reader.client', './read-worker'),
    source('shared/reading/read-line', './read-worker'),
    source('shared/pipeline/split-batch', '../graph/request.client'),
    source('shared/mapping/file.client', '../storage/rows.client'),
    source('shared/storage/rows.client', '../graph/directory.client'),
    source('simulators/exchange/server', '../../shared/names'),
    source('simulators/exchange/server', '../../shared/email/provenance'),
    source('simulators/exchange/server', '../../local/part'),
    source('local/stack', '../verification/soak/plan'),
    source('local/stack', '../ops/app'),
    source('ops/app', '../local/stack'),
    source('ops/app', '../simulators/samples/day'),
    source('verification/soak/plan', '../../functions/start'),
    source('verification/soak/plan', '../../ops/app'),
  ].map((one) => ({ ...one, rule: restricted })),
  {
    file: 'functions/import-item.ts',
    code: 'export const x = (n: number) => {\n  if (n) return 1;\n  return 2;\n};\n',
    rule: syntax,
  },
  ...['Date.now()', 'new Date()', 'Math.random()', "fetch('https://x.example')"].map((call) => ({
    file: 'shared/pipeline/windows.ts',
    code: `export const x = ${call};\n`,
    rule: syntax,
  })),
  {
    file: 'shared/pipeline/windows.ts',
    code: 'export const run = () => {\n  Promise.resolve();\n};\n',
    rule: '@typescript-eslint/no-floating-promises',
  },
];
const accepted = [
  ...downwards,
  ...stages.map((room) => ({
    file: `shared/${room}/${inRows.find((one) => one.room === room)!.file}.ts`,
    code: "import type { Deps } from '../deps';\nexport type X = Deps;\n",
  })),
  {
    file: 'shared/pipeline/windows.ts',
    code: "import type { Rows } from '../storage/rows.client';\nexport type X = Rows<object>;\n",
  },
  { file: 'shared/graph/directory.client.ts', code: 'export const at = Date.now();\n' },
  source('simulators/exchange/server', '../../shared/connectors'),
  source('ops/simulate', '../local/stack'),
  source('local/stack', '../simulators/samples/day'),
  source('verification/soak/plan', '../../local/stack'),
];

let messages: string[][] = [];
beforeAll(() => {
  const run = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script, JSON.stringify([...refused, ...accepted])],
    { cwd: join(__dirname, '..'), encoding: 'utf8' },
  );
  if (run.status !== 0) throw new Error(run.stderr);
  messages = JSON.parse(run.stdout) as string[][];
}, 120_000);

describe('the linter', () => {
  it('has a rule for every room', () => {
    const folders = readdirSync('shared', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(inRows.map(({ room }) => room).toSorted()).toEqual(folders.map(({ name }) => name).toSorted());
  });

  it.each(refused.map((one, index) => ({ ...one, index })))('refuses in $file: $code', ({ rule, index }) => {
    expect(messages[index]).toContain(rule);
  });

  it.each(accepted.map((one, index) => ({ ...one, index: refused.length + index })))(
    'accepts in $file: $code',
    ({ index }) => {
      expect(messages[index]).not.toContain(restricted);
      expect(messages[index]).not.toContain(syntax);
    },
  );
});
