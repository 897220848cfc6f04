const kinds = { parallel: ['unit', 'prop', 'contract', 'sim'], serial: ['template', 'parity', 'e2e', 'localstack'] };

const project = (kind, runner) => ({
  displayName: kind,
  runner,
  testMatch: [`<rootDir>/test/**/*.${kind}.test.ts`],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.stack/', '<rootDir>/.esbuild/', '<rootDir>/.serverless/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  extensionsToTreatAsEsm: ['.ts'],
});

export default {
  // Two cores are what everybody has; more workers than that only make the tests that start processes fight.
  maxWorkers: 2,
  testTimeout: 30_000,
  reporters: ['default', '<rootDir>/scripts/test-reporter.ts'],
  projects: [
    ...kinds.parallel.map((kind) => project(kind, 'jest-runner')),
    // Tests of these kinds start stacks, so they run one after the other.
    ...kinds.serial.map((kind) => project(kind, '<rootDir>/scripts/test-serial-runner.js')),
  ],
};
