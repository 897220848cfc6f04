import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runLimited } from '../../scripts/run-limited.ts';
import { checks, verify } from '../../scripts/verify-checks.ts';

const folder = mkdtempSync(join(realpathSync(tmpdir()), 'checks-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const write = (text: string): void => writeFileSync(join(folder, 'lib/index.ts'), text);

const check = async (name: string): Promise<{ readonly exitCode: number; readonly output: string }> => {
  const command = checks.find((entry) => entry.name === name)?.command;
  if (command === undefined)
    throw new Error(`Expected a check named '${name}', got ${checks.map((c) => c.name).join()}.`);
  return runLimited({ command, cwd: folder, limitMs: 60_000, output: 'keep' });
};

beforeAll(() => {
  const settings = ['tsconfig.json', '.oxlintrc.json', '.oxfmtrc.json', 'jest.config.js', 'package.json'];
  for (const file of settings) cpSync(file, join(folder, file));
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'lib/cli'), { recursive: true });
});

const clean = `export const double = (value: number): number => value * 2;\n`;

/** Each check has a limit of its own: two of them are in each test. */
const CHECKS_MS = 180_000;

test.each([
  [
    'types',
    `export const planted: number = 'text';\nexport enum Planted {}\n`,
    ['index.ts(1,14)', 'erasableSyntaxOnly'],
  ],
  [
    'lint',
    `const planted = async (given: any): Promise<void> => given;\nplanted(1);\n`,
    ['no-floating-promises', 'no-explicit-any'],
  ],
  ['format', `export const planted = "double quotes";\n`, ['lib/index.ts']],
])(
  '%s passes what is right and refuses %j',
  async (name, planted, expected) => {
    write(clean);
    expect(await check(name)).toMatchObject({ end: 'exited', exitCode: 0 });
    write(planted);
    const refused = await check(name);
    expect(refused.exitCode).not.toBe(0);
    for (const said of expected) expect(refused.output).toContain(said);
  },
  CHECKS_MS,
);

test(
  'unused names files, exports and packages that nobody needs',
  async () => {
    cpSync('knip.ts', join(folder, 'knip.ts'));
    write(`export * from './used.ts';\n`);
    writeFileSync(join(folder, 'lib/used.ts'), `import { helped } from './helper.ts';\nexport const used = helped;\n`);
    writeFileSync(join(folder, 'lib/helper.ts'), `export const helped = 1;\nexport const plantedExport = 2;\n`);
    writeFileSync(join(folder, 'lib/planted-file.ts'), clean);
    const refused = await check('unused');
    expect(refused.exitCode).not.toBe(0);
    for (const planted of ['plantedExport', 'lib/planted-file.ts', 'fast-check'])
      expect(refused.output).toContain(planted);
    expect(refused.output).not.toMatch(/helped|lib\/used\.ts/);
  },
  CHECKS_MS,
);

test('verify counts a check that fails, is in doubt, does not start or does not end as failed, and runs the others', async () => {
  const node = (source: string): readonly [string, ...string[]] => [process.execPath, '--eval', source];
  const lines: string[] = [];
  const verdict = await verify({
    signal: new AbortController().signal,
    print: (line) => lines.push(line),
    checks: [
      { name: 'fails', command: node('console.log("what is wrong"); process.exit(1)'), limitMs: 20_000 },
      { name: 'doubted', command: node(''), limitMs: 20_000, doubt: () => 'It saw nothing.' },
      { name: 'absent', command: ['no-such-program'], limitMs: 20_000 },
      { name: 'endless', command: node('setInterval(() => {}, 1e6)'), limitMs: 1_000 },
      { name: 'right', command: node('console.log("quiet please")'), limitMs: 20_000 },
    ],
  });
  expect(verdict).toEqual({ passedCount: 1, failedCount: 4 });
  const printed = lines.join('\n');
  for (const said of ['what is wrong', 'It saw nothing.', 'no-such-program', 'did not end within 1.0 s']) {
    expect(printed).toContain(said);
  }
  expect(printed).toMatch(/^right +ok/m);
  expect(printed).not.toContain('quiet please');
});
