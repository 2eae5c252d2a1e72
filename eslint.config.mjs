// The linter: correctness, and the one-way imports that keep the layers apart.
import tseslint from 'typescript-eslint';

const clientFiles = 'shared/**/{client,*.client}.ts';
const io = [
  'node:fs',
  'node:fs/*',
  'node:net',
  'node:http',
  'node:https',
  'node:child_process',
  'node:worker_threads',
  'node:timers',
  'node:timers/*',
  '@azure/*',
  '@microsoft/*',
];

/** One rule per layer: what it must not import at all, and what it may import as types alone. */
const layer = (files, { never = [], typesOnly = [], ignores = [] }) => ({
  files,
  ignores,
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          ...never.map(({ group, message }) => ({ group, message })),
          ...typesOnly.map(({ group, message }) => ({ group, message, allowTypeImports: true })),
        ],
      },
    ],
  },
});

const nothingLocal = {
  group: ['**/local/**', '**/tests/**'],
  message: 'Nothing in the app imports local/ or tests/.',
};
const noFunctions = { group: ['**/functions/**'], message: 'functions/ is the outermost layer.' };
const noIo = { group: io, message: 'Only client.ts and *.client.ts do I/O.' };
const noClients = {
  group: ['**/client', '**/*.client'],
  message: 'Take clients from deps.ts; import their types only.',
};
const noPipeline = { group: ['**/pipeline/*'], message: 'Only functions/ and deps.ts import the pipeline.' };
const noDeps = { group: ['**/deps'], message: 'The composition root is imported by functions/ alone.' };

const noClock = [
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: 'Take the time as an argument.',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'Take the time as an argument.',
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'Take chance as an argument.',
  },
  { selector: "CallExpression[callee.name='fetch']", message: 'Only client.ts and *.client.ts do I/O.' },
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'tests/fixtures/', '.data/', 'coverage/'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { properties: false } }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': 'off',
      eqeqeq: 'error',
      'no-console': 'off',
    },
  },
  layer(['functions/*.ts'], {
    never: [
      nothingLocal,
      {
        group: ['graph', 'storage', 'telemessage', 'email', 'participants'].map(
          (name) => `**/shared/${name}/*`,
        ),
        message: 'functions/ imports deps, names and the pipeline.',
      },
    ],
  }),
  layer(['shared/*.ts'], {
    ignores: ['shared/deps.ts'],
    never: [nothingLocal, noFunctions, noIo, noDeps, noPipeline],
  }),
  layer(['shared/{email,participants}/*.ts'], {
    ignores: [clientFiles, 'shared/email/parse-worker.ts'],
    never: [nothingLocal, noFunctions, noIo, noDeps, noPipeline, noClients],
  }),
  layer(['shared/{graph,storage,telemessage}/*.ts'], {
    ignores: [clientFiles],
    never: [nothingLocal, noFunctions, noDeps, noPipeline],
    typesOnly: [noClients, noIo],
  }),
  // Clients never import each other; deps.ts brings them together, and client.ts the files of its own folder.
  ...['graph', 'storage', 'telemessage', 'email'].map((folder) =>
    layer([`shared/${folder}/{client,*.client}.ts`], {
      never: [nothingLocal, noFunctions, noDeps, noPipeline],
      typesOnly: ['graph', 'storage', 'telemessage', 'email']
        .filter((other) => other !== folder)
        .map((other) => ({
          group: [`**/${other}/client`, `**/${other}/*.client`],
          message: 'Clients never import each other: deps.ts brings them together.',
        })),
    }),
  ),
  layer(['shared/deps.ts'], { never: [nothingLocal, noFunctions] }),
  layer(['shared/pipeline/*.ts'], {
    never: [nothingLocal, noFunctions, noIo],
    typesOnly: [noClients, noDeps],
  }),
  {
    files: ['shared/**/*.ts'],
    ignores: [clientFiles, 'shared/deps.ts'],
    rules: { 'no-restricted-syntax': ['error', ...noClock] },
  },
  {
    files: ['functions/*.ts'],
    rules: {
      'max-lines': ['error', 30],
      'no-restricted-syntax': [
        'error',
        ...['IfStatement', 'TryStatement'].map((selector) => ({
          selector,
          message: 'A trigger adapts and nothing more.',
        })),
      ],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    ...tseslint.configs.disableTypeChecked,
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  { files: ['tests/**/*.ts', 'local/**/*.ts'], rules: { '@typescript-eslint/no-non-null-assertion': 'off' } },
);
