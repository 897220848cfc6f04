import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readmeChecks, readmePreludes } from './readme-preludes.ts';
import { compile, installPacked, packInto, readJson, run, strictOptions, writeJson } from '../support/packed.ts';

const folder = mkdtempSync(join(realpathSync(tmpdir()), 'pack-'));
const consumer = join(folder, 'consumer');

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

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

const examplesOf = (files: string): readonly { readonly file: string; readonly code: string }[] =>
  globSync(files).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^```(?:ts|typescript)\n(.*?)^```/gms)]
      .map(([, code]) => ({ file, code: code ?? '' }))
      .filter(({ code }) => code.includes(`from 'distributed-patterns`)),
  );

/** A pattern's README shows an excerpt: the whole of it where it is said what that takes as given, else its imports. */
const excerpt = ({ file, code }: { readonly file: string; readonly code: string }): string => {
  const { [file]: prelude } = readmePreludes;
  if (prelude === undefined) return (code.match(/^import .*?;$/gms) ?? []).join('\n');
  return `${prelude}\n${code}\n${readmeChecks[file] ?? ''}`;
};

/** The README is copied as it stands. */
const readmeExamples = [
  ...examplesOf('README.md').map(({ code }) => code),
  ...examplesOf('functions/**/README.md').map(excerpt),
];

let tarball = '';

beforeAll(async () => {
  tarball = await packInto(folder);
  await installPacked(consumer, tarball);
}, 240_000);

test('the package holds what was built, and no source, test or setting of the project', async () => {
  const listed = (await run(folder, 'tar', '-tf', tarball)).trim().split('\n');
  const outside = listed.filter(
    (path) => !/^package\/(dist\/.*|package\.json|LICENSE|CHANGELOG\.md|(.*\/)?README\.md|docs\/\w+\.md)$/.test(path),
  );
  expect(outside).toEqual([]);
  expect(listed.filter((path) => /(?<!\.d)\.ts$/.test(path))).toEqual([]);
  expect(listed).toContain('package/dist/index.js');
  expect(listed).toContain('package/LICENSE');
});

test('what its documents link to as further reading is in the package', () => {
  const root = join(consumer, 'node_modules/distributed-patterns');
  const missing = globSync('**/*.md', { cwd: root, exclude: ['node_modules/**'] }).flatMap((file) => {
    const links = [...readFileSync(join(root, file), 'utf8').matchAll(/\]\((?!\w+:)([^)#\s]+\.md)[)#]/g)];
    return links
      .map(([, link]) => join(dirname(file), link ?? ''))
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `${path}, from ${file}`);
  });
  expect(missing).toEqual([]);
  expect(existsSync(join(root, 'docs/aws.md'))).toBe(true);
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
  writeJson(join(consumer, 'tsconfig.json'), {
    compilerOptions: { ...strictOptions, rootDir: 'src', outDir: 'out' },
    include: ['src'],
  });
  await compile(consumer);
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
}, 120_000);
