import { memoryClock } from '#primitives/memory/clock';
import { DrainingError, replica, type ReadinessCheck } from '#serving/replicated/replica';

const some = (checks: readonly ReadinessCheck[] = []) => {
  const clock = memoryClock();
  return { clock, replica: replica({ name: 'r1', clock, checks, checkTimeoutMs: 100, recheckMs: 1_000 }) };
};
const good = async (): Promise<void> => undefined;
const bad = async (): Promise<void> => {
  throw new Error('no route');
};

test('it is ready when all is there, degraded without what it can do without, and unready without the rest', async () => {
  const readiness = (...checks: ReadinessCheck[]) => some(checks).replica.readiness();
  expect(await readiness({ name: 'a', check: good, isRequired: true })).toEqual({
    status: 'ready',
    checks: [{ name: 'a', ok: true }],
  });
  expect(
    await readiness({ name: 'a', check: good, isRequired: true }, { name: 'b', check: bad, isRequired: false }),
  ).toEqual({
    status: 'degraded',
    checks: [
      { name: 'a', ok: true },
      { name: 'b', ok: false, reason: 'no route' },
    ],
  });
  expect(await readiness({ name: 'a', check: bad, isRequired: true })).toMatchObject({ status: 'unready' });
});

test('a check that hangs has failed in time, and its signal says so', async () => {
  let aborted = false;
  const hang = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true;
        reject(new Error('late'));
      });
    });
  const { clock, replica: made } = some([{ name: 'a', check: hang, isRequired: true }]);
  const startedMs = clock.monotonicMs();
  expect(await clock.until(made.readiness())).toMatchObject({ status: 'unready' });
  expect(clock.monotonicMs() - startedMs).toBe(100);
  expect(aborted).toBe(true);
});

test('however often it is asked, it asks others once in a while', async () => {
  let count = 0;
  const counting = async (): Promise<void> => {
    count += 1;
  };
  const { clock, replica: made } = some([{ name: 'a', check: counting, isRequired: true }]);
  await Promise.all(Array.from({ length: 100 }, () => made.readiness()));
  expect(count).toBe(1);
  await clock.advance(1_000);
  await made.readiness();
  expect(count).toBe(2);
});

test('a replica that drains finishes what it has, takes no more, and says so', async () => {
  const { clock, replica: made } = some();
  const running = [1, 2, 3].map((n) =>
    made.serve(async () => {
      await clock.sleep(100 * n);
      return n;
    }),
  );
  const drained = made.drain(1_000);
  expect(await made.readiness()).toMatchObject({ status: 'draining' });
  let isDone = false;
  await expect(
    made.serve(async () => {
      isDone = true;
    }),
  ).rejects.toBeInstanceOf(DrainingError);
  expect(isDone).toBe(false);
  expect(await clock.until(drained)).toEqual({ leftCount: 0 });
  expect(clock.monotonicMs()).toBe(300);
  expect(await Promise.all(running)).toEqual([1, 2, 3]);
  expect(await made.drain(0)).toEqual({ leftCount: 0 });
});

test('a replica whose requests do not end drains in time, and says how many are left', async () => {
  const { clock, replica: made } = some();
  void made.serve(() => new Promise(() => undefined));
  expect(await clock.until(made.drain(1_000))).toEqual({ leftCount: 1 });
});

test('a drain that is asked for again ends with the work as well, and so does the first', async () => {
  const { clock, replica: made } = some();
  await made.serve(good);
  void made.serve(() => clock.sleep(2_000));
  const drains = [made.drain(60_000), made.drain(60_000)];
  expect(await clock.until(Promise.all(drains))).toEqual([{ leftCount: 0 }, { leftCount: 0 }]);
  expect(clock.monotonicMs()).toBe(2_000);
});

test('a request that fails is served as well', async () => {
  const { replica: made } = some();
  await expect(made.serve(bad)).rejects.toThrow('no route');
  expect(await made.drain(1_000)).toEqual({ leftCount: 0 });
});
