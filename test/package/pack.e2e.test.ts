import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runLimited } from '../../scripts/run-limited.ts';

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
}
interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

const folder = mkdtempSync(join(realpathSync(tmpdir()), 'pack-'));
const source = join(folder, 'source');
const consumer = join(folder, 'consumer');

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
const writeJson = (path: string, value: unknown): void => writeFileSync(path, JSON.stringify(value, undefined, 2));

/** Runs a program in a folder and gives what it wrote; a failure shows all of it. */
const run = async (cwd: string, ...command: readonly [string, ...string[]]): Promise<string> => {
  const result = await runLimited({ command, cwd, limitMs: 120_000, output: 'keep' });
  if (result.end !== 'exited' || result.exitCode !== 0) {
    throw new Error(`${command.join(' ')}: ${result.end}, code ${result.exitCode}\n${result.output}`);
  }
  return result.output;
};

/** Packs a copy, so that the build of the copy (`prepack`) does not touch the tree that other tests look at. */
const pack = async (): Promise<string> => {
  mkdirSync(source);
  const files = ['lib', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'LICENSE'];
  for (const file of [...files, 'CHANGELOG.md'].filter((name) => existsSync(name))) {
    cpSync(file, join(source, file), { recursive: true });
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(source, 'node_modules'));
  await run(source, 'npm', 'pack', '--pack-destination', folder);
  const { name, version } = readJson<{ name: string; version: string }>('package.json');
  return `${name}-${version}.tgz`;
};

/**
 * Installs the tarball from the project's own lock file, which makes it the versions that the project was tested with,
 * and needs nothing of a registry but what `npm ci` has already put into npm's cache.
 */
const install = async (tarball: string): Promise<void> => {
  mkdirSync(consumer);
  const { packages } = readJson<Lock>('package-lock.json');
  const manifest =
    readJson<Record<'version' | 'dependencies' | 'optionalDependencies' | 'bin', object>>('package.json');
  const { version, dependencies, optionalDependencies, bin } = manifest;
  const typePackages = ['node_modules/@types/node', 'node_modules/undici-types'];
  const needed = Object.entries(packages).filter(
    ([path, entry]) => path !== '' && (entry.dev !== true || typePackages.includes(path)),
  );
  const root = {
    name: 'consumer',
    version: '1.0.0',
    private: true,
    type: 'module',
    dependencies: {
      'distributed-patterns': `file:../${tarball}`,
      '@types/node': packages['node_modules/@types/node']?.version,
    },
  };
  const installed = { version, resolved: `file:../${tarball}`, dependencies, optionalDependencies, bin };
  writeJson(join(consumer, 'package.json'), root);
  writeJson(join(consumer, 'package-lock.json'), {
    name: 'consumer',
    lockfileVersion: 3,
    requires: true,
    packages: { '': root, 'node_modules/distributed-patterns': installed, ...Object.fromEntries(needed) },
  });
  await run(consumer, 'npm', 'ci', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund');
};

/** The first thing that somebody tries: a pattern, in memory. */
const example = `
import { absent, PatternError } from 'distributed-patterns';
import { workQueue, type WorkQueue } from 'distributed-patterns/batch/work-queue';
import type { Queue } from 'distributed-patterns/primitives';
import { memoryClock, memoryQueue, memoryTable, seededRandom } from 'distributed-patterns/primitives/memory';

const clock = memoryClock();
const plans: Queue = memoryQueue({ name: 'plans', clock });
const table = (name: string) => memoryTable({ name, clock });
const random = seededRandom(1);
const queue: WorkQueue = workQueue({ jobs: table('jobs'), effects: table('effects'), plans, clock, random, keepMs: 60_000 });

const items = ['a', 'b'].map((id) => ({ id, payload: {} }));
const { total } = await queue.createJob('job-1', { worker: 'record', items });
const [message] = await plans.receive({ maxCount: 1 });
console.log(total, JSON.parse(message?.body ?? '{}').jobId, absent().kind, new PatternError('a/b', 'c').code);
`;

const examplesOf = (files: string): readonly string[] =>
  globSync(files).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^```(?:ts|typescript)\n(.*?)^```/gms)]
      .map(([, code]) => code ?? '')
      .filter((code) => code.includes(`from 'distributed-patterns`)),
  );

/** The README is copied as it stands. A pattern's README shows an excerpt, of which the imports must be right. */
const readmeExamples = [
  ...examplesOf('README.md'),
  ...examplesOf('functions/**/README.md').map((code) => (code.match(/^import .*?;$/gms) ?? []).join('\n')),
];

const compilerOptions = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  rootDir: 'src',
  outDir: 'out',
};

let tarball = '';

beforeAll(async () => {
  tarball = await pack();
  await install(tarball);
}, 240_000);

test('the package holds what was built, and no source, test or setting of the project', async () => {
  const listed = (await run(folder, 'tar', '-tf', tarball)).trim().split('\n');
  const outside = listed.filter(
    (path) => !/^package\/(dist\/.*|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path),
  );
  expect(outside).toEqual([]);
  expect(listed.filter((path) => /(?<!\.d)\.ts$/.test(path))).toEqual([]);
  expect(listed).toContain('package/dist/index.js');
  expect(listed).toContain('package/LICENSE');
});

test('a strict TypeScript project compiles against all of it, READMEs included, and runs what came out', async () => {
  const { exports } = readJson<{ exports: Record<string, string> }>('package.json');
  const names = Object.keys(exports).filter((subpath) => subpath !== './package.json');
  mkdirSync(join(consumer, 'src'));
  writeFileSync(join(consumer, 'src/example.ts'), example);
  writeFileSync(
    join(consumer, 'src/all.ts'),
    names.map((name) => `await import('distributed-patterns${name.slice(1)}');\n`).join(''),
  );
  for (const [index, code] of readmeExamples.entries()) writeFileSync(join(consumer, `src/readme-${index}.ts`), code);
  writeJson(join(consumer, 'tsconfig.json'), { compilerOptions, include: ['src'] });
  await run(consumer, process.execPath, join(process.cwd(), 'node_modules/typescript/bin/tsc'));
  expect(await run(consumer, process.execPath, 'out/example.js')).toBe('2 job-1 absent a/b\n');
  expect(await run(consumer, process.execPath, 'out/all.js')).toBe('');
}, 120_000);

test('the command answers --help and --version, and refuses what it does not know', async () => {
  const command = join(consumer, 'node_modules/.bin/distributed-patterns');
  const { version } = readJson<{ version: string }>('package.json');
  expect(await run(consumer, command, '--version')).toBe(`${version}\n`);
  expect(await run(consumer, command, '--help')).toContain('Usage: distributed-patterns');
  await expect(run(consumer, command, 'no-such-command')).rejects.toThrow(
    /code 2\n.*unknown command 'no-such-command'/,
  );
});
