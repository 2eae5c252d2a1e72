/** Tests run the TypeScript sources through esbuild; the types are checked by `npm run types`. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/tests'],
  testMatch: ['**/*.test.ts'],
  transform: { '\\.ts$': '<rootDir>/tests/support/transform.js' },
  globalSetup: '<rootDir>/tests/support/global-setup.ts',
  testSequencer: '<rootDir>/tests/support/slowest-first.js',
  globalTeardown: '<rootDir>/tests/support/global-teardown.ts',
  // Only a failed test takes as long as this.
  testTimeout: 120_000,
  // Most tests wait for processes and sockets: more workers than cores would only make them wait for each other.
  maxWorkers: 2,
};
