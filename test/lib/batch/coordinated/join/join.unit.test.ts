import { joins } from '#batch/coordinated/join/join';
import { branchField, bucketKey, bucketOf, EXPECTED, MAX_BUCKETS } from '#batch/coordinated/join/records';
import { checkPut } from '#primitives/table-limits';
import { joinWorld, namesOf } from './world.ts';

const JOIN = 'join-1';

test('a join fires when the last of its branches arrives, not before, with one effect and one event', async () => {
  const { api, effects, bus, until } = joinWorld();
  await until(api.create(JOIN, { branches: ['a', 'b', 'c', 'a'] }));
  expect(await until(api.arrive(JOIN, 'c'))).toEqual({ arrival: 'recorded', status: 'waiting' });
  expect(await until(api.arrive(JOIN, 'a'))).toEqual({ arrival: 'recorded', status: 'waiting' });
  expect(await until(api.view(JOIN))).toEqual({ status: 'waiting', expected: 3, arrived: 2, missing: ['b'], late: [] });
  expect(effects.dump()).toEqual([]);
  expect(await until(api.arrive(JOIN, 'b'))).toEqual({ arrival: 'recorded', status: 'fired' });
  expect(effects.dump()).toMatchObject([
    { key: { partition: 'join:join-1' }, fields: { joinId: JOIN, outcome: 'complete', expected: 3, arrived: 3 } },
  ]);
  expect(bus.published()).toMatchObject([
    { source: 'distributed-patterns.coordinated', type: 'join.fired', detail: { id: 'join:join-1', joinId: JOIN } },
  ]);
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'fired', arrived: 3, missing: [], outcome: 'complete' });
});

test('a branch that comes again counts once, before and after the join has fired', async () => {
  const { api, bus, until } = joinWorld();
  await until(api.create(JOIN, { branches: ['a', 'b'] }));
  await until(api.arrive(JOIN, 'a'));
  expect(await until(api.arrive(JOIN, 'a'))).toEqual({ arrival: 'duplicate', status: 'waiting' });
  await until(api.arrive(JOIN, 'b'));
  expect(await until(api.arrive(JOIN, 'a'))).toEqual({ arrival: 'duplicate', status: 'fired' });
  expect(bus.published()).toHaveLength(1);
});

test('who is not waited for is told so, and changes nothing', async () => {
  const { api, until } = joinWorld();
  expect(await until(api.arrive(JOIN, 'a'))).toBe('unknown-join');
  await until(api.create(JOIN, { branches: ['a', 'b'] }));
  for (const branch of ['c', '__proto__', 'constructor', 'b:a', 'closed', ' a'])
    expect(await until(api.arrive(JOIN, branch, { some: 'data' }))).toBe('unknown-branch');
  expect(await until(api.view(JOIN))).toMatchObject({ expected: 2, arrived: 0 });
  expect(await until(api.arrivals(JOIN))).toEqual({ arrivals: [] });
});

test('branches may have any name', async () => {
  const { api, until } = joinWorld();
  const branches = ['__proto__', 'constructor', 'b:', 'closed', 'é', '東京', ' ', 'a/b', 'x'.repeat(256)];
  await until(api.create(JOIN, { branches }));
  for (const branch of branches.toReversed()) await until(api.arrive(JOIN, branch));
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'fired', expected: branches.length });
});

test('names that JSON writes with an escape are told apart, and no record has a field of such a name', async () => {
  const { api, until, table } = joinWorld();
  const branches = ['\\', '\n', '"', '\\n', '\u0001', '\u007f', '%', '%5c', '%255c', 'a%', '\\\\', 'C:\\x', '\u2028'];
  await until(api.create(JOIN, { branches }));
  await until(api.create('open', { open: true }));
  await until(api.add('open', 'part', branches));
  const names = table.dump().flatMap(({ fields }) => Object.keys(fields));
  expect(names.filter((name) => JSON.stringify(name) !== `"${name}"`)).toEqual([]);
  for (const [at, branch] of branches.entries()) {
    const { missing } = (await until(api.view(JOIN))) ?? {};
    expect(missing?.toSorted()).toEqual(branches.slice(at).toSorted());
    await until(api.arrive(JOIN, branch));
  }
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'fired', expected: branches.length });
});

test('what branches bring along is kept, the first of each, page by page', async () => {
  const { api, until } = joinWorld();
  const names = namesOf(120);
  await until(api.create(JOIN, { branches: names }));
  for (const name of names) await until(api.arrive(JOIN, name, { name }));
  await until(api.arrive(JOIN, 'b1', 'something else'));
  const first = await until(api.arrivals(JOIN));
  expect(first?.arrivals).toHaveLength(100);
  const { cursor = '' } = first ?? {};
  const rest = await until(api.arrivals(JOIN, cursor));
  expect(rest?.cursor).toBeUndefined();
  const all = [...(first?.arrivals ?? []), ...(rest?.arrivals ?? [])];
  expect(all.map(({ branch }) => branch).toSorted()).toEqual(names.toSorted());
  expect(all.find(({ branch }) => branch === 'b1')?.data).toEqual({ name: 'b1' });
  for (const other of ['', 'b1', '%', `${cursor}=`, Buffer.from('\0').toString('base64url'), 'x'.repeat(3_000)])
    expect(await until(api.arrivals(JOIN, other))).toBeUndefined();
});

test('a bucket of the longest names fits into a record, whatever they are made of, in a join of 64 000', () => {
  const buckets = new Map<number, Record<string, number>>();
  for (let at = 0; at < 64_000; at += 1) {
    const name = `${at}-`.padEnd(256, '"');
    const bucket = bucketOf('open', name, MAX_BUCKETS);
    const fields = buckets.get(bucket) ?? {};
    fields[branchField(name)] = EXPECTED;
    buckets.set(bucket, fields);
  }
  for (const [bucket, fields] of buckets)
    expect(() => checkPut({ key: bucketKey('open', bucket), fields })).not.toThrow();
});

test('the same join again is no other one; another plan under its id is refused', async () => {
  const { api, until } = joinWorld();
  await until(api.create(JOIN, { branches: ['a', 'b'] }));
  await until(api.arrive(JOIN, 'a'));
  expect(await until(api.create(JOIN, { branches: ['b', 'a'] }))).toBe('made');
  expect(await until(api.create(JOIN, { branches: ['a'] }))).toBe('another');
  expect(await until(api.create(JOIN, { branches: ['a', 'b'], deadlineMs: 1_000 }))).toBe('another');
  expect(await until(api.view(JOIN))).toMatchObject({ expected: 2, arrived: 1 });
});

describe('in parts', () => {
  test('an open join waits for its close, also when all that it knows have arrived', async () => {
    const { api, until } = joinWorld();
    await until(api.create(JOIN, { open: true }));
    expect(await until(api.add(JOIN, 'p1', ['a', 'b']))).toBe('accepted');
    expect(await until(api.add(JOIN, 'p2', ['b', 'c']))).toBe('accepted');
    for (const branch of ['a', 'b', 'c']) await until(api.arrive(JOIN, branch));
    expect(await until(api.view(JOIN))).toMatchObject({ status: 'open', expected: 3, arrived: 3 });
    expect(await until(api.close(JOIN))).toBe('closed');
    expect(await until(api.view(JOIN))).toMatchObject({ status: 'fired', expected: 3 });
    expect(await until(api.close(JOIN))).toBe('closed');
  });

  test('a closed one takes no more parts, but knows those that it has taken', async () => {
    const { api, until } = joinWorld();
    await until(api.create(JOIN, { open: true }));
    await until(api.add(JOIN, 'p1', ['a']));
    await until(api.close(JOIN));
    expect(await until(api.add(JOIN, 'p1', ['a']))).toBe('accepted');
    expect(await until(api.add(JOIN, 'p2', ['b']))).toBe('closed');
    expect(await until(api.add('nobody', 'p2', ['b']))).toBe('unknown');
    expect(await until(api.close('nobody'))).toBe('unknown');
    expect(await until(api.view(JOIN))).toMatchObject({ status: 'waiting', expected: 1 });
  });

  test('the last arrival fires it, also when most buckets were complete before the close', async () => {
    const { api, until, arriveAll } = joinWorld();
    await until(api.create(JOIN, { open: true }));
    await until(api.add(JOIN, 'p', namesOf(500)));
    await arriveAll(JOIN, namesOf(499));
    await until(api.close(JOIN));
    expect(await until(api.arrive(JOIN, 'b499'))).toEqual({ arrival: 'recorded', status: 'fired' });
  });

  test('one without branches fires when it is closed', async () => {
    const { api, until } = joinWorld();
    await until(api.create(JOIN, { open: true }));
    await until(api.close(JOIN));
    expect(await until(api.view(JOIN))).toMatchObject({ status: 'fired', expected: 0 });
  });

  test('it takes 64 parts and no more', async () => {
    const { api, until } = joinWorld();
    await until(api.create(JOIN, { open: true }));
    for (let part = 0; part < 64; part += 1) await until(api.add(JOIN, `p${part}`, [`b${part}`]));
    expect(await until(api.add(JOIN, 'p64', ['b64']))).toBe('too-many');
  });
});

test('10 000 branches in ten parts: the last of them fires it, and no record is larger than 20 KiB', async () => {
  const { api, until, table, effects, wire, arriveAll } = joinWorld();
  const names = namesOf(10_000);
  await until(api.create(JOIN, { open: true }));
  for (let part = 0; part < 10; part += 1)
    await until(api.add(JOIN, `p${part}`, names.slice(part * 1_000, (part + 1) * 1_000)));
  await until(api.close(JOIN));
  wire.resetCounts();
  await arriveAll(JOIN, names.slice(0, -1));
  const calls = Object.values(wire.counts()).reduce((sum, count) => sum + count, 0);
  expect(calls / 9_999).toBeLessThan(2.02);
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'waiting', arrived: 9_999, missing: ['b9999'] });
  expect(effects.dump()).toEqual([]);
  expect(await until(api.arrive(JOIN, 'b9999'))).toEqual({ arrival: 'recorded', status: 'fired' });
  const sizes = table.dump().map(({ fields }) => JSON.stringify(fields).length);
  expect(Math.max(...sizes)).toBeLessThan(20 * 1_024);
}, 180_000);

test('of a join of many the missing are named, a thousand at most', async () => {
  const { api, until } = joinWorld();
  await until(api.create(JOIN, { branches: namesOf(3_000) }));
  const view = await until(api.view(JOIN));
  expect(view?.missing).toHaveLength(1_000);
  expect(view).toMatchObject({ expected: 3_000, arrived: 0 });
});

test('the bucket of a branch depends on the join, and branches are spread evenly', () => {
  const counts = new Map<number, number>();
  for (const name of namesOf(9_600)) {
    const bucket = bucketOf('some', name, 96);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  expect(Math.max(...counts.values())).toBeLessThan(150);
  expect(namesOf(100).some((name) => bucketOf('some', name, 96) !== bucketOf('other', name, 96))).toBe(true);
  expect(branchField('x')).toBe('b:x');
});

test('options and plans out of range are refused, by name', async () => {
  const { api, table, effects, bus, queue, clock } = joinWorld();
  const options = { table, effects, bus, queue, clock, random: {} as never, log: {} as never, keepMs: 1 };
  expect(() => joins({ ...options, watch: { firstMs: 10, limitMs: 20 } })).toThrow("Expected 'watch.firstMs'");
  expect(() => joins({ ...options, keepMs: 0, watch: { firstMs: 1_000, limitMs: 1_000 } })).toThrow("'keepMs'");
  expect(() => joins({ ...options, watch: { firstMs: 1_000, limitMs: 1_000 }, more: 1 } as never)).toThrow("'options'");
  await expect(api.create(JOIN, { branches: [''] })).rejects.toThrow("Expected 'branch'");
  await expect(api.create(JOIN, { branches: ['a'], deadlineMs: 0 })).rejects.toThrow("Expected 'deadlineMs'");
  await expect(api.create('', { branches: ['a'] })).rejects.toThrow("Expected 'joinId'");
});
