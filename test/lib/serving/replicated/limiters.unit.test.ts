import { InvalidArgumentError, OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { limitedFleet, type Kind } from './limited-fleet.ts';

const kinds: readonly Kind[] = ['exact', 'leased'];
const quota = { ratePerSecond: 10, burstCount: 100 };
const some = (kind: Kind, more: Partial<Parameters<typeof limitedFleet>[0]> = {}) =>
  limitedFleet({ kind, quota, offsetsMs: [0], maxClockSkewMs: 1_000, leaseMs: 1_000, ...more });

describe.each(kinds)('%s', (kind) => {
  test('what can be had at once is had, and then the client is told when to come, and may', async () => {
    const { first: host, clock } = some(kind);
    expect(host.usableCount).toBe(kind === 'exact' ? 90 : 80);
    const burst = await Promise.all(Array.from({ length: 100 }, () => host.take('k')));
    expect(burst.filter((decision) => decision.status === 'allowed')).toHaveLength(host.usableCount);
    const refused = await host.take('k');
    if (refused.status !== 'refused') throw new Error('Expected a refusal.');
    await clock.advance(refused.retryAfterMs);
    expect((await host.take('k')).status).toBe('allowed');
  });

  test('keys are kept apart', async () => {
    const { first } = some(kind);
    await Promise.all(Array.from({ length: 100 }, () => first.take('a')));
    expect((await first.take('a')).status).toBe('refused');
    expect((await first.take('b')).status).toBe('allowed');
  });

  test('when the table is away nothing is known, and that is what the caller hears', async () => {
    const { first } = some(kind, {
      intercept:
        () =>
        ({ operation }) => {
          throw new UnavailableError(operation);
        },
    });
    const outcomes = await Promise.allSettled([first.take('k'), first.take('k'), first.take('j')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  test.each(['', 'x'.repeat(1_025)])('a key that no table takes is refused', async (key) => {
    await expect(some(kind).first.take(key)).rejects.toBeInstanceOf(InvalidArgumentError);
  });

  test('more than could ever be had is refused', async () => {
    await expect(some(kind).first.take('k', 91)).rejects.toBeInstanceOf(InvalidArgumentError);
  });

  test('a burst that the clocks take all of is refused', () => {
    expect(() => some(kind, { maxClockSkewMs: 10_000 })).toThrow('burstCount');
  });
});

describe('calls of an exact limit', () => {
  test('1 for a decision, 1 for all who ask at once, 0 for a refusal that is known', async () => {
    const { first, callCount, resetCalls } = some('exact');
    await first.take('k');
    expect(callCount()).toBe(1);
    resetCalls();
    await Promise.all(Array.from({ length: 50 }, () => first.take('k')));
    // The first goes at once, the others together.
    expect(callCount()).toBe(2);
    await Promise.all(Array.from({ length: 39 }, () => first.take('k')));
    resetCalls();
    const refused = await Promise.all(Array.from({ length: 1_000 }, () => first.take('k')));
    expect(refused.every((decision) => decision.status === 'refused')).toBe(true);
    expect(callCount()).toBe(0);
  });

  test('one more when another host was quicker; what is refused to one is refused to all', async () => {
    const { hosts, callCount } = some('exact', { offsetsMs: [0, 0] });
    const [one, two] = hosts;
    await one?.take('k', 90);
    expect(await two?.take('k')).toMatchObject({ status: 'refused', remainingCount: 0 });
    expect(callCount()).toBe(2);
    expect(await two?.take('k')).toMatchObject({ status: 'refused' });
    expect(callCount()).toBe(2);
  });

  test('several are had at once or not at all', async () => {
    const { first } = some('exact');
    expect(await first.take('k', 50)).toMatchObject({ status: 'allowed', remainingCount: 40 });
    expect(await first.take('k', 50)).toMatchObject({ status: 'refused', remainingCount: 40, retryAfterMs: 1_000 });
    expect(await first.take('k', 40)).toMatchObject({ status: 'allowed', remainingCount: 0 });
  });

  test('a write whose answer was lost is known again, and takes its tokens once', async () => {
    let lostCount = 0;
    const { first } = some('exact', {
      intercept: () => async (operation, apply) => {
        const answer = await apply();
        if ((lostCount += 1) <= 2) throw new OutcomeUnknownError(operation.operation);
        return answer;
      },
    });
    expect(await first.take('k', 50)).toMatchObject({ status: 'allowed', remainingCount: 40 });
    expect(await first.take('k', 40)).toMatchObject({ status: 'allowed', remainingCount: 0 });
  });

  test('a bucket that the table has removed is full', async () => {
    const { first, table, clock } = some('exact');
    await first.take('k', 90);
    await clock.advance(2 * 86_400_000);
    expect(table.sweepExpired()).toBe(1);
    expect(await first.take('k', 90)).toMatchObject({ status: 'allowed' });
  });
});
