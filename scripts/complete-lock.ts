/**
 * Adds to package-lock.json the native packages that npm left out. npm writes down only the platforms that the registry
 * offered when the lock was made, and `npm ci` on another platform then installs tools without their native part. Run
 * it after each change of the dependencies; test/style fails while something is missing. What it adds has no integrity,
 * since nothing was downloaded; everything that was has one.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockEntry> };

const libcOf: Readonly<Record<string, string>> = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

/** `…/binding-linux-arm64-musl` → what npm compares with the platform that it runs on. */
const platformOf = (name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> | undefined => {
  const match = /(darwin|linux|win32|freebsd|android|openharmony)-([a-z0-9]+)(?:-([a-z]+))?$/.exec(name);
  if (match === null) return undefined;
  const [, os = '', cpu = '', abi = ''] = match;
  const libc = os === 'linux' ? libcOf[abi] : undefined;
  return { cpu: [cpu], os: [os], ...(libc === undefined ? {} : { libc: [libc] }) };
};

let addedCount = 0;
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const platform = platformOf(name);
    const path = `node_modules/${name}`;
    // Only exact versions: native parts are released together with what needs them.
    if (platform === undefined || lock.packages[path] !== undefined || !/^\d/.test(version)) continue;
    lock.packages[path] = { version, ...(entry.dev === true ? { dev: true } : {}), optional: true, ...platform };
    addedCount += 1;
  }
}
const byPath = Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en'));
writeFileSync(
  'package-lock.json',
  `${JSON.stringify({ ...lock, packages: Object.fromEntries(byPath) }, undefined, 2)}\n`,
);
console.log(`Added ${addedCount} native packages to package-lock.json.`);
