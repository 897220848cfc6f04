import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import { configStore } from '#single-node/sidecar/config-sync/config-store';
import { tableConfigSource } from '#single-node/sidecar/config-sync/sources';

type Loss = 'before' | 'after' | undefined;

/** A table that can lose writes, or their answers. */
const world = () => {
  let loss: Loss;
  const calls: string[] = [];
  const wire = memoryWire({
    intercept: async (operation, apply) => {
      calls.push(operation.operation);
      const isLost = operation.isWrite ? loss : undefined;
      if (isLost !== undefined) loss = undefined;
      if (isLost === 'before') throw new OutcomeUnknownError(operation.operation);
      const answer = await apply();
      if (isLost === 'after') throw new OutcomeUnknownError(operation.operation);
      return answer;
    },
  });
  const table = memoryTable({ name: 'config', clock: memoryClock(), wire });
  return {
    table,
    store: configStore({ table }),
    calls,
    lose: (next: Loss) => {
      loss = next;
    },
  };
};

test('each change gets the next version, the same value keeps its own, and a sidecar reads what was put', async () => {
  const { table, store } = world();
  expect(await store.get('shop')).toBeUndefined();
  expect(await store.put('shop', { a: 1, b: [2] }, { token: 't1' })).toEqual({ status: 'written', version: 1 });
  expect(await store.put('shop', { b: [2], a: 1 }, { token: 't2' })).toEqual({ status: 'unchanged', version: 1 });
  expect(await store.put('shop', { a: 2 }, { token: 't3' })).toEqual({ status: 'written', version: 2 });
  expect(await store.get('shop')).toEqual({ version: 2, value: { a: 2 } });
  expect(await tableConfigSource({ table, name: 'shop' }).read()).toEqual({ version: 2, value: { a: 2 } });
});

test('a change costs two calls, no change costs one, as does a look', async () => {
  const { store, calls } = world();
  await store.put('shop', 1, { token: 't1' });
  expect(calls).toHaveLength(2);
  await store.put('shop', 1, { token: 't2' });
  expect(calls).toHaveLength(3);
  await store.get('shop');
  expect(calls).toHaveLength(4);
});

test('with an expected version nothing else is overwritten', async () => {
  const { store } = world();
  expect(await store.put('shop', 1, { token: 'a', expectedVersion: 1 })).toEqual({ status: 'conflict', version: 0 });
  expect(await store.put('shop', 1, { token: 'b', expectedVersion: 0 })).toEqual({ status: 'written', version: 1 });
  expect(await store.put('shop', 2, { token: 'c', expectedVersion: 0 })).toEqual({ status: 'conflict', version: 1 });
  expect(await store.get('shop')).toEqual({ version: 1, value: 1 });
});

test('an answer that was lost is found to be our own write: the version is not skipped, nor written twice', async () => {
  const { store, lose } = world();
  lose('after');
  expect(await store.put('shop', 1, { token: 'a' })).toEqual({ status: 'written', version: 1 });
  lose('before');
  expect(await store.put('shop', 2, { token: 'b', expectedVersion: 1 })).toEqual({ status: 'written', version: 2 });
  // The caller's own repeat of a call that was applied.
  expect(await store.put('shop', 2, { token: 'b', expectedVersion: 1 })).toEqual({ status: 'written', version: 2 });
});

test('a repeat with the expected version is recognised by its value, whatever its token, at the cost of one read', async () => {
  const { store, calls } = world();
  const put = (value: number, token: string, expectedVersion: number) =>
    store.put('shop', value, { token, expectedVersion });
  expect(await put(1, 'a', 0)).toEqual({ status: 'written', version: 1 });
  const before = calls.length;
  expect(await put(1, 'b', 0)).toEqual({ status: 'unchanged', version: 1 });
  expect(calls.length - before).toBe(1);
  // Another value is no repeat, nor is what somebody else has gone on from.
  expect(await put(2, 'c', 0)).toEqual({ status: 'conflict', version: 1 });
  expect(await put(2, 'd', 1)).toEqual({ status: 'written', version: 2 });
  expect(await put(1, 'e', 0)).toEqual({ status: 'conflict', version: 2 });
  expect(await put(2, 'f', 0)).toEqual({ status: 'conflict', version: 2 });
  expect(await put(2, 'g', 2)).toEqual({ status: 'unchanged', version: 2 });
  expect(await put(2, 'h', 3)).toEqual({ status: 'conflict', version: 2 });
});

test('of many that write at the same time each gets a version of its own, without a gap', async () => {
  const { store } = world();
  const outcomes = await Promise.all(
    Array.from({ length: 10 }, (_, at) => store.put('shop', { at }, { token: `t${at}` })),
  );
  expect(outcomes.map(({ version }) => version).toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: 10 }, (_, at) => at + 1),
  );
});

test('who is overtaken all the time is told to come again', async () => {
  const { store, table } = world();
  const busy = configStore({
    table: {
      ...table,
      put: async () => ({ status: 'refused', current: { version: 99, value: 0, token: 'other' } }),
    },
  });
  await store.put('shop', 1, { token: 'a' });
  await expect(busy.put('shop', 2, { token: 'b' })).rejects.toThrow(UnavailableError);
});
