import { singleFlight } from '#resilience/index';

test('a thousand who want the same key at once share one load; another key has its own', async () => {
  const flight = singleFlight<number>();
  let loads = 0;
  const load = async () => {
    loads += 1;
    await Promise.resolve();
    return loads;
  };
  const all = await Promise.all([...Array.from({ length: 1_000 }, () => flight('a', load)), flight('b', load)]);
  expect(loads).toBe(2);
  expect(new Set(all.slice(0, 1_000)).size).toBe(1);
});

test('an error reaches everybody who waits, and the next one loads again', async () => {
  const flight = singleFlight<string>();
  const fail = async () => {
    throw new RangeError('ill');
  };
  const all = await Promise.allSettled(Array.from({ length: 100 }, () => flight('a', fail)));
  expect(all.filter(({ status }) => status === 'rejected')).toHaveLength(100);
  expect(await flight('a', () => 'well')).toBe('well');
});

test('what throws at once is an error of the flight, and blocks nobody later', async () => {
  const flight = singleFlight<string>();
  await expect(
    flight('a', () => {
      throw new RangeError('at once');
    }),
  ).rejects.toThrow('at once');
  expect(await flight('a', () => 'well')).toBe('well');
});
