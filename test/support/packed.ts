import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runLimited } from '../../scripts/run-limited.ts';

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
}
interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

export const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
export const writeJson = (path: string, value: unknown): void =>
  writeFileSync(path, JSON.stringify(value, undefined, 2));

/** Runs a program in a folder and gives what it wrote; a failure shows all of it. */
export const run = async (cwd: string, ...command: readonly [string, ...string[]]): Promise<string> => {
  const result = await runLimited({ command, cwd, limitMs: 120_000, output: 'keep' });
  if (result.end !== 'exited' || result.exitCode !== 0) {
    throw new Error(`${command.join(' ')}: ${result.end}, code ${result.exitCode}\n${result.output}`);
  }
  return result.output;
};

/**
 * Packs a copy into a folder, so that the build of the copy (`prepack`) does not touch the tree that other tests look at.
 *
 * @returns The name of the tarball.
 */
export const packInto = async (folder: string): Promise<string> => {
  const source = join(folder, 'source');
  mkdirSync(source);
  const manifest = readJson<{ name: string; version: string; files: readonly string[] }>('package.json');
  const needed = ['lib', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'LICENSE'];
  const read = globSync(manifest.files.filter((path) => path.endsWith('.md')));
  for (const file of [...needed, ...read]) cpSync(file, join(source, file), { recursive: true });
  symlinkSync(join(process.cwd(), 'node_modules'), join(source, 'node_modules'));
  await run(source, 'npm', 'pack', '--pack-destination', folder);
  return `${manifest.name}-${manifest.version}.tgz`;
};

/**
 * Installs a tarball that lies beside the consumer's folder, from the project's own lock file, which makes it the
 * versions that the project was tested with, and needs nothing of a registry but what `npm ci` has already put into
 * npm's cache. The types of Node come with it.
 */
export const installPacked = async (consumer: string, tarball: string): Promise<void> => {
  mkdirSync(consumer, { recursive: true });
  const { packages } = readJson<Lock>('package-lock.json');
  const manifest =
    readJson<Record<'version' | 'dependencies' | 'optionalDependencies' | 'bin', object>>('package.json');
  const { version, dependencies, optionalDependencies, bin } = manifest;
  const typePackages = ['node_modules/@types/node', 'node_modules/undici-types'];
  const needed = Object.entries(packages).filter(
    ([path, entry]) => path !== '' && (entry.dev !== true || typePackages.includes(path)),
  );
  const versionOf = (name: string): string | undefined => packages[`node_modules/${name}`]?.version;
  const root = {
    name: 'consumer',
    version: '1.0.0',
    private: true,
    type: 'module',
    dependencies: {
      'distributed-patterns': `file:../${tarball}`,
      '@types/node': versionOf('@types/node'),
      valibot: versionOf('valibot'),
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

/** The strictest options that a consumer may have. */
export const strictOptions = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
};

/** Compiles a project by the project's own compiler. */
export const compile = (consumer: string): Promise<string> =>
  run(consumer, process.execPath, join(process.cwd(), 'node_modules/typescript/bin/tsc'));
