import { inTurns } from '#resilience/in-turns';

/** Runs that end when they are told to. */
const runs = () => {
  const running = new Map<number, PromiseWithResolvers<string>>();
  let most = 0;
  const begun: number[] = [];
  return {
    begun,
    most: () => most,
    run: (item: number): Promise<string> => {
      begun.push(item);
      const end = Promise.withResolvers<string>();
      running.set(item, end);
      most = Math.max(most, running.size);
      return end.promise;
    },
    end: async (item: number, error?: Error): Promise<void> => {
      const end = running.get(item);
      running.delete(item);
      if (error === undefined) end?.resolve(`done ${item}`);
      else end?.reject(error);
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    },
  };
};

test('so many run at a time and no more, begun in order; results come in the order of the items', async () => {
  const { run, end, begun, most } = runs();
  const all = inTurns([0, 1, 2, 3, 4], 2, run);
  for (const item of [1, 0, 3, 2, 4]) await end(item);
  expect(await all).toEqual(['done 0', 'done 1', 'done 2', 'done 3', 'done 4']);
  expect([begun, most()]).toEqual([[0, 1, 2, 3, 4], 2]);
});

test('after a rejection nothing further is begun, and it is given at once', async () => {
  const { run, end, begun } = runs();
  const all = inTurns([0, 1, 2, 3, 4], 2, run);
  const outcome = all.then(
    () => 'done',
    (error: Error) => error.message,
  );
  await end(1, new Error('broken'));
  expect(await outcome).toBe('broken');
  await end(0);
  expect(begun).toEqual([0, 1]);
});

test('of nothing comes nothing', async () => {
  expect(await inTurns([], 3, runs().run)).toEqual([]);
});
