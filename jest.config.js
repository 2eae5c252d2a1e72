/** Tests run the TypeScript sources through esbuild; the types are checked by `npm run types`. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/tests'],
  testMatch: ['**/*.test.ts'],
  // These packages have ES modules only, which jest cannot load as they are.
  transform: { '\\.ts$|/node_modules/(parse5|entities)/.*\\.js$': '<rootDir>/tests/support/transform.js' },
  transformIgnorePatterns: ['/node_modules/(?!(parse5|entities)/)'],
  globalSetup: '<rootDir>/tests/support/global-setup.ts',
  testSequencer: '<rootDir>/tests/support/slowest-first.js',
  globalTeardown: '<rootDir>/tests/support/global-teardown.ts',
  // Only a failed test takes as long as this.
  testTimeout: 120_000,
  // Many tests wait for processes and for delays of the services: a third worker keeps two cores busy meanwhile.
  maxWorkers: 3,
};
