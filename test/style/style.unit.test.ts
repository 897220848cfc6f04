import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** What people wrote: not what was installed, built or drawn. */
const files = globSync(['*', '.ci/*', '{docs,functions,lib,localstack,scripts,test}/**/*'], {
  exclude: ['test/bench/node_modules/**'],
})
  .filter((file) => statSync(file).isFile())
  .toSorted();
const isText = (file: string): boolean =>
  /\.(ts|js|json|ya?ml|md|sh)$|^\.ci\/|^LICENSE$/.test(file) && file !== 'package-lock.json';
const textOf = new Map(files.filter(isText).map((file) => [file, readFileSync(file, 'utf8')]));

/** The lines that match, as `file:line: text`, so that a failure says where. Comments are no code. */
const linesWith = (pattern: RegExp, within: RegExp, options: { readonly comments?: boolean } = {}): readonly string[] =>
  [...textOf]
    .filter(([file]) => within.test(file) && file !== 'test/style/style.unit.test.ts')
    .flatMap(([file, text]) =>
      text
        .split('\n')
        .map((line, index) => ({ line: line.trim(), where: `${file}:${index + 1}` }))
        .filter(({ line }) => options.comments === true || !/^(\/\/|\/?\*)/.test(line))
        .filter(({ line }) => pattern.test(line))
        .map(({ line, where }) => `${where}: ${line}`),
    );

const libOutsideTheSystem = /^lib\/(?!primitives\/(aws\/|system-)|cli\/main\.ts)/;
const code = /\.[jt]s$/;

test('the tree is seen at all', () => {
  expect(textOf.size).toBeGreaterThan(30);
  expect([...textOf.keys()].some((file) => libOutsideTheSystem.test(file))).toBe(true);
});

test('time in the library comes from a clock that the caller gives', () => {
  expect(linesWith(/\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bhrtime\b/, libOutsideTheSystem)).toEqual([]);
  expect(linesWith(/\bset(Timeout|Interval)\b/, libOutsideTheSystem)).toEqual([]);
});

test('chance in the library comes from a source that the caller gives', () => {
  expect(linesWith(/\bMath\.random\b|\brandom(UUID|Bytes|Int)\b|\bgetRandomValues\b/, libOutsideTheSystem)).toEqual([]);
});

test('settings in the library come from the caller, not from the environment', () => {
  expect(linesWith(/\bprocess\.env\b/, libOutsideTheSystem)).toEqual([]);
});

// A test for which the platform lacks something may be `(has ? test : test.skip)(…)`; jest then counts it as skipped.
// `test.failing` is what a backend is known not to hold: it fails as soon as it does.
test('no test is skipped, focused or postponed', () => {
  expect(
    linesWith(
      /\b(test|it|describe)(\.each)?\.(skip|only|todo)\b(?=[.(])|\b(xit|xtest|xdescribe|fit|fdescribe)\(/,
      /^test\//,
    ),
  ).toEqual([]);
});

test('modules are not mocked: what a test replaces, it passes in', () => {
  expect(linesWith(/\bjest\.(unstable_)?(mock|mockModule|doMock)\b/, /^test\//)).toEqual([]);
});

test('nothing listens on all addresses', () => {
  const address = /['"`]0\.0\.0\.0['"`]|\b(listen|host|address)\w*\b.*['"`]::['"`]/i;
  expect(linesWith(address, /^(lib|functions|localstack|scripts)\//)).toEqual([]);
  expect(linesWith(/\.listen\(\s*(\d+|port|options\.port)?\s*(,\s*\(|\))/, code)).toEqual([]);
});

test('types are not switched off', () => {
  // A `.types.ts` holds what must not compile: there, each line that is no error is one.
  const elsewhere = /(?<!\.types)\.ts$|\.js$/;
  expect(linesWith(/@ts-(ignore|nocheck)/, code, { comments: true })).toEqual([]);
  expect(linesWith(/@ts-expect-error/, elsewhere, { comments: true })).toEqual([]);
  expect(linesWith(/\bas unknown as\b|\bas any\b/, code)).toEqual([]);
});

test('a file has at most 300 lines, one with the cases of a test at most 600', () => {
  const long = [...textOf]
    .filter(([file]) => code.test(file))
    .map(([file, text]) => ({ file, lineCount: text.trimEnd().split('\n').length }))
    .filter(({ file, lineCount }) => lineCount > (file.startsWith('test/') ? 600 : 300));
  expect(long).toEqual([]);
});

test('a pattern has the same path in functions and in lib, and a README', () => {
  const folders = new Set(
    files
      .filter((file) => /^functions\/(single-node|serving|batch)\/[^/]+\//.test(file))
      .map((file) => {
        const [, part, pattern] = file.split('/');
        return `${part}/${pattern}`;
      }),
  );
  for (const folder of folders) {
    expect({ folder, readme: textOf.has(`functions/${folder}/README.md`) }).toEqual({ folder, readme: true });
    expect({ folder, lib: existsSync(`lib/${folder}`) }).toEqual({ folder, lib: true });
  }
});

test('a test lies where the code that it tests lies', () => {
  const stray = files
    .filter((file) => /^test\/(lib|functions|localstack)\/.*\.test\.ts$/.test(file))
    .map((file) => dirname(file))
    .filter((folder) => !existsSync(folder.replace(/^test\//, '')));
  expect([...new Set(stray)]).toEqual([]);
});

test('no path of a machine is written down', () => {
  expect(linesWith(/(^|[^\w.])\/(home|Users|root|work)\/\w/, /./, { comments: true })).toEqual([]);
});

test('the lock file names no registry, and has the native parts of every platform', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    readonly packages: Record<string, { readonly resolved?: string; readonly optionalDependencies?: object }>;
  };
  const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
  expect(resolved).toEqual([]);
  const missing = Object.values(lock.packages)
    .flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}))
    .filter((name) => /(darwin|linux|win32)-/.test(name) && lock.packages[`node_modules/${name}`] === undefined);
  // `node scripts/complete-lock.ts` adds them.
  expect(missing).toEqual([]);
});
