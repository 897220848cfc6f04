import { globSync, readFileSync } from 'node:fs';
import type { KnipConfig } from 'knip';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly exports: Record<string, string>;
  readonly bin: Record<string, string>;
};

/** What users import or run, as its source. */
const published = [...Object.values(manifest.exports), ...Object.values(manifest.bin)]
  .filter((path) => path.endsWith('.js'))
  .map((path) => path.replace('./dist/', 'lib/').replace(/\.js$/, '.ts'));

/** What the template names: `handler: functions/batch/work-queue/worker.handler` is functions/…/worker.ts. */
const handlers = globSync('functions/**/functions.yml').flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/^\s*handler:\s*(\S+)\.\w+\s*$/gm)].map((match) => `${match[1]}.ts`),
);

export default {
  entry: [...published, ...handlers, 'localstack/commands/*.ts', 'scripts/*.ts', 'test/**/fixture/**/*.ts'],
  project: ['{lib,functions,localstack,scripts,test}/**/*.{js,ts}'],
  // A type that an exported function takes or gives is exported with it, whether or not anybody names it.
  ignoreExportsUsedInFile: { interface: true, type: true },
  ignoreDependencies: [
    // Programs that scripts/verify-checks.ts starts.
    'dependency-cruiser',
    'oxfmt',
    'oxlint',
    'oxlint-tsgolint',
    // Asked for by serverless-esbuild as a peer.
    'esbuild',
  ],
} satisfies KnipConfig;
