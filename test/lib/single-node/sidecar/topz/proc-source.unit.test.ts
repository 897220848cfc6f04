import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { procSource } from '#single-node/sidecar/topz/proc-source';

const root = mkdtempSync(path.join(tmpdir(), 'proc-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A program as `/proc` shows it: fields 3 to 22 of its line, the rest of no interest here. */
const write = (
  pid: number,
  of: { readonly name?: string; readonly state?: string; readonly user?: number; readonly start?: number },
): void => {
  const { name = 'legacy', state = 'S', user = 250, start = 500 } = of;
  mkdirSync(path.join(root, `${pid}/fd`), { recursive: true });
  for (const file of ['0', '1', '2']) writeFileSync(path.join(root, `${pid}/fd/${file}`), '');
  const stat = [state, 1, 1, 1, 0, -1, 0, 0, 0, 0, 0, user, 30, 0, 0, 20, 0, 7, 0, start, 999_999, 1];
  writeFileSync(path.join(root, `${pid}/stat`), `${pid} (${name}) ${stat.join(' ')} 0 0 0\n`);
  writeFileSync(path.join(root, `${pid}/status`), 'Name:\tlegacy\nVmRSS:\t   2048 kB\nThreads:\t7\n');
};
writeFileSync(path.join(root, 'stat'), 'cpu 1 2 3\nbtime 1700000000\nprocesses 5\n');

test.each([['legacy'], ['a b'], [') R 1 2'], ['']])('a program with the name %j is read as it is', async (name) => {
  write(10, { name });
  expect(await procSource({ pid: 10, root }).read()).toEqual({
    status: 'running',
    usage: {
      pid: 10,
      startedAtMs: 1_700_000_000_000 + 5_000,
      cpuUserMs: 2_500,
      cpuSystemMs: 300,
      residentBytes: 2_048 * 1_024,
      threads: 7,
      openFiles: 3,
    },
  });
});

test('a pid that nobody has is gone', async () => {
  expect(await procSource({ pid: 11, root }).read()).toEqual({ status: 'gone' });
});

test('a program that ended and was not waited for is gone', async () => {
  write(12, { state: 'Z' });
  expect(await procSource({ pid: 12, root }).read()).toEqual({ status: 'gone' });
});

test('a pid that another program has got is not mistaken for the program', async () => {
  write(13, { start: 500 });
  const source = procSource({ pid: 13, root });
  expect(await source.read()).toMatchObject({ status: 'running' });
  write(13, { start: 501, user: 0 });
  expect(await source.read()).toEqual({ status: 'gone' });
});

test('a program that ends while it is read is gone', async () => {
  write(14, {});
  rmSync(path.join(root, '14/status'));
  expect(await procSource({ pid: 14, root }).read()).toEqual({ status: 'gone' });
});
