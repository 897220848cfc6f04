import { InvalidArgumentError, UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { jitteredPauseOf, persistence } from '#resilience/persist';

const persist = persistence({ code: 'example/gave-up', tryCount: 4 });

/** An attempt that comes to one thing after the other, and how often it was paused before. */
const attempts = (...outcomes: readonly (string | Error | undefined)[]) => {
  const pauses: number[] = [];
  let tries = 0;
  const attempt = async (): Promise<string | undefined> => {
    const outcome = outcomes[tries];
    tries += 1;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  const pause = async (after: number): Promise<void> => void pauses.push(after);
  return { attempt, pause, pauses, tries: () => tries };
};

test('nothing and what may succeed later are tried again, with a pause that knows how often', async () => {
  const { attempt, pause, pauses } = attempts(undefined, new UnavailableError('table'), 'value');
  expect(await persist('read', pause, attempt)).toBe('value');
  expect(pauses).toEqual([1, 2]);
});

test('what will not succeed is thrown at once', async () => {
  const wrong = new InvalidArgumentError('wrong');
  const { attempt, pause, tries } = attempts(wrong, 'value');
  await expect(persist('read', pause, attempt)).rejects.toBe(wrong);
  expect(tries()).toBe(1);
});

test('it gives up by its code, retryable, with the last error, and does not wait for nothing', async () => {
  const last = new UnavailableError('last');
  const { attempt, pause, pauses } = attempts(new UnavailableError('first'), undefined, last, undefined, 'too late');
  await expect(persist('read', pause, attempt)).rejects.toMatchObject({
    code: 'example/gave-up',
    message: 'read: gave up after 4 tries',
    retryable: true,
    cause: last,
  });
  expect(pauses).toEqual([1, 2, 3]);
});

test('a pause is drawn from nothing to twice as much each time, up to its limit', async () => {
  const clock = memoryClock();
  const pause = jitteredPauseOf({ baseMs: 10, limitMs: 25 })({ clock, random: { next: () => 1, uuid: () => '' } });
  const waits: number[] = [];
  for (const tries of [1, 2, 3, 4]) {
    const beforeMs = clock.monotonicMs();
    await clock.until(pause(tries));
    waits.push(clock.monotonicMs() - beforeMs);
  }
  expect(waits).toEqual([10, 20, 25, 25]);
});
