import { readFileSync } from 'node:fs';
import type { KnipConfig } from 'knip';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly exports: Record<string, string>;
  readonly bin: Record<string, string>;
};

/** What users import or run, as its source. */
const published = [...Object.values(manifest.exports), ...Object.values(manifest.bin)]
  .filter((path) => path.endsWith('.js'))
  .map((path) => path.replace('./dist/', 'lib/').replace(/\.js$/, '.ts'));

export default {
  entry: [
    ...published, // Loaded by serverless.yml.
    'functions/settings.js',
    'functions/batch/event-driven/generate.ts',
    'functions/*/plugin.ts',
    'functions/serving/*/plugin.ts',
    'functions/serving/*/dictionary/provision.ts',
    // Named by serverless.yml in a form that is not followed.
    'functions/serving/scatter-gather/{leaf.ts,leaves.js}',
    'functions/serving/functions-and-events/code-key-secret.js',
    'localstack/commands/*.ts',
    'localstack/host/*.ts',
    'scripts/*.ts',
    // Started by npm.
    'test/parity/main.ts',
    'test/**/fixture/**/*.ts',
    // Looked at by the type check.
    'test/**/*.types.ts',
    'test/parity/service/{plugin,probe}.ts',
  ],
  project: ['{lib,functions,localstack,scripts,test}/**/*.{js,ts}', '!test/bench/**'],
  // A type that an exported function takes or gives is exported with it, whether or not anybody names it.
  ignoreExportsUsedInFile: { interface: true, type: true },
  // Linux's, where there is one.
  ignoreBinaries: ['unshare'],
  ignoreDependencies: [
    // Programs that scripts/verify-checks.ts starts.
    'dependency-cruiser',
    'oxfmt',
    'oxlint',
    'oxlint-tsgolint',
  ],
} satisfies KnipConfig;
