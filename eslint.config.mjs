// The linter: correctness, and one-way imports between the rooms.
import tseslint from 'typescript-eslint';

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
const clientFiles = 'shared/**/{client,*.client}.ts';

/** The rooms of shared/, outermost first: a room imports only from the rows below its own, and never a neighbour. */
const rows = [
  ['pipeline'],
  ['evidence'],
  ['delivery', 'preflight'],
  ['storage', 'mapping', 'reading'],
  ['graph', 'mail', 'chat'],
  ['participants'],
  ['email'],
  ['telemessage'],
];
const rooms = rows.flat();
/** Rooms whose files are stages: they take clients from deps.ts. */
const stages = ['pipeline', 'delivery', 'preflight', 'evidence'];

const roomOf = (names) => names.map((name) => `**/${name}/*`);
const outside = {
  group: ['functions', 'ops', 'local', 'simulators', 'verification', 'tests'].map((name) => `**/${name}/**`),
  message: 'shared/ imports nothing outside itself.',
};
const noDeps = { group: ['**/deps'], message: 'Only functions/ and the programs build dependencies.' };
const noIo = { group: io, message: 'Only client.ts and *.client.ts do I/O.' };
const noClients = {
  group: ['**/client', '**/*.client'],
  message: 'Take clients from deps.ts; import their types only.',
};
const noWorker = {
  group: ['**/read-worker'],
  message: 'The entry of a thread runs when it is imported: import its types only.',
};

/** Forbids `files` every import in `never`, and every import in `typesOnly` except of types. */
const imports = (files, { never = [], typesOnly = [], ignores = [] }) => ({
  files,
  ignores,
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      { patterns: [...never, ...typesOnly.map((rule) => ({ ...rule, allowTypeImports: true }))] },
    ],
  },
});

/** Forbids a room of row `index` the rooms of the rows above and of its own row. */
const forbiddenRooms = (room, index) => ({
  group: roomOf(
    rows
      .slice(0, index + 1)
      .flat()
      .filter((other) => other !== room),
  ),
  message: `${room}/ imports only from the rows below its own (see rows in eslint.config.mjs).`,
});

const roomRules = rows.flatMap((row, index) =>
  row.flatMap((room) => {
    const isStage = stages.includes(room);
    const forbidden = forbiddenRooms(room, index);
    const never = [
      outside,
      ...(forbidden.group.length > 0 ? [forbidden] : []),
      ...(isStage ? [noIo] : [noDeps]),
    ];
    return [
      imports([`shared/${room}/*.ts`], {
        ignores: [clientFiles, 'shared/reading/read-worker.ts'],
        never,
        typesOnly: [noClients, noWorker, isStage ? noDeps : noIo],
      }),
      // Clients of two rooms never import each other: deps.ts brings them together.
      imports([`shared/${room}/{client,*.client,read-worker}.ts`], {
        never,
        typesOnly: rooms
          .filter((other) => other !== room)
          .map((other) => ({
            group: [`**/${other}/client`, `**/${other}/*.client`],
            message: 'Clients of two rooms never import each other: deps.ts brings them together.',
          }))
          .concat(noWorker),
      }),
    ];
  }),
);

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
    message: 'Take randomness as an argument.',
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
  imports(['functions/*.ts'], {
    never: [
      {
        group: ['ops', 'local', 'simulators', 'verification', 'tests'].map((name) => `**/${name}/**`),
        message: 'functions/ imports only shared/.',
      },
      {
        group: roomOf(rooms.filter((room) => !['pipeline', 'preflight'].includes(room))),
        message: 'functions/ imports deps, names and the stages.',
      },
    ],
  }),
  // The ground: every room may import it, and it imports no room.
  imports(['shared/*.ts'], {
    ignores: ['shared/deps.ts', clientFiles],
    never: [
      outside,
      noIo,
      noDeps,
      noClients,
      { group: roomOf(rooms), message: 'The files directly in shared/ import no room.' },
    ],
  }),
  imports(['shared/{client,*.client}.ts'], {
    never: [
      outside,
      noDeps,
      { group: roomOf(rooms), message: 'The files directly in shared/ import no room.' },
    ],
  }),
  imports(['shared/deps.ts'], {
    never: [outside, { group: roomOf(stages), message: 'The stages import deps.ts, not the reverse.' }],
  }),
  ...roomRules,
  imports(['simulators/**/*.ts'], {
    never: [
      {
        group: ['**/shared/**', '!**/shared/connectors'],
        message: 'A simulator that shares code with the app shares its bugs: import connectors.ts only.',
      },
      {
        group: ['functions', 'ops', 'local', 'verification', 'tests'].map((name) => `**/${name}/**`),
        message: 'simulators/ imports only simulators.',
      },
    ],
  }),
  imports(['local/**/*.ts'], {
    never: [
      {
        group: ['functions', 'ops', 'verification', 'tests'].map((name) => `**/${name}/**`),
        message: 'local/ imports shared/, terminal/ and simulators/.',
      },
    ],
  }),
  imports(['terminal/*.ts'], {
    never: [{ group: ['../*'], message: 'terminal/ imports nothing of the product.' }],
  }),
  imports(['ops/**/*.ts'], {
    ignores: ['ops/simulate.ts'],
    never: [
      {
        group: ['functions', 'local', 'simulators', 'verification', 'tests']
          .map((name) => `**/${name}/**`)
          .concat('!**/local/running-stack'),
        message: 'ops/ imports shared/ and terminal/; simulate.ts alone may start the local stack.',
      },
    ],
  }),
  imports(['verification/**/*.ts'], {
    never: [
      {
        group: ['**/functions/*', '**/ops/**', '**/tests/**'],
        message: 'verification/ imports shared/, local/ and simulators/.',
      },
    ],
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
          message: 'A trigger makes one call: move the decision into a stage.',
        })),
      ],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    ...tseslint.configs.disableTypeChecked,
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['{tests,local,ops,simulators,verification}/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
