import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { CircuitOpenError, fleetCircuitBreaker, type FleetBreakerOptions } from '#resilience/index';

const OPEN_MS = 1_000;
const WAIT_MS = 1_250;

/** Hosts of one fleet, each with a breaker of its own on one table, and a backend that is well or not. */
const fleet = (options: { readonly intercept?: Intercept } & Partial<FleetBreakerOptions> = {}) => {
  const { intercept, ...overrides } = options;
  const clock = memoryClock();
  const wire = memoryWire(intercept === undefined ? {} : { intercept });
  const table = memoryTable({ name: 'breakers', clock, wire });
  const backend = { isWell: true, callCount: 0 };
  let seed = 0;
  const host = (more: Partial<FleetBreakerOptions> = {}) => {
    const breaker = fleetCircuitBreaker({
      name: 'backend',
      clock,
      table,
      random: seededRandom((seed += 1)),
      openMs: OPEN_MS,
      windowMs: 10_000,
      minCallCount: 4,
      failureRatio: 0.5,
      ...overrides,
      ...more,
    });
    const call = async (): Promise<'well' | 'ill' | 'refused'> => {
      try {
        await breaker.run(async () => {
          backend.callCount += 1;
          if (!backend.isWell) throw new UnavailableError('backend');
        });
        return 'well';
      } catch (error) {
        return error instanceof CircuitOpenError ? 'refused' : 'ill';
      }
    };
    const trip = async (): Promise<void> => {
      backend.isWell = false;
      for (let calls = 0; calls < 4; calls += 1) await call();
    };
    return { breaker, call, trip };
  };
  const writes = (): number => wire.counts()['dynamodb.PutItem'] ?? 0;
  return { clock, wire, table, backend, host, writes };
};

test('the healthy path reads and writes nothing', async () => {
  const { host, wire } = fleet();
  const { call } = host();
  for (let calls = 0; calls < 1_000; calls += 1) await call();
  expect(wire.counts()).toEqual({});
});

test('with a refresh time the healthy path reads once in it and host, and writes nothing', async () => {
  const { host, wire, clock } = fleet({ refreshMs: 1_000 });
  const { call } = host();
  for (let calls = 0; calls < 100; calls += 1) {
    await call();
    await clock.advance(100);
  }
  expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 10 });
});

test('any whole number of milliseconds may be its open time', async () => {
  const { host, clock, backend } = fleet({ openMs: 101 });
  const { trip, call } = host();
  await trip();
  backend.isWell = true;
  await clock.advance(126);
  expect(await call()).toBe('well');
});

test('opening is one write, and refuses at once', async () => {
  const { host, wire, backend } = fleet();
  const { trip, call } = host();
  await trip();
  expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1 });
  expect(await call()).toBe('refused');
  expect(backend.callCount).toBe(4);
});

test('a host that trips later takes over that it is open, and waits from when it saw it', async () => {
  const { host, clock } = fleet();
  const [one, other] = [host(), host()];
  await one.trip();
  await clock.advance(WAIT_MS - 1);
  await other.trip();
  expect(other.breaker.view()).toEqual({ status: 'open', retryAfterMs: WAIT_MS });
  expect(one.breaker.view()).toEqual({ status: 'open', retryAfterMs: 1 });
});

test('one probe in the fleet goes out, however many hosts and callers wait for it', async () => {
  const { host, clock, backend, writes } = fleet();
  const hosts = [host(), host(), host(), host()];
  for (const { trip } of hosts) await trip();
  await clock.advance(WAIT_MS);
  backend.callCount = 0;
  const before = writes();
  const outcomes = await Promise.all(hosts.flatMap(({ call }) => [call(), call(), call()]));
  expect(backend.callCount).toBe(1);
  expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(11);
  expect(writes() - before).toBe(hosts.length);
});

test('what a host reads is not believed when it learnt something newer meanwhile', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { host, clock } = fleet({
    refreshMs: 60_000,
    intercept: async (operation, apply) => {
      const answer = await apply();
      if (operation.operation === 'dynamodb.GetItem') await promise;
      return answer;
    },
  });
  const { call, trip, breaker } = host();
  await call();
  await trip();
  expect(breaker.view().status).toBe('open');
  resolve();
  await clock.advance(0);
  expect(breaker.view().status).toBe('open');
});

test('a record that makes no sense is no reason to stay open', async () => {
  const { host, table, clock, backend } = fleet();
  await table.put({ key: { partition: 'breaker/backend', sort: 'state' }, fields: { status: 'open' } });
  const { trip, call, breaker } = host();
  await trip();
  expect(breaker.view().status).toBe('open');
  await clock.advance(WAIT_MS);
  backend.isWell = true;
  expect(await call()).toBe('well');
  expect(breaker.view().status).toBe('closed');
});

test('a table that is down fails no call: the host opens it for itself, and says so in its log', async () => {
  const warnings: unknown[] = [];
  const ignore = () => undefined;
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: (_, fields) => void warnings.push(fields),
    error: ignore,
    child: () => log,
  };
  const { host, clock, backend } = fleet({ log, intercept: () => Promise.reject(new UnavailableError('table')) });
  const { trip, call } = host();
  await trip();
  expect(await call()).toBe('refused');
  backend.isWell = true;
  await clock.advance(WAIT_MS);
  expect(await call()).toBe('refused');
  expect(warnings).toMatchObject([{ breaker: 'backend', what: 'open' }, { what: 'claim' }]);
});

test('and probes on its own when it is told to', async () => {
  const { host, clock, backend } = fleet({
    whenTableFails: 'probe',
    intercept: () => Promise.reject(new UnavailableError('table')),
  });
  const { trip, call, breaker } = host();
  await trip();
  backend.isWell = true;
  await clock.advance(WAIT_MS);
  expect(await call()).toBe('well');
  expect(breaker.view().status).toBe('closed');
});

test('a table that does not answer holds up no caller for longer than a quarter of the open time', async () => {
  const { host, clock } = fleet({ intercept: () => new Promise(() => undefined) });
  const { trip, call } = host();
  const startedAtMs = clock.monotonicMs();
  await clock.until(trip());
  expect(clock.monotonicMs() - startedAtMs).toBe(OPEN_MS / 4);
  await clock.advance(WAIT_MS);
  const askedAtMs = clock.monotonicMs();
  expect(await clock.until(call())).toBe('refused');
  expect(clock.monotonicMs() - askedAtMs).toBe(OPEN_MS / 4);
});

test('a probe that goes well closes it by one write, and the others learn of it when they ask', async () => {
  const { host, clock, backend, writes } = fleet();
  const [one, other] = [host(), host()];
  await one.trip();
  await other.trip();
  backend.isWell = true;
  await clock.advance(WAIT_MS);
  const before = writes();
  expect(await one.call()).toBe('well');
  expect(writes() - before).toBe(2);
  expect(await other.call()).toBe('well');
  expect(writes() - before).toBe(3);
  expect([one.breaker.view(), other.breaker.view()]).toEqual([{ status: 'closed' }, { status: 'closed' }]);
});

test('a probe that fails writes nothing more, and the next one goes out after the wait', async () => {
  const { host, clock, backend, writes } = fleet();
  const { trip, call } = host();
  await trip();
  await clock.advance(WAIT_MS);
  expect(await call()).toBe('ill');
  expect(writes()).toBe(2);
  await clock.advance(WAIT_MS - 1);
  expect(await call()).toBe('refused');
  await clock.advance(1);
  expect(await call()).toBe('ill');
  expect(backend.callCount).toBe(6);
});

test('a probe whose host crashed is followed by another host’s after the wait, and its late end changes nothing', async () => {
  const { host, clock, backend, table } = fleet();
  const [dead, alive] = [host(), host()];
  await dead.trip();
  await alive.trip();
  await clock.advance(WAIT_MS);
  const pass = await dead.breaker.enter();
  expect(await alive.call()).toBe('refused');
  await clock.advance(WAIT_MS - 1);
  expect(await alive.call()).toBe('refused');
  await clock.advance(1);
  expect(await alive.call()).toBe('ill');
  const before = table.dump();
  await dead.breaker.exitWithValue(pass, 'late');
  expect(table.dump()).toEqual(before);
  expect(dead.breaker.view().status).toBe('open');
  expect(backend.callCount).toBe(9);
});

test.each(['opening', 'claim', 'closing'])('a lost answer of the %s is recognised as the own write', async (which) => {
  const at = ['opening', 'claim', 'closing'].indexOf(which) + 1;
  let puts = 0;
  const { host, clock, backend } = fleet({
    intercept: async (operation, apply) => {
      const answer = await apply();
      if (operation.operation === 'dynamodb.PutItem' && (puts += 1) === at) throw new OutcomeUnknownError('put');
      return answer;
    },
  });
  const { trip, call, breaker } = host();
  await trip();
  backend.isWell = true;
  await clock.advance(WAIT_MS);
  expect(await call()).toBe('well');
  expect(breaker.view()).toEqual({ status: 'closed' });
  expect(puts).toBe(4);
});
