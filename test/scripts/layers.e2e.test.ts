import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runLimited } from '../../scripts/run-limited.ts';
import { checks } from '../../scripts/verify-checks.ts';

interface Report {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

const folder = mkdtempSync(join(realpathSync(tmpdir()), 'layers-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A file in the planted tree that imports the others, as a type or as a value. */
const plant = (path: string, ...imports: readonly string[]): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  const lines = imports.map((target, index) => `import type { Thing as Thing${index} } from '${target}';`);
  const used = imports.map((_, index) => `Thing${index}`).join(' | ') || 'string';
  writeFileSync(join(folder, path), `${lines.join('\n')}\nexport type Thing = ${used};\n`);
};

const allowed: readonly (readonly [string, ...string[]])[] = [
  ['lib/primitives/queue.ts'],
  ['lib/primitives/system-clock.ts', '#primitives/queue'],
  ['lib/primitives/aws/queue.ts', '#primitives/queue'],
  ['lib/primitives/memory/queue.ts', '#primitives/queue'],
  ['lib/resilience/retry.ts', '#primitives/queue'],
  ['lib/http/api.ts', '#resilience/retry', '#primitives/queue'],
  ['lib/event-sources/batching.ts', '#primitives/queue'],
  ['lib/batch/work-queue/index.ts', '#resilience/retry', '#primitives/queue'],
  ['functions/batch/work-queue/wiring.ts', '#batch/work-queue/index', '#primitives/aws/queue'],
  ['functions/batch/work-queue/worker.ts', './wiring.ts', '#http/api'],
  ['functions/shell/environment.ts', '#primitives/aws/queue'],
  ['localstack/supervisor.ts', '#event-sources/batching', '#primitives/system-clock'],
];

const forbidden: readonly (readonly [rule: string, file: string, ...imports: string[]])[] = [
  ['no-circles', 'lib/resilience/circle-a.ts', './circle-b.ts'],
  ['resolvable', 'lib/resilience/unresolved.ts', './nowhere.ts'],
  ['declared', 'lib/resilience/undeclared.ts', 'fast-check'],
  ['ports', 'lib/primitives/table.ts', '#primitives/aws/queue'],
  ['aws', 'lib/primitives/aws/a-pattern.ts', '#batch/work-queue/index'],
  ['aws', 'lib/primitives/aws/the-other-backend.ts', '#primitives/memory/queue'],
  ['memory', 'lib/primitives/memory/a-pattern.ts', '#resilience/retry'],
  ['event-sources', 'lib/event-sources/a-backend.ts', '#primitives/memory/queue'],
  ['resilience', 'lib/resilience/a-pattern.ts', '#batch/work-queue/index'],
  ['http', 'lib/http/a-pattern.ts', '#batch/work-queue/index'],
  ['patterns', 'lib/batch/work-queue/the-shell.ts', '#http/api'],
  ['patterns', 'lib/batch/work-queue/a-backend.ts', '#primitives/aws/queue'],
  ['time-and-chance-from-outside', 'lib/batch/work-queue/the-time.ts', '#primitives/system-clock'],
  ['lib', 'lib/simulation/the-stack.ts', '../../localstack/supervisor.ts'],
  ['lib', 'lib/simulation/a-function.ts', '../../functions/shell/environment.ts'],
  ['functions', 'functions/shell/the-stack.ts', '../../localstack/supervisor.ts'],
  ['localstack', 'localstack/a-test.ts', '../test/support/stack.ts'],
  ['wiring-in-functions', 'functions/batch/work-queue/handler.ts', '#primitives/aws/queue'],
  ['patterns-apart-from-backends', 'functions/shell/a-pattern.ts', '#batch/work-queue/index'],
  ['patterns-apart-from-backends', 'functions/batch/work-queue/demo.ts', '#batch/work-queue/index'],
  ['patterns-apart-from-backends', 'localstack/a-pattern.ts', '#batch/work-queue/index'],
];

const cruise = (...args: readonly string[]): ReturnType<typeof runLimited> =>
  runLimited({ command: ['depcruise', ...args], cwd: folder, limitMs: 60_000, output: 'keep' });

beforeAll(() => {
  for (const file of ['.dependency-cruiser.js', 'package.json', 'tsconfig.json']) cpSync(file, join(folder, file));
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  for (const [file, ...imports] of allowed) plant(file, ...imports);
  plant('test/support/stack.ts');
});

/** Longer than a cruise may take by itself. */
const CRUISE_MS = 90_000;

test(
  'the imports that the layers allow are no violation, and a backend beside its port is seen by its layer',
  async () => {
    const result = await cruise('--output-type', 'json', 'lib', 'functions', 'localstack', 'test');
    expect((JSON.parse(result.output) as Report).summary.violations).toEqual([]);
  },
  CRUISE_MS,
);

test(
  'each import that the layers forbid is refused by the rule that is meant for it',
  async () => {
    for (const [, file, ...imports] of forbidden) plant(file, ...imports);
    plant('lib/resilience/circle-b.ts', './circle-a.ts');
    const result = await cruise('--output-type', 'json', 'lib', 'functions', 'localstack', 'test');
    const found = (JSON.parse(result.output) as Report).summary.violations.map(
      ({ from, rule }) => `${rule.name}: ${from}`,
    );
    for (const [rule, file] of forbidden) expect(found).toContain(`${rule}: ${file}`);
  },
  CRUISE_MS,
);

test(
  'a violation fails the check, with its file and its rule',
  async () => {
    const result = await cruise('--output-type', 'err-long', 'lib', 'functions', 'localstack', 'test');
    expect(result.exitCode).not.toBe(0);
    expect(result.output).toContain('wiring-in-functions: functions/batch/work-queue/handler.ts');
  },
  CRUISE_MS,
);

test(
  'a check that saw no modules is no success',
  async () => {
    mkdirSync(join(folder, 'empty'));
    const result = await cruise('--output-type', 'err-long', 'empty');
    expect(result.exitCode).toBe(0);
    const layers = checks.find(({ name }) => name === 'layers');
    expect(layers?.doubt?.(result.output)).toContain('got 0');
  },
  CRUISE_MS,
);
