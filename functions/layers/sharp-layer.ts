import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** What Lambda runs functions on: Amazon Linux 2023 on x86_64, with glibc. */
const LAMBDA = { os: 'linux', cpu: 'x64', libc: 'glibc' } as const;
const OF_LAMBDA = /-linux-x64$/;
const FETCH_TIMEOUT_MS = 120_000;

const manifestOf = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as Manifest;

/** Name and version of what a package needs beside itself, as it is installed. */
const dependenciesOf = async (modules: string, name: string): Promise<ReadonlyMap<string, string>> => {
  const { version, dependencies = {} } = await manifestOf(path.join(modules, name));
  const found = new Map([[name, version]]);
  for (const dependency of Object.keys(dependencies))
    // One that lies inside the package comes along with it.
    if (!existsSync(path.join(modules, name, 'node_modules', dependency)))
      for (const [each, its] of await dependenciesOf(modules, dependency)) found.set(each, its);
  return found;
};

/** Sharp, its dependencies, and its native parts: those of Lambda, and where asked for those of this machine. */
const packagesOf = async (modules: string, withOwnPlatform: boolean): Promise<ReadonlyMap<string, string>> => {
  const { optionalDependencies = {} } = await manifestOf(path.join(modules, 'sharp'));
  const native = Object.entries(optionalDependencies).filter(
    ([name]) => OF_LAMBDA.test(name) || (withOwnPlatform && existsSync(path.join(modules, name))),
  );
  return new Map([...(await dependenciesOf(modules, 'sharp')), ...native].toSorted(([a], [b]) => (a < b ? -1 : 1)));
};

/** What this machine has not installed, since it is another platform: npm brings it. */
const fetchPackages = async (packages: readonly (readonly [string, string])[], folder: string): Promise<void> => {
  const { os, cpu, libc } = LAMBDA;
  const platform = [`--os=${os}`, `--cpu=${cpu}`, `--libc=${libc}`];
  const quiet = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  const wanted = packages.map(([name, version]) => `${name}@${version}`);
  try {
    await promisify(execFile)('npm', ['install', '--prefix', folder, ...platform, ...quiet, ...wanted], {
      timeout: FETCH_TIMEOUT_MS,
    });
  } catch (error) {
    throw new Error(`Expected npm to bring ${wanted.join(' and ')} for ${os}-${cpu}: ${String(error)}`, {
      cause: error,
    });
  }
};

/**
 * Puts sharp for Lambda's platform where `layers:` in serverless.yml expects it, in the version that is installed.
 * Does nothing when it is there already; another process that builds it at the same time does no harm.
 *
 * @param options.withOwnPlatform Also the native parts of this machine: functions of local stages may run on it.
 * @throws what npm says, where the binaries of Lambda's platform are not installed and cannot be fetched.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-layers.html
 * @see https://sharp.pixelplumbing.com/install/#aws-lambda
 */
export const buildSharpLayer = async (options: {
  readonly serviceDir: string;
  readonly withOwnPlatform: boolean;
}): Promise<void> => {
  const modules = path.join(options.serviceDir, 'node_modules');
  const layers = path.join(options.serviceDir, '.layers');
  const target = path.join(layers, 'sharp');
  const list = path.join('nodejs', 'packages.json');
  const packages = await packagesOf(modules, options.withOwnPlatform);
  const contents = `${JSON.stringify(Object.fromEntries(packages), null, 2)}\n`;
  const isThere = async (): Promise<boolean> =>
    (await readFile(path.join(target, list), 'utf8').catch(() => '')) === contents;
  if (await isThere()) return;
  await mkdir(layers, { recursive: true });
  const draft = await mkdtemp(path.join(layers, 'sharp-'));
  try {
    const missing = [...packages].filter(([name]) => !existsSync(path.join(modules, name)));
    if (missing.length > 0) await fetchPackages(missing, path.join(draft, 'fetched'));
    for (const [name] of packages) {
      const source = existsSync(path.join(modules, name)) ? modules : path.join(draft, 'fetched', 'node_modules');
      await cp(path.join(source, name), path.join(draft, 'layer', 'nodejs', 'node_modules', name), { recursive: true });
    }
    await writeFile(path.join(draft, 'layer', list), contents);
    await rm(target, { recursive: true, force: true });
    await rename(path.join(draft, 'layer'), target).catch(async (error: unknown) => {
      if (!(await isThere())) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
};
