import {
  cpSync,
  existsSync,
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

const example = `
import { absent, and, equals, PatternError } from 'distributed-patterns';
import type { Condition, Queue } from 'distributed-patterns/primitives';

const free: Condition = and(absent('owner'), equals('state', 'open'));
export const send = (queue: Queue): Promise<unknown> => queue.sendBatch([{ body: 'hello' }]);
const error = new PatternError('example/kind', 'said');
console.log(free.kind, error.code, error instanceof Error);
`;

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
  outDir: 'out',
};

let tarball = '';

beforeAll(async () => {
  tarball = await pack();
  await install(tarball);
}, 240_000);

const installedPath = (path: string): string => join(consumer, 'node_modules/distributed-patterns', path);

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

test('a strict TypeScript project compiles against it and runs what came out', async () => {
  writeFileSync(join(consumer, 'example.ts'), example);
  writeJson(join(consumer, 'tsconfig.json'), { compilerOptions, include: ['example.ts'] });
  await run(consumer, process.execPath, join(process.cwd(), 'node_modules/typescript/bin/tsc'));
  expect(await run(consumer, process.execPath, 'out/example.js')).toBe('and example/kind true\n');
});

test('every subpath loads in Node and has types', async () => {
  const { exports } = readJson<{ exports: Record<string, string> }>('package.json');
  const built = Object.entries(exports).filter(([, target]) => target.endsWith('.js'));
  const names = built.map(([subpath]) => `distributed-patterns${subpath.slice(1)}`);
  const imports = names.map((name) => `await import(${JSON.stringify(name)});`).join('\n');
  writeFileSync(join(consumer, 'all.js'), `${imports}\nconsole.log('loaded');\n`);
  expect(await run(consumer, process.execPath, 'all.js')).toBe('loaded\n');
  const withoutTypes = built.filter(([, target]) => !existsSync(installedPath(target.replace(/\.js$/, '.d.ts'))));
  expect(withoutTypes).toEqual([]);
});

test('the command answers --help and --version, and refuses what it does not know', async () => {
  const command = join(consumer, 'node_modules/.bin/distributed-patterns');
  const { version } = readJson<{ version: string }>('package.json');
  expect(await run(consumer, command, '--version')).toBe(`${version}\n`);
  expect(await run(consumer, command, '--help')).toContain('Usage: distributed-patterns');
  await expect(run(consumer, command, 'no-such-command')).rejects.toThrow(
    /code 2\n.*unknown command 'no-such-command'/,
  );
});
