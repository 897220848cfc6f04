import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MODULE = path.resolve(import.meta.dirname, '../../../localstack/plugin/package-lock.ts');

let serviceDir: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  serviceDir = mkdtempSync(path.join(tmpdir(), 'service-'));
});
afterEach(async () => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  rmSync(serviceDir, { recursive: true, force: true });
});

/** A process that locks, says so, and holds the lock until its standard input ends. */
const locker = (timeoutMs = 20_000): ChildProcess => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const script = `
    import { lockPackaging } from ${JSON.stringify(MODULE)};
    const say = () => process.stdout.write('waits');
    await lockPackaging(${JSON.stringify(serviceDir)}, { timeoutMs: ${timeoutMs}, say });
    process.stdout.write('has it');
    process.stdin.on('end', () => process.exit(0)).resume();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
};
const said = async (child: ChildProcess): Promise<string> => {
  if (child.stdout === null) throw new Error('The child has no output.');
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return chunk.toString();
};

test('a second process waits until the first has ended', async () => {
  const first = locker();
  expect(await said(first)).toBe('has it');
  const second = locker();
  expect(await said(second)).toBe('waits');
  first.stdin?.end();
  expect(await said(second)).toBe('has it');
});

test('the lock of a process that was killed holds nobody up', async () => {
  const first = locker();
  expect(await said(first)).toBe('has it');
  first.kill('SIGKILL');
  await once(first, 'exit');
  expect(await said(locker())).toBe('has it');
});

test('who waits in vain is told for whom', async () => {
  const first = locker();
  expect(await said(first)).toBe('has it');
  const second = locker(0);
  let errors = '';
  second.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  expect(await once(second, 'close')).toEqual([1, null]);
  expect(errors).toContain(`Expected process ${first.pid}, which packages this service, to end`);
});
