import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:process';
import { procSource } from '#single-node/sidecar/topz/proc-source';
import { cpuTimeMs, psSource } from '#single-node/sidecar/topz/ps-source';

test.each([
  ['00:00:00', 0],
  ['00:01:02', 62_000],
  ['1-02:03:04', 93_784_000],
  ['0:00.07', 70],
  ['12:34.50', 754_500],
  ['1:02:03.25', 3_723_250],
])('processor time %s of ps is %d ms', (text, ms) => {
  expect(cpuTimeMs(text)).toBe(ms);
});

test('ps sees a program, says when it was started, and that it is gone when it ended', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const pid = child.pid ?? 0;
  const source = psSource({ pid });
  const first = await source.read();
  expect(first).toMatchObject({ status: 'running', usage: { pid, cpuSystemMs: 0 } });
  if (platform === 'linux' && first.status === 'running') {
    const proc = await procSource({ pid }).read();
    expect(proc.status).toBe('running');
    if (proc.status === 'running') {
      expect(Math.abs(proc.usage.startedAtMs - first.usage.startedAtMs)).toBeLessThan(3_000);
    }
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await source.read()).toEqual({ status: 'gone' });
});
