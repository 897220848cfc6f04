import { failuresOf, messagesOf, type SqsEvent } from '#batch/partial-batch';
import { InvalidArgumentError, UnavailableError } from '#primitives/errors';
import type { Handler } from '#simulation/function-host';
import { world, type World, type WorldOptions } from '#simulation/world';

const record = (sort: string) => ({ key: { partition: 'p', sort }, fields: {} });

/** A queue that feeds a function, and a table for what it does. */
const place = (boot: (w: World, table: ReturnType<World['table']>) => Handler, options: Partial<WorldOptions> = {}) => {
  const w = world({ seed: 1, ...options });
  const [dead, table] = [w.queue('dead'), w.table('t')];
  const queue = w.queue('q', { visibilityMs: 30_000, deadLetter: { queue: dead, maxReceiveCount: 3 } });
  w.source({ queue, function: w.function({ name: 'f', timeoutMs: 5_000, boot: () => boot(w, table) }) });
  return { w, table, queue, dead, written: () => table.dump().map(({ key }) => key.sort) };
};
const bodiesOf = (event: SqsEvent) => messagesOf(event).map(({ body }) => body);

test('a crash takes the memory of the function and all that it would have done; the batch comes again', async () => {
  let boots = 0;
  const handler = (w: World, table: ReturnType<World['table']>): Handler => {
    boots += 1;
    const name = `boot-${boots}`;
    return async () => {
      const background = w.clock.sleep(100).then(() => table.put(record(`${name} in the background`)));
      await table.put(record(`${name} first`)).catch(() => table.put(record(`${name} caught it`)));
      try {
        await table.put(record(`${name} second`));
      } finally {
        await table.put(record(`${name} finally`));
      }
      await background;
    };
  };
  const { w, queue, written } = place(handler, { faults: [{ kind: 'crash-after', at: 'table/t', call: 1 }] });
  await queue.sendBatch([{ body: 'a' }]);
  await w.untilQuiet();
  expect(written()).toEqual([
    'boot-1 first',
    'boot-2 finally',
    'boot-2 first',
    'boot-2 in the background',
    'boot-2 second',
  ]);
  expect(w.clock.monotonicMs()).toBeGreaterThan(30_000);
});

test('a function that takes too long is ended like one that crashed, and goes to the dead letters in the end', async () => {
  const { w, queue, dead, written } = place((world1, table) => async () => {
    await table.put(record('begun'));
    await world1.clock.sleep(6_000);
    await table.put(record('ended'));
  });
  await queue.sendBatch([{ body: 'a' }]);
  await w.untilQuiet();
  expect(written()).toEqual(['begun']);
  expect(await dead.depth()).toMatchObject({ visibleCount: 1 });
});

test('a warm function keeps its memory, and two invocations at a time have none in common', async () => {
  const sizes: number[] = [];
  const { w, queue } = place((world1) => {
    let count = 0;
    return async () => {
      count += 1;
      sizes.push(count);
      await world1.clock.sleep(1_000);
    };
  });
  await queue.sendBatch(Array.from({ length: 20 }, (_, n) => ({ body: `${n}` })));
  await w.untilQuiet();
  expect(sizes).toEqual([1, 1]);
  await queue.sendBatch([{ body: 'again' }]);
  await w.untilQuiet();
  expect(sizes).toEqual([1, 1, 2]);
});

test('what a function reports comes again, the rest does not; one that throws gets all of it again', async () => {
  const seen: string[][] = [];
  const { w, queue } = place(() => async (event: SqsEvent) => {
    seen.push(bodiesOf(event).toSorted());
    if (seen.length === 1) return failuresOf(messagesOf(event).flatMap(({ id, body }) => (body === 'b' ? [id] : [])));
    if (seen.length === 2) throw new Error('no');
    return undefined;
  });
  await queue.sendBatch(['a', 'b', 'c'].map((body) => ({ body })));
  await w.untilQuiet();
  expect(seen).toEqual([['a', 'b', 'c'], ['b'], ['b']]);
});

test('FIFO: the messages of a group come in order, each when the one before was done', async () => {
  const seen: string[] = [];
  const w = world({ seed: 3 });
  const queue = w.queue('q.fifo', { visibilityMs: 10_000 });
  const handler: Handler<SqsEvent> = async (event) => {
    const [first] = messagesOf(event);
    seen.push(...bodiesOf(event));
    await w.clock.sleep(500);
    return failuresOf(first?.body === 'a0' && first.receiveCount === 1 ? [first.id] : []);
  };
  w.source({ queue, batchSize: 1, function: w.function({ name: 'f', boot: () => handler }) });
  const send = ['a0', 'b0', 'a1', 'b1'].map((body) => ({ body, groupId: body.slice(0, 1), deduplicationId: body }));
  await queue.sendBatch(send);
  await w.untilQuiet();
  expect(seen.filter((body) => body.startsWith('a'))).toEqual(['a0', 'a0', 'a1']);
  expect(seen.filter((body) => body.startsWith('b'))).toEqual(['b0', 'b1']);
  expect(seen.indexOf('b1')).toBeLessThan(seen.indexOf('a1'));
});

test('a filter lets pass what it asks for and deletes the rest', async () => {
  const seen: string[] = [];
  const w = world({ seed: 1 });
  const queue = w.queue('q');
  const handler: Handler<SqsEvent> = (event) => void seen.push(...bodiesOf(event));
  const fed = w.function({ name: 'f', boot: () => handler });
  w.source({ queue, function: fed, filterPatterns: ['{"body":{"kind":["wanted"]}}'] });
  await queue.sendBatch([{ body: '{"kind":"wanted"}' }, { body: '{"kind":"other"}' }]);
  await w.untilQuiet();
  expect(seen).toEqual(['{"kind":"wanted"}']);
  expect(await queue.depth()).toMatchObject({ visibleCount: 0, inFlightCount: 0 });
});

test('a client repeats what crashed or may succeed later, and nothing else', async () => {
  const w = world({ seed: 1, faults: [{ kind: 'crash', call: 1 }] });
  const table = w.table('t');
  let tries = 0;
  const answer = await w.client(async () => {
    tries += 1;
    await table.put(record('a'));
    if (tries === 2) throw new UnavailableError('later');
    return tries;
  });
  expect(answer).toBe(3);
  const wrong = w.client(() => Promise.reject(new InvalidArgumentError('wrong')));
  await expect(wrong).rejects.toThrow('wrong');
});

test('what is sent is sent until all of it was accepted, and what is never accepted is told', async () => {
  const bodies = Array.from({ length: 25 }, (_, n) => `${n}`);
  const messages = bodies.map((body) => ({ body }));
  const faults = [
    { kind: 'crash', call: 2 },
    { kind: 'partial', call: 4 },
    { kind: 'lose-answer', call: 6 },
    { kind: 'error', call: 7 },
  ] as const;
  const w = world({ seed: 1, faults });
  const queue = w.queue('q');
  await w.send(queue, messages);
  expect(w.injected().map(({ kind }) => kind)).toEqual(['crash', 'partial', 'lose-answer', 'error']);
  const seen = new Set<string>();
  for (;;) {
    const received = await queue.receive({ maxCount: 10 });
    if (received.length === 0) break;
    for (const { body } of received) seen.add(body);
  }
  expect([...seen].toSorted()).toEqual(bodies.toSorted());
  await expect(w.send(queue, [{ body: '' }])).rejects.toMatchObject({ code: 'simulation/not-sent' });
});

test('who looks on meets no fault and is not counted', async () => {
  const w = world({ seed: 1, faults: [{ kind: 'error' }] });
  const table = w.table('t');
  await table.put(record('a'));
  expect(w.calls()).toEqual([]);
  let looks = 0;
  w.watch(async () => {
    looks += 1;
    await table.get(record('a').key);
  });
  await expect(w.client(() => table.put(record('b')))).rejects.toMatchObject({ code: 'simulation/no-answer' });
  expect(w.calls()).toHaveLength(25);
  expect(looks).toBe(0);
});

test('what a watcher finds is raised in the end', async () => {
  const { w, queue } = place((_, table) => async () => {
    await table.put(record('a'));
  });
  w.watch(async ({ name }) => {
    if (name === 't') throw new Error('seen');
  });
  await queue.sendBatch([{ body: 'a' }]);
  await expect(w.untilQuiet()).rejects.toThrow('seen');
});

test('a world that never comes to rest is an error, not a test that hangs', async () => {
  const w = world({ seed: 1 });
  const queue = w.queue('q', { visibilityMs: 3_600_000 });
  w.source({ queue, function: w.function({ name: 'f', boot: () => () => Promise.reject(new Error('no')) }) });
  await queue.sendBatch([{ body: 'a' }]);
  await expect(w.untilQuiet()).rejects.toMatchObject({ code: 'simulation/never-quiet' });
});

test('the same seed gives the same run, call by call; another seed another one', async () => {
  const run = async (seed: number) => {
    const { w, queue } = place(
      (world1, table) => async (event: SqsEvent) => {
        for (const body of bodiesOf(event)) await table.put(record(`${body} ${world1.random.uuid()}`));
      },
      { seed, faults: [{ kind: 'crash', rate: 0.1 }] },
    );
    await w.client(() => queue.sendBatch(Array.from({ length: 30 }, (_, n) => ({ body: `${n}` }))));
    await w.untilQuiet();
    return { calls: w.calls(), injected: w.injected(), atMs: w.clock.monotonicMs() };
  };
  const first = await run(7);
  expect(first.injected.length).toBeGreaterThan(0);
  expect(await run(7)).toEqual(first);
  expect((await run(8)).injected).not.toEqual(first.injected);
});

test('who subscribes to a bus outlives whoever published', async () => {
  const w = world({ seed: 1, faults: [{ kind: 'crash-after', at: 'bus/b', call: 1 }] });
  const [bus, table] = [w.bus('b'), w.table('t')];
  bus.subscribe(async ({ id }) => {
    await w.clock.sleep(1_000);
    await table.put(record(id));
  });
  const publish = async () => bus.publish([{ source: 's', type: 't', detail: {} }]);
  await w.client(publish);
  await w.until(w.clock.sleep(10_000));
  expect(table.dump().map(({ key }) => key.sort)).toEqual(['b-1', 'b-2']);
});

test('a write that is delayed is waited for, also when its caller was ended meanwhile', async () => {
  const { w, queue, written } = place(
    (world1, table) => async () => {
      await table.put(record(world1.random.uuid()));
    },
    { faults: [{ kind: 'delay', at: 'table/t', call: 1, ms: 40_000 }] },
  );
  await queue.sendBatch([{ body: 'a' }]);
  await w.untilQuiet();
  expect(written()).toHaveLength(2);
  await w.until(w.clock.sleep(100_000));
  expect(written()).toHaveLength(2);
});

test('a name is one table, queue, bus and bucket, whenever it is asked for', () => {
  const w = world({ seed: 1 });
  expect(w.table('a')).toBe(w.table('a'));
  expect(w.bus('a')).toBe(w.bus('a'));
  expect(w.bucket('abc')).toBe(w.bucket('abc'));
  const queue = w.queue('a', { visibilityMs: 1_000 });
  expect(w.queue('a')).toBe(queue);
  expect(() => w.queue('a', { visibilityMs: 2_000 })).toThrow("left out: queue 'a' is there");
});

test('what is sent to a group comes in the order of the sending, whatever fails', async () => {
  for (const kind of ['partial', 'lose-answer', 'crash', 'error'] as const)
    for (const call of [1, 2, 3]) {
      const w = world({ seed: 1, faults: [{ kind, call }] });
      const seen: string[] = [];
      const queue = w.queue('q.fifo');
      const boot = () => async (event: SqsEvent) => {
        seen.push(...bodiesOf(event));
      };
      w.source({ queue, batchSize: 1, function: w.function({ name: 'f', boot }) });
      const message = (body: string, groupId: string) => ({ body, groupId, deduplicationId: body });
      await w.send(queue, [message('a1', 'a'), message('b1', 'b'), message('a2', 'a'), message('a3', 'a')]);
      await w.untilQuiet();
      const first = [...new Set(seen)];
      expect(first.filter((body) => body.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
      expect(first).toContain('b1');
    }
});

test.each([
  ['an error', new TypeError('no such field'), 'no such field'],
  ['what no text is made of', Object.create(null) as object, '[Object: null prototype] {}'],
])('a world that never comes to rest says which function failed, and why: %s', async (_, thrown, said) => {
  const w = world({ seed: 1 });
  const queue = w.queue('q', { visibilityMs: 3_600_000 });
  const boot = () => () => Promise.reject(thrown);
  w.source({ queue, function: w.function({ name: 'f', boot }) });
  await queue.sendBatch([{ body: 'a' }]);
  await expect(w.untilQuiet()).rejects.toThrow(
    new RegExp(
      `^There is still something to do after a day. Function f failed \\d+ times, at last by: ${said.replaceAll(/[[\]{}]/g, '\\$&')}$`,
    ),
  );
});

test.each([
  [{ batchSize: 0 }, 'batchSize'],
  [{ batchSize: 10_001 }, 'batchSize'],
  [{ windowMs: Number.NaN }, 'windowMs'],
  [{ maximumConcurrency: 0 }, 'maximumConcurrency'],
  [{ batchsize: 5 }, 'batchsize'],
])('a source refuses %j', (options, named) => {
  const w = world({ seed: 1 });
  const host = w.function({ name: 'f', boot: () => () => undefined });
  expect(() => w.source({ queue: w.queue('q'), function: host, ...options })).toThrow(named);
  expect(() => w.function({ name: 'f', boot: () => () => undefined, ...({ timeoutMS: 1 } as object) })).toThrow(
    'timeoutMS',
  );
});

test('an environment that a call after its answer has killed is not used again', async () => {
  let boots = 0;
  const { w, queue } = place(
    (_, table) => {
      boots += 1;
      return () => {
        void table.put(record('late'));
      };
    },
    { faults: [{ kind: 'crash', at: 'table/t', call: 1 }] },
  );
  for (let times = 0; times < 3; times += 1) {
    await w.send(queue, [{ body: 'a' }]);
    await w.untilQuiet();
  }
  expect(boots).toBe(2);
});

test('a record is removed after its time to live in worlds of an even seed, and kept in the others', async () => {
  const isKept = async (seed: number): Promise<boolean> => {
    const w = world({ seed });
    const table = w.table('t');
    await w.client(() => table.put({ ...record('marker'), expiresAtMs: w.clock.nowMs() + 10_000 }));
    await w.until(w.clock.sleep(5_000));
    expect(await w.client(() => table.get(record('marker').key))).toBeDefined();
    await w.until(w.clock.sleep(10_000));
    return (await w.client(() => table.get(record('marker').key))) !== undefined;
  };
  expect([await isKept(1), await isKept(2), await isKept(3), await isKept(4)]).toEqual([true, false, true, false]);
});
