import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import {
  allProcesses,
  endProcesses,
  markedProcesses,
  markOf,
  type Process,
} from '../../../localstack/localstack/processes.ts';
import { isAlive } from '../../support/processes.ts';

const GRACE_MS = 2_000;

const process_ = (pid: number, parent: number, command: string): Process => ({ pid, parent, residentKb: 1, command });

test('the processes of an instance are the marked ones and all below, also when the first one is gone', () => {
  const mark = markOf('/c/run/4566');
  const all = [
    process_(10, 1, `python main.py jars ${mark}`),
    process_(11, 10, 'git clone'),
    process_(12, 11, 'ssh'),
    process_(20, 1, `node bootstrap.ts 3 ${mark}`),
    process_(30, 1, `python main.py jars ${markOf('/c/run/45660')}`),
    process_(31, 1, 'tail -f /c/run/4566/log'),
  ];
  expect(markedProcesses(mark, all).map(({ pid }) => pid)).toEqual([10, 20, 11, 12]);
});

/** A process that is marked, and starts one that is not. */
const startMarked = async (mark: string, trap: string): Promise<{ root: ChildProcess; childPid: number }> => {
  const script = `${trap} sleep 600 & echo $!; wait; wait`;
  const root = spawn('sh', ['-c', script, mark], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  const [chunk] = (await once(root.stdout, 'data')) as [Buffer];
  return { root, childPid: Number(chunk.toString()) };
};

test.each([
  ['one that ends at SIGTERM', ''],
  ['one that does not', "trap '' TERM;"],
])('ends %s, with what it started and left behind', async (_, trap) => {
  const mark = markOf(`/nowhere/${randomUUID()}`);
  const { root, childPid } = await startMarked(mark, trap);
  const ended = once(root, 'exit');
  await endProcesses(mark, root.pid ?? 0, GRACE_MS);
  await ended;
  expect(isAlive(childPid)).toBe(false);
  expect(markedProcesses(mark, allProcesses())).toEqual([]);
});

test('what a killed one left behind, marked, is found and ended', async () => {
  const mark = markOf(`/nowhere/${randomUUID()}`);
  const { root, childPid } = await startMarked(mark, '');
  const ended = once(root, 'exit');
  // Its first process, which was recorded, is another one by now.
  await endProcesses(mark, 1, GRACE_MS / 10);
  await ended;
  expect(isAlive(childPid)).toBe(false);
});
