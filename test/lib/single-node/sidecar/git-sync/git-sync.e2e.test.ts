import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programOf, testRepository, type TestRepository } from '../../../../support/git-repository.ts';
import { until } from '../../../../support/http.ts';
import { startCli, type Program } from '../../../../support/program.ts';

const PATIENCE_MS = 60_000;

let repository: TestRepository;
let root: string;
let sidecar: Program;
let url: string;

const LIMITS = '--interval-ms 100 --healthy-ms 4000 --max-ends 1 --max-files 20 --max-bytes 100000';

const start = async (): Promise<void> => {
  const where = ['--repository', repository.path, '--root', root, '--port', '0'];
  const what = ['--command', process.execPath, '--arg', 'program.mjs'];
  sidecar = await startCli(['sidecar', 'git-sync', ...where, ...what, ...LIMITS.split(' ')]);
  url = sidecar.firstLine.replace(/^git-sync ready /, '');
};

const asked = async (at = '/'): Promise<string> => {
  const response = await fetch(`${url}${at}`, { signal: AbortSignal.timeout(20_000) });
  return `${response.status} ${await response.text()}`;
};
const served = (version: string): Promise<string> =>
  until(
    () => asked(),
    (answer) => answer === `200 ${version}`,
    PATIENCE_MS,
  );

interface State {
  readonly good: readonly string[];
  readonly bad: readonly { readonly commit: string; readonly reason: string }[];
}
const stateOf = async (): Promise<State> => JSON.parse(await readFile(path.join(root, 'state.json'), 'utf8')) as State;
const refusalOf = async (commit: string): Promise<string> => {
  const state = await until(stateOf, ({ bad }) => bad.some((each) => each.commit === commit), PATIENCE_MS);
  return state.bad.find((each) => each.commit === commit)?.reason ?? '';
};

/** Asks all the time, from several clients, while `work` goes on; every answer that was not 200 is a failure. */
const underLoad = async (work: () => Promise<void>) => {
  const seen = new Map<string, number>();
  const failures: string[] = [];
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) {
      const answer = await asked('/?ms=5').catch((error: unknown) => `failed: ${String(error)}`);
      seen.set(answer, (seen.get(answer) ?? 0) + 1);
      if (!answer.startsWith('200 ')) failures.push(answer);
      await sleep(2);
    }
  };
  const clients = Promise.all([client(), client(), client(), client()]);
  try {
    await work();
  } finally {
    isOver = true;
    await clients;
  }
  return { failures, seen };
};

beforeAll(async () => {
  repository = await testRepository();
  root = await mkdtemp(path.join(tmpdir(), 'git-sync-'));
  await repository.push({ 'program.mjs': programOf('one'), 'lib/deep/data.txt': 'data' });
  await start();
}, 90_000);
afterAll(async () => {
  await sidecar.end();
  await rm(root, { recursive: true, force: true });
  await repository.remove();
}, 90_000);

test(
  'pushes become the running version one after the other, and no request fails meanwhile',
  async () => {
    await served('one');
    const { failures, seen } = await underLoad(async () => {
      for (const version of ['two', 'three', 'four', 'five']) {
        await repository.push({ 'program.mjs': programOf(version) });
        await served(version);
      }
    });
    expect(failures).toEqual([]);
    expect([...seen.keys()]).toEqual(['200 one', '200 two', '200 three', '200 four', '200 five']);
    const { good } = await stateOf();
    // Three are kept, as --keep says.
    expect(good).toHaveLength(3);
    await until(
      () => readdir(path.join(root, 'versions')),
      (names) => names.length === 3,
      PATIENCE_MS,
    );
    expect(await readlink(path.join(root, 'current'))).toBe(`versions/${good[0]}`);
    console.log(`${[...seen.values()].reduce((sum, count) => sum + count, 0)} requests, 0 failed`);
  },
  2 * PATIENCE_MS,
);

test(
  'a request that the old version has is answered by it after the change',
  async () => {
    const slow = asked('/?ms=3000');
    await repository.push({ 'program.mjs': programOf('six') });
    await served('six');
    expect(await slow).toBe('200 five');
  },
  2 * PATIENCE_MS,
);

/** Where a bad version leaves a mark when something of it was run that must not be. */
const marked = (): string => path.join(root, 'marked');
const mark = (): string => `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marked())}, '');`;

test(
  'versions that are bad in any way change nothing: the old one goes on without a failed request',
  async () => {
    const good = programOf('never', { before: mark() });
    const bad: readonly (readonly [Parameters<TestRepository['push']>[0], RegExp])[] = [
      [
        { 'program.mjs': `console.error('broken on purpose'); process.exit(7);` },
        /ended with code 7: .*broken on purpose/s,
      ],
      [{ 'program.mjs': 'this is no program' }, /SyntaxError/],
      [{ 'other.mjs': good }, /Cannot find module/],
      [{ 'program.mjs': programOf('never', { health: 500 }) }, /not healthy within 4000 ms/],
      [{ 'program.mjs': good, passwd: { link: '/etc/passwd' } }, /"passwd" is a symbolic link/],
      [{ 'program.mjs': good, 'a/b': { link: '../..' } }, /"a\/b" is a symbolic link/],
      [{ 'program.mjs': { link: 'other.mjs' }, 'other.mjs': good }, /"program.mjs" is a symbolic link/],
      [{ 'program.mjs': good, 'large.txt': 'x'.repeat(100_001) }, /more than 100000 bytes/],
      [
        Object.fromEntries([['program.mjs', good], ...Array.from({ length: 20 }, (_, at) => [`${at}`, `${at}`])]),
        /more than 20 files/,
      ],
    ];
    const { failures, seen } = await underLoad(async () => {
      for (const [contents, reason] of bad) {
        const commit = await repository.push(contents);
        expect(await refusalOf(commit)).toMatch(reason);
        expect(await asked()).toBe('200 six');
      }
    });
    expect(failures).toEqual([]);
    expect([...seen.keys()]).toEqual(['200 six']);
    expect(existsSync(marked())).toBe(false);
  },
  3 * PATIENCE_MS,
);

test(
  'submodules are refused, and hooks, filters and attributes of a repository have no effect',
  async () => {
    const six = await repository.push({ 'program.mjs': programOf('six') });
    await served('six');
    await repository.git('update-index', '--add', '--cacheinfo', `160000,${six},module`);
    await repository.git('commit', '--quiet', '--message=module');
    await repository.git('push', '--quiet', '--force', 'origin', 'HEAD:main');
    expect(await refusalOf(await repository.git('rev-parse', 'HEAD'))).toMatch(/"module" is a submodule/);
    await repository.git('rm', '--cached', '--quiet', 'module');

    // Git itself refuses this one, as no honest git makes it; it is no version, and the next push is.
    const evil = '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% marked\n\tupdate = !touch marked\n';
    await repository.push({ 'program.mjs': programOf('never', { before: mark() }), '.gitmodules': evil });
    await sleep(1_000);
    expect(await asked()).toBe('200 six');
    await repository.push({ 'program.mjs': programOf('six again') });
    await served('six again');

    // In the repository, in our own copy of it, and as settings that a checkout would follow.
    const hook = `#!/bin/sh\ntouch ${marked()}\n`;
    for (const name of ['post-checkout', 'reference-transaction', 'post-merge'])
      await writeFile(path.join(root, 'mirror.git', 'hooks', name), hook, { mode: 0o755 });
    await writeFile(path.join(repository.path, 'hooks', 'post-checkout'), hook, { mode: 0o755 });
    for (const setting of ['filter.touch.smudge', 'uploadpack.packObjectsHook'])
      await repository.git('--git-dir', repository.path, 'config', setting, `touch ${marked()}; cat`);
    await repository.push({
      'program.mjs': programOf('seven $Id$'),
      '.gitattributes': '* filter=touch ident eol=crlf\n',
      'line.txt': 'one\n',
    });
    await served('seven $Id$');
    expect(await readFile(path.join(root, 'current', 'line.txt'), 'utf8')).toBe('one\n');
    expect(existsSync(marked())).toBe(false);
  },
  2 * PATIENCE_MS,
);

test(
  'a bad version is not tried again at every look, and a force-push back to a good one is followed',
  async () => {
    const [seven = ''] = (await stateOf()).good;
    const count = path.join(root, 'starts');
    const before = `import { appendFileSync } from 'node:fs'; appendFileSync(${JSON.stringify(count)}, '.'); process.exit(1);`;
    const commit = await repository.push({ 'program.mjs': programOf('never', { before }) });
    await refusalOf(commit);
    // Ten more looks.
    await sleep(1_500);
    expect(await readFile(count, 'utf8')).toBe('.');
    await repository.push({ 'program.mjs': programOf('eight') });
    await served('eight');
    await repository.reset(seven);
    await served('seven $Id$');
  },
  2 * PATIENCE_MS,
);

test(
  'a version that ends by itself is started again, and rolled back when it does so again',
  async () => {
    await repository.push({ 'program.mjs': programOf('mortal') });
    await served('mortal');
    expect(await asked('/die')).toMatch(/^502 /);
    await served('mortal');
    expect(await asked('/die')).toMatch(/^502 /);
    await served('seven $Id$');
    const { bad } = await stateOf();
    expect(bad[0]?.reason).toMatch(/ended by itself 2 times/);
  },
  2 * PATIENCE_MS,
);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test(
  'kill -9 of the sidecar ends the program too; started again it serves the last good version, and what was pushed since',
  async () => {
    for (const version of ['nine', 'ten', 'eleven']) {
      await repository.push({
        'program.mjs': programOf(version, {
          before: `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(path.join(root, 'pid'))}, String(process.pid));`,
        }),
      });
      // Once when it is served, then in the midst of the change.
      if (version === 'nine') await served(version);
      else await sleep(version === 'ten' ? 150 : 400);
      await sidecar.end('SIGKILL');
      // Empty, where it was killed while it wrote: the one before it was waited for.
      const pid = Number(await readFile(path.join(root, 'pid'), 'utf8'));
      await until(
        async () => pid > 0 && isAlive(pid),
        (alive) => !alive,
        PATIENCE_MS,
      );
      await start();
      await served(version);
    }
    const names = await readdir(path.join(root, 'versions'));
    expect(names.filter((name) => !/^[0-9a-f]{40}$/.test(name))).toEqual([]);
  },
  3 * PATIENCE_MS,
);

test(
  'while the repository is gone the last good version goes on, also after a restart',
  async () => {
    await sidecar.end();
    const away = `${repository.path}.away`;
    await rename(repository.path, away);
    await start();
    await served('eleven');
    await rename(away, repository.path);
    await repository.push({ 'program.mjs': programOf('twelve') });
    await served('twelve');
    expect(await sidecar.end('SIGTERM')).toBe(0);
  },
  2 * PATIENCE_MS,
);
