import { UnavailableError } from '#primitives/errors';
import { faults } from '#primitives/memory/faults';
import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { health, type HealthOptions, type HealthProbe, type HealthReport } from '#single-node/adapter/health';
import { queueProbe, redisProbe, tableProbe } from '#single-node/adapter/health-probes';
import type { RedisCommand } from '#single-node/adapter/redis-client';

const probe = (componentId: string, run: HealthProbe['probe'], more: Partial<HealthProbe> = {}): HealthProbe => ({
  name: 'thing:responseTime',
  componentId,
  probe: run,
  ...more,
});
const fine = async () => ({ value: 1, unit: 'ms' });

const reporter = (probes: readonly HealthProbe[], options: Partial<HealthOptions> = {}) => {
  const clock = memoryClock();
  const report = health({ probes, clock, deadlineMs: 1_000, concurrency: 10, ...options });
  return { clock, report: () => clock.until(report()) };
};
const statusesOf = ({ checks }: HealthReport) =>
  Object.fromEntries(
    Object.values(checks)
      .flat()
      .map(({ componentId, status, output }) => [componentId, output === undefined ? status : `${status}: ${output}`]),
  );

test('a report has the form of the draft: status, and checks by component and measurement', async () => {
  const { report } = reporter([probe('a', fine), probe('b', fine), probe('c', fine, { name: 'other:depth' })], {
    serviceId: 's',
    description: 'd',
  });
  const check = (componentId: string) => ({
    componentId,
    componentType: 'component',
    observedValue: 1,
    observedUnit: 'ms',
    status: 'pass',
    time: '2023-11-14T22:13:20.000Z',
  });
  expect(await report()).toEqual({
    status: 'pass',
    serviceId: 's',
    description: 'd',
    checks: { 'thing:responseTime': [check('a'), check('b')], 'other:depth': [check('c')] },
  });
});

test('the whole is as bad as the worst of its parts; of a part that is not required, a warning at most', async () => {
  const failing = () => Promise.reject(new UnavailableError('x'));
  const warning = async () => ({ value: 9, status: 'warn', output: 'slow' }) as const;
  const bySet = async (...probes: readonly HealthProbe[]) => (await reporter(probes).report()).status;
  expect(await bySet(probe('a', fine), probe('b', warning))).toBe('warn');
  expect(await bySet(probe('a', warning), probe('b', failing))).toBe('fail');
  expect(await bySet(probe('a', fine), probe('b', failing, { required: false }))).toBe('warn');
});

test('nothing of the insides is told: of our own errors the kind, of others that it failed', async () => {
  const { report } = reporter([
    probe('ours', () => Promise.reject(new UnavailableError('table secret-name'))),
    probe('others', () => Promise.reject(new Error('password hunter2 at /srv/x.ts'))),
    probe('thrown', () => {
      throw new TypeError('at /srv/y.ts');
    }),
  ]);
  expect(statusesOf(await report())).toEqual({
    ours: 'fail: primitives/unavailable',
    others: 'fail: failed',
    thrown: 'fail: failed',
  });
});

test('what hangs fails at its deadline, whether or not it heeds its signal, and holds up nobody', async () => {
  const { clock, report } = reporter([
    probe('deaf', () => new Promise(() => undefined)),
    probe(
      'heeding',
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    ),
    probe('fine', fine),
  ]);
  const seen = statusesOf(await report());
  expect(seen).toMatchObject({ deaf: 'fail: no answer within 1000 ms', fine: 'pass' });
  expect(seen['heeding']).toMatch(/^fail/);
  expect(clock.monotonicMs()).toBe(1_000);
});

test('a report takes at most so many rounds of the deadline as its concurrency makes', async () => {
  const deaf = Array.from({ length: 10 }, (_, at) => probe(`${at}`, () => new Promise(() => undefined)));
  const { clock, report } = reporter(deaf, { concurrency: 4 });
  await report();
  expect(clock.monotonicMs()).toBe(3_000);
});

test('a probe that never ended is not begun again, and is once it has', async () => {
  let begun = 0;
  let release: (() => void) | undefined;
  const { report } = reporter([
    probe('a', async () => {
      begun += 1;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return { value: 1 };
    }),
  ]);
  await report();
  for (let times = 0; times < 3; times += 1)
    expect(statusesOf(await report())).toEqual({ a: 'fail: an earlier probe has not ended' });
  expect(begun).toBe(1);
  release?.();
  await new Promise(setImmediate);
  expect(statusesOf(await report())).toEqual({ a: 'fail: no answer within 1000 ms' });
  expect(begun).toBe(2);
});

test('a thousand who ask at a time cost one probe', async () => {
  const clock = memoryClock();
  let begun = 0;
  const report = health({
    probes: [
      probe('a', async () => {
        begun += 1;
        await clock.sleep(5);
        return { value: 1 };
      }),
    ],
    clock,
    deadlineMs: 100,
    concurrency: 1,
  });
  const reports = await clock.until(Promise.all(Array.from({ length: 1_000 }, () => report())));
  expect(reports.every(({ status }) => status === 'pass')).toBe(true);
  expect(begun).toBe(1);
});

test.each([
  ['no probes', { probes: [] }],
  ['a deadline of 0', { deadlineMs: 0 }],
  ['a concurrency of 0', { concurrency: 0 }],
  ['a name without a measurement', { probes: [probe('a', fine, { name: 'thing' })] }],
  ['the same probe twice', { probes: [probe('a', fine), probe('a', fine)] }],
])('%s is refused', (_, options) => {
  expect(() => reporter([probe('a', fine)], options)).toThrow(/^Expected '/);
});

describe('the probes', () => {
  const place = (rules: readonly FaultRule[] = []) => {
    const clock = memoryClock();
    const random = seededRandom(1);
    const wire = memoryWire({ intercept: faults({ clock, random, rules }).intercept });
    return {
      clock,
      random,
      wire,
      table: memoryTable({ name: 't', clock, wire }),
      queue: memoryQueue({ name: 'q', clock, wire }),
    };
  };
  const tableHealth = (rules: readonly FaultRule[] = []) => {
    const { clock, random, wire, table } = place(rules);
    const probes = [tableProbe({ table, componentId: 't', clock, random, warnMs: 100 })];
    const report = health({ probes, clock, deadlineMs: 1_000, concurrency: 1 });
    return { wire, report: () => clock.until(report()) };
  };

  test('a table that gives back what was written passes, by two calls', async () => {
    const { wire, report } = tableHealth();
    expect(statusesOf(await report())).toEqual({ t: 'pass' });
    expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 1, 'dynamodb.PutItem': 1 });
  });

  test.each([
    ['that refuses fails', { kind: 'error' }, 'fail: primitives/unavailable'],
    ['that hangs fails', { kind: 'hang' }, 'fail: no answer within 1000 ms'],
    ['that is slow warns', { kind: 'delay', ms: 200 }, 'warn: slower than 100 ms'],
    ['whose answer is lost fails', { kind: 'lose-answer' }, 'fail: primitives/outcome-unknown'],
  ] as const)('a table %s', async (_, fault, seen) => {
    const { report } = tableHealth([{ ...fault, at: 'table/t', times: 1 }]);
    expect(statusesOf(await report())).toEqual({ t: seen });
  });

  test('a table that loses a write, or gives back an old one, fails', async () => {
    const { clock, random, table } = place();
    const forgetful = { ...table, put: async () => ({ status: 'written' }) as const };
    const probes = [tableProbe({ table: forgetful, componentId: 't', clock, random, warnMs: 100 })];
    const report = health({ probes, clock, deadlineMs: 1_000, concurrency: 1 });
    expect(statusesOf(await clock.until(report()))).toEqual({ t: 'fail: adapter/garbled' });
  });

  test('a queue passes, warns and fails by what waits in it', async () => {
    const { clock, queue } = place();
    const probes = [queueProbe({ queue, componentId: 'q', warnCount: 1, failCount: 2 })];
    const report = health({ probes, clock, deadlineMs: 1_000, concurrency: 1 });
    const seen: string[] = [];
    for (let sent = 0; sent < 4; sent += 1) {
      seen.push((await clock.until(report())).status);
      await queue.sendBatch([{ body: 'x' }]);
    }
    expect(seen).toEqual(['pass', 'pass', 'warn', 'fail']);
    expect(() => queueProbe({ queue, componentId: 'q', warnCount: 2, failCount: 1 })).toThrow("Expected 'failCount'");
  });

  test('a Redis passes that answers PING and gives back what was set', async () => {
    const { clock, random } = place();
    const asking = (command: RedisCommand) => {
      const redis = <T>(work: (given: RedisCommand) => Promise<T>) => work(command);
      const probes = [redisProbe({ redis, componentId: 'r', clock, random, warnMs: 100 })];
      return clock.until(health({ probes, clock, deadlineMs: 1_000, concurrency: 1 })());
    };
    let kept = '';
    const right: RedisCommand = async (name, _key, value = '') => {
      if (name === 'SET') kept = value;
      return name === 'PING' ? 'PONG' : name === 'SET' ? 'OK' : kept;
    };
    expect(statusesOf(await asking(right))).toEqual({ r: 'pass' });
    expect(statusesOf(await asking(async (name) => (name === 'PING' ? 'PONG' : null)))).toEqual({
      r: 'fail: adapter/garbled',
    });
    expect(statusesOf(await asking(async () => 'LOADING'))).toEqual({ r: 'fail: adapter/garbled' });
  });
});
