import { UnavailableError } from '#primitives/errors';
import type { ExperimentPlan } from '#single-node/ambassador/experiment';
import { account, answer, HOW, request, service } from './memory.ts';

const TWO: ExperimentPlan = {
  variants: [
    { service: 'stable', weight: 1 },
    { service: 'canary', weight: 1 },
  ],
  stickyBy: 'header:x-user',
};
const ROLLBACK = { errorRate: 0.2, minRequests: 20 };

const by = (user: string | number) => request('GET', { headers: { 'x-user': [String(user)] } });

/** Hosts, two services, of which `canary` answers so, and an experiment. */
const set = async (canary: () => number, plan: ExperimentPlan, hostCount = 1) => {
  const world = account();
  const { transport, calls } = service(async ({ target }) => answer(target.basePath === '/canary' ? canary() : 200));
  const breaker = { windowMs: 10_000, minCallCount: 100_000, failureRatio: 1, openMs: 5_000 };
  const hosts = Array.from({ length: hostCount }, () => world.host(transport, { breaker }));
  const [first] = hosts;
  if (first === undefined) throw new Error('no host');
  for (const name of ['stable', 'canary']) await first.registry.put(name, { target: `http://example.com/${name}` });
  await first.experiments.put('e', plan);
  world.wire.resetCounts();
  const send = async (user: string | number, host = first) => {
    const split = await world.clock.until(host.splitter.send('e', by(user), HOW));
    if (split.status !== 'split') throw new Error(split.status);
    return split.variant;
  };
  return { ...world, hosts, first, calls, send };
};

test('an experiment that nobody put is unknown', async () => {
  const { first } = await set(() => 200, TWO);
  expect(await first.splitter.send('f', by(1), HOW)).toEqual({ status: 'unknown-experiment' });
  expect(await first.experiments.report('f')).toBeUndefined();
  expect(await first.experiments.report('constructor')).toBeUndefined();
});

test('a user gets the same variant by all hosts, and by one that starts later', async () => {
  const { send, hosts, host, calls } = await set(() => 200, TWO, 3);
  const later = host(async () => answer());
  for (let user = 0; user < 50; user += 1) {
    const variants = [];
    for (const each of [...hosts, later]) variants.push(await send(user, each));
    expect(new Set(variants).size).toBe(1);
  }
  expect(new Set(calls.map(({ target }) => target.basePath))).toEqual(new Set(['/stable', '/canary']));
});

describe('rollback', () => {
  test('a variant whose errors pass the bound gets no more, on all hosts; the other one gets all', async () => {
    const { send, hosts, first, clock, lines } = await set(() => 500, { ...TWO, rollback: ROLLBACK }, 2);
    for (let user = 0; user < 100; user += 1) await send(user);
    await clock.advance(1_000);
    for (const host of hosts) for (let user = 100; user < 200; user += 1) expect(await send(user, host)).toBe('stable');
    const report = await first.experiments.report('e');
    expect(report?.experiment.rolledBack).toEqual(['canary']);
    expect(report?.counts['canary']).toMatchObject({ requests: 20, errors: 20 });
    expect(lines.filter((line) => line.includes('rolled back'))).toHaveLength(1);
  });

  test('not before so many requests, and not below the bound', async () => {
    const { send, first } = await set(() => 500, { ...TWO, rollback: { errorRate: 0.2, minRequests: 1_000 } });
    for (let user = 0; user < 100; user += 1) await send(user);
    expect((await first.experiments.report('e'))?.experiment.rolledBack).toEqual([]);
    let n = 0;
    const few = await set(() => ((n += 1) % 10 === 0 ? 500 : 200), { ...TWO, rollback: ROLLBACK });
    for (let user = 0; user < 400; user += 1) await few.send(user);
    expect((await few.first.experiments.report('e'))?.experiment.rolledBack).toEqual([]);
  });

  test('no answer is an error, too; what the client did wrong is none', async () => {
    const wrong = await set(() => 404, { ...TWO, rollback: ROLLBACK });
    for (let user = 0; user < 100; user += 1) await wrong.send(user);
    expect((await wrong.first.experiments.report('e'))?.counts['canary']?.errors).toBe(0);
    const silent = await set(
      () => {
        throw new UnavailableError('test');
      },
      { ...TWO, rollback: ROLLBACK },
    );
    for (let user = 0; user < 100; user += 1) await silent.send(user);
    expect((await silent.first.experiments.report('e'))?.experiment.rolledBack).toEqual(['canary']);
  });

  test('when all variants fail alike none is stopped: there is nobody to go to', async () => {
    const same = { ...TWO, variants: [{ service: 'canary', weight: 1 }], rollback: ROLLBACK };
    const { send, first } = await set(() => 500, same);
    for (let user = 0; user < 100; user += 1) await send(user);
    expect((await first.experiments.report('e'))?.experiment.rolledBack).toEqual([]);
  });

  test('hosts that each see too little find out together', async () => {
    const { send, hosts, clock, first } = await set(
      () => 500,
      { ...TWO, rollback: { errorRate: 0.2, minRequests: 100 } },
      4,
    );
    for (let user = 0; user < 240; user += 1) {
      await send(user, hosts[user % 4]);
      await clock.advance(100);
    }
    expect((await first.experiments.report('e'))?.experiment.rolledBack).toEqual(['canary']);
    // None of them had so many by itself.
    expect((await first.experiments.report('e'))?.counts['canary']?.requests).toBeLessThan(240);
  });

  test('put again, it begins anew', async () => {
    const { send, first, clock } = await set(() => 500, { ...TWO, rollback: ROLLBACK });
    for (let user = 0; user < 100; user += 1) await send(user);
    await first.experiments.put('e', TWO);
    await clock.advance(1_000);
    const report = await first.experiments.report('e');
    expect(report?.experiment.rolledBack).toEqual([]);
    expect(report?.counts['canary']).toEqual({ requests: 0, errors: 0, senders: 0 });
  });

  test('a rollback that could not be written is tried again with the next request', async () => {
    let isDown = false;
    const world = account({
      intercept: (operation, apply) => {
        if (isDown && operation.operation === 'dynamodb.UpdateItem') throw new UnavailableError('test');
        return apply();
      },
    });
    const host = world.host(async ({ target }) => answer(target.basePath === '/canary' ? 500 : 200), {
      breaker: { windowMs: 10_000, minCallCount: 100_000, failureRatio: 1, openMs: 5_000 },
    });
    for (const name of ['stable', 'canary']) await host.registry.put(name, { target: `http://example.com/${name}` });
    await host.experiments.put('e', { ...TWO, rollback: ROLLBACK });
    isDown = true;
    for (let user = 0; user < 100; user += 1) await world.clock.until(host.splitter.send('e', by(user), HOW));
    expect((await host.experiments.report('e'))?.experiment.rolledBack).toEqual([]);
    isDown = false;
    for (let user = 100; user < 110; user += 1) await world.clock.until(host.splitter.send('e', by(user), HOW));
    expect((await host.experiments.report('e'))?.experiment.rolledBack).toEqual(['canary']);
  });
});

describe('counts', () => {
  test('no request writes; a host writes and reads once in five seconds', async () => {
    const { send, wire, clock } = await set(() => 200, TWO);
    for (let n = 0; n < 600; n += 1) {
      await send(n % 7);
      await clock.advance(50);
    }
    const counts = wire.counts();
    // Half a minute: the experiment and the two services once a second, the counts once in five.
    expect(counts['dynamodb.PutItem']).toBeLessThanOrEqual(6);
    expect(counts['dynamodb.Query']).toBeLessThanOrEqual(6);
    expect(counts['dynamodb.GetItem']).toBeLessThanOrEqual(93);
    expect(Object.keys(counts).toSorted()).toEqual(['dynamodb.GetItem', 'dynamodb.PutItem', 'dynamodb.Query']);
  });

  test('they are of all hosts, and one that writes twice, or whose answer was lost, counts once', async () => {
    const { send, hosts, first } = await set(() => 200, TWO, 3);
    for (let user = 0; user < 90; user += 1) await send(user, hosts[user % 3]);
    const { version = '' } = (await first.experiments.get('e')) ?? {};
    for (const host of [...hosts, ...hosts]) await host.counts.flush('e', version);
    const { counts } = (await first.experiments.report('e')) ?? {};
    expect((counts?.['stable']?.requests ?? 0) + (counts?.['canary']?.requests ?? 0)).toBe(90);
  });

  test('one who comes often is one sender', async () => {
    const { send, first } = await set(() => 200, TWO);
    for (let n = 0; n < 50; n += 1) await send('anna');
    const { counts, sampleRatio } = (await first.experiments.report('e')) ?? {};
    const found = Object.values(counts ?? {}).map(({ requests, senders }) => `${requests} by ${senders}`);
    expect(new Set(found)).toEqual(new Set(['0 by 0', '50 by 1']));
    expect(sampleRatio?.isSuspicious).toBe(false);
  });

  test('a split that is not as the weights say is suspicious', async () => {
    const { first } = await set(() => 200, TWO);
    const experiment = await first.experiments.get('e');
    if (experiment === undefined) throw new Error('no experiment');
    for (let n = 0; n < 400; n += 1)
      first.experiments.count(experiment, n % 3 === 0 ? 'canary' : 'stable', { isError: false, sender: `u${n}` });
    expect((await first.experiments.report('e'))?.sampleRatio).toMatchObject({ isSuspicious: true });
  });

  test('a table that does not answer fails no request', async () => {
    let isDown = false;
    const world = account({
      intercept: (_, apply) => {
        if (isDown) throw new UnavailableError('test');
        return apply();
      },
    });
    const host = world.host(async () => answer());
    await host.registry.put('stable', { target: 'http://example.com' });
    await host.experiments.put('e', { variants: [{ service: 'stable', weight: 1 }] });
    await host.splitter.send('e', by(1), HOW);
    isDown = true;
    await world.clock.advance(30_000);
    expect(await world.clock.until(host.splitter.send('e', by(2), HOW))).toMatchObject({
      outcome: { status: 'answered' },
    });
    await world.clock.advance(60_000);
    await expect(world.clock.until(host.splitter.send('e', by(3), HOW))).rejects.toThrow(UnavailableError);
  });
});
