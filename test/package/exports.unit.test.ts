import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly exports: Record<string, string>;
  readonly imports: Record<string, string>;
  readonly bin: Record<string, string>;
  readonly files: readonly string[];
  readonly private: boolean;
};

const sources = globSync('lib/**/*.ts');
const sourceOf = (target: string): string => target.replace('./dist/', 'lib/').replace(/\.js$/, '.ts');

/** These are no group: each file in them is a thing of its own, with a subpath of its own. */
const flatFolders = ['lib/single-node', 'lib/serving', 'lib/batch'];
/** In the folder of a group, and a thing of its own: who wants the one does not want what the other brings along. */
const apart = ['lib/resilience/idempotency.ts'];
/** What the patterns beside them have in common: no thing of its own, so without a subpath. */
const inCommon = ['lib/batch/cursor.ts', 'lib/batch/json-fault.ts', 'lib/batch/message.ts', 'lib/batch/pause.ts'];
/** Run, not imported. */
const programs = ['lib/cli'];

const folders = [...new Set(sources.map((file) => dirname(file)))].filter((folder) => !programs.includes(folder));
const groups = folders.filter((folder) => !flatFolders.includes(folder) && /^lib(\/[^/]+){0,2}$/.test(folder));

test('every pattern and every group of the library has an index', () => {
  expect(groups.filter((folder) => !existsSync(`${folder}/index.ts`))).toEqual([]);
});

test('every pattern and every group has one subpath, and every subpath leads to one', () => {
  const wanted = [
    ...groups.map((folder) => [folder.replace(/^lib/, '.'), `./dist${folder.replace(/^lib/, '')}/index.js`]),
    ...sources
      .filter((file) => flatFolders.includes(dirname(file)) || apart.includes(file))
      .filter((file) => !inCommon.includes(file))
      .map((file) => file.replace(/^lib\//, '').replace(/\.ts$/, ''))
      .map((name) => [`./${name}`, `./dist/${name}.js`]),
    ['./package.json', './package.json'],
  ];
  expect(manifest.exports).toEqual(Object.fromEntries(wanted));
});

test('what package.json leads to in dist has its source in lib', () => {
  const targets = [...Object.values(manifest.exports), ...Object.values(manifest.bin)];
  const built = targets.filter((target) => target.startsWith('./dist/'));
  expect(built.filter((target) => !existsSync(sourceOf(target)))).toEqual([]);
  expect(built.length).toBeGreaterThan(2);
});

test('the package imports have one name for each folder of the library', () => {
  for (const [name, target] of Object.entries(manifest.imports)) {
    expect(target).toBe(`./lib/${name.slice(1, -2)}/*.ts`);
  }
});

test('the package holds what was built and what is to be read, and is not published by accident', () => {
  expect(manifest.files[0]).toBe('dist');
  expect(manifest.files.slice(1).filter((path) => !path.endsWith('.md'))).toEqual([]);
  expect(manifest.private).toBe(true);
});
