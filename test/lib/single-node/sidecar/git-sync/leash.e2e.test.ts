import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#primitives/system-clock';
import { leash, type LeashedProgram } from '#single-node/sidecar/git-sync/leash';
import { until } from '../../../../support/http.ts';

const PATIENCE_MS = 30_000;
const clock = systemClock();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'leash-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (script: string): LeashedProgram =>
  leash({
    command: '/bin/sh',
    args: ['-c', script],
    folder,
    environment: { PATH: '/usr/bin:/bin', GIVEN: 'yes' },
    clock,
  });

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const ends = (pid: number): Promise<boolean> =>
  until(
    async () => isAlive(pid),
    (alive) => !alive,
    PATIENCE_MS,
    20,
  );

test('a program gets its environment and no more, and how it ended is told, with what it printed', async () => {
  process.env['LEASH_SECRET'] = 'secret';
  const program = run('echo "given $GIVEN, secret <$LEASH_SECRET>" >&2; exit 7');
  expect(await program.ended).toBe('ended with code 7: given yes, secret <>');
  delete process.env['LEASH_SECRET'];
});

test('the process id is that of the program', async () => {
  const program = run('echo $$ > pid; exec sleep 60');
  const pid = await program.pid;
  const own = await until(() => readFile(path.join(folder, 'pid'), 'utf8').catch(() => ''), Boolean, PATIENCE_MS, 20);
  expect(pid).toBe(Number(own));
  program.kill();
  expect(await program.ended).toBe('ended by SIGKILL');
  await ends(pid);
});

test('SIGTERM reaches the program, also in its first moment, and its exit code comes back', async () => {
  for (const waitMs of [0, 1, 2, 5, 10, 100]) {
    const program = run(`trap 'exit 5' TERM; sleep 60 & wait`);
    await sleep(waitMs);
    program.terminate();
    // Before the program could say what is to be done, the signal itself ends it.
    expect(await program.ended).toMatch(/^ended (with code 5|by signal 15)/);
    await ends(await program.pid);
  }
});

test('what the program started ends with it, however it ended', async () => {
  const left = run(`(trap '' TERM; echo started; sleep 62) & sleep 1; exit 0`);
  expect(await left.ended).toBe('ended with code 0: started');
  const lines = async (): Promise<readonly string[]> =>
    spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout.split('\n');
  await until(lines, (all) => !all.includes('sleep 62'), PATIENCE_MS, 100);

  const program = run('sleep 60 & echo $! > child; wait');
  const child = Number(
    await until(() => readFile(path.join(folder, 'child'), 'utf8').catch(() => ''), Boolean, PATIENCE_MS, 20),
  );
  program.kill();
  await ends(child);
  expect(isAlive(child)).toBe(false);
});

test('a program that is not there is a reason, not an exception', async () => {
  const program = leash({ command: path.join(folder, 'nothing'), args: [], folder, environment: {}, clock });
  expect(await program.ended).toMatch(/^ended with code 127/);
  const nowhere = leash({ command: '/bin/true', args: [], folder: path.join(folder, 'gone'), environment: {}, clock });
  expect(await nowhere.ended).toMatch(/ENOENT/);
});

test('whenever the process that holds the leash is killed, nothing of the program stays', async () => {
  const holder = path.join(folder, 'holder.ts');
  const library = path.resolve('lib/single-node/sidecar/git-sync/leash.ts');
  const systemClockFile = path.resolve('lib/primitives/system-clock.ts');
  const mark = `leash-test-${process.pid}`;
  await writeFile(
    holder,
    `import { leash } from ${JSON.stringify(library)};
     import { systemClock } from ${JSON.stringify(systemClockFile)};
     console.log('now');
     leash({ command: '/bin/sh', args: ['-c', 'sleep 61; echo ${mark}'], folder: ${JSON.stringify(folder)}, environment: { PATH: '/usr/bin:/bin' }, clock: systemClock() });`,
  );
  const found = async (): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const ps = spawn('ps', ['-eo', 'pid,args'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    ps.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    ps.on('close', () =>
      resolve(
        text
          .split('\n')
          .filter((line) => line.includes(mark))
          .join('\n'),
      ),
    );
    return promise;
  };
  for (let afterMs = 0; afterMs < 30; afterMs += 1) {
    const child = spawn(process.execPath, [holder], { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => void child.stdout.once('data', resolve));
    await sleep(afterMs);
    child.kill('SIGKILL');
  }
  expect(await until(found, (lines) => lines === '', PATIENCE_MS)).toBe('');
}, 120_000);
