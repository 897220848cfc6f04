import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#primitives/system-clock';
import { processSource } from '#single-node/sidecar/topz/process-source';
import { topz } from '#single-node/sidecar/topz/topz';
import { withSidecar } from '#single-node/sidecar/with-sidecar';
import { keptLog } from '../../../../support/sidecar-place.ts';

const spin = (ms: number): void => {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
};

test('the own process is read with the delay of its event loop, which is that since the reading before', async () => {
  const usage = topz({ source: processSource({ clock: systemClock() }), clock: systemClock() });
  await usage.read();
  await sleep(60);
  spin(400);
  await sleep(60);
  const report = await usage.read();
  expect(report).toMatchObject({ status: 'running', source: 'process', pid: process.pid });
  expect(report.eventLoopDelay?.maxMs).toBeGreaterThan(300);
  expect(report.cpu.ratio).toBeGreaterThan(0);
  expect(report.memory.residentBytes).toBeGreaterThan(1_000_000);
  await usage.stop?.(AbortSignal.abort());
});

test('beside a function it counts the calls, those that failed, and the time in them', async () => {
  const clock = systemClock();
  const usage = topz({ source: processSource({ clock }), clock });
  const handler = withSidecar(
    async (event: { fail: boolean }, _context: object) => {
      if (event.fail) throw new Error('no');
      return 'yes';
    },
    { optional: [usage] },
    { clock, log: keptLog(), startMs: 10_000, beforeMs: 10_000, afterMs: 10_000, stopMs: 10_000, maxPendingAfter: 10 },
  );
  expect(await handler({ fail: false }, {})).toBe('yes');
  await expect(handler({ fail: true }, {})).rejects.toThrow('no');
  await handler.stop();
  const { invocations } = await usage.read();
  expect(invocations).toMatchObject({ count: 2, failed: 1 });
});
