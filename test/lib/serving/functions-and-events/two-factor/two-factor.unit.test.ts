import { createHash } from 'node:crypto';
import { InvalidArgumentError, OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { memoryWire } from '#primitives/memory/wire';
import { EVENT_SOURCE } from '#serving/functions-and-events/events';
import type { Verdict } from '#serving/functions-and-events/two-factor/challenges';
import { ANN, ATTEMPT_COUNT, LIFETIME_MS, login } from './login.ts';
import { wrongChallenges } from './wrong-challenges.ts';

const PARALLEL = 50;

/** A login whose code is sent. */
const begun = async (options: Parameters<typeof login>[0] = {}) => {
  const world = login(options);
  const { expiresAtMs } = await world.api.begin(ANN);
  await world.send(ANN, world.clock.nowMs());
  return { ...world, expiresAtMs, right: await world.code(ANN.address) };
};

const statuses = (verdicts: readonly Verdict[]): readonly string[] => verdicts.map(({ status }) => status);
const countOf = (verdicts: readonly Verdict[], status: string): number =>
  statuses(verdicts).filter((each) => each === status).length;

describe('a challenge', () => {
  test('is answered by the code that was sent, once, with a token whose hash is with it', async () => {
    const { api, right, table } = await begun();
    expect(right).toMatch(/^\d{6}$/);
    const verdict = await api.verify(ANN.challengeId, right);
    expect(verdict).toEqual({ status: 'verified', user: 'ann', token: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const token = verdict.status === 'verified' ? verdict.token : '';
    expect(table.dump()[0]?.fields['tokenHash']).toBe(createHash('sha256').update(token).digest('hex'));
    expect(await api.verify(ANN.challengeId, right)).toEqual({ status: 'used' });
  });

  test('takes five codes and no sixth, not even the right one', async () => {
    const { api, right, wrong, compareCount, clock, expiresAtMs } = await begun();
    for (let left = ATTEMPT_COUNT - 1; left >= 0; left -= 1) {
      expect(await api.verify(ANN.challengeId, wrong(right))).toEqual({
        status: 'wrong',
        attemptsLeft: left,
        endsInMs: expiresAtMs - clock.nowMs(),
      });
    }
    expect(await api.verify(ANN.challengeId, right)).toMatchObject({ status: 'exhausted' });
    expect(compareCount()).toBe(ATTEMPT_COUNT);
  });

  test('takes the right code at the fifth attempt', async () => {
    const { api, right, wrong } = await begun();
    for (let attempt = 1; attempt < ATTEMPT_COUNT; attempt += 1) await api.verify(ANN.challengeId, wrong(right));
    expect(await api.verify(ANN.challengeId, right)).toMatchObject({ status: 'verified' });
  });

  test('of fifty right codes at once one is verified, and five are compared at most', async () => {
    const { api, right, compareCount } = await begun();
    const verdicts = await Promise.all(Array.from({ length: PARALLEL }, () => api.verify(ANN.challengeId, right)));
    expect(countOf(verdicts, 'verified')).toBe(1);
    expect(compareCount()).toBeLessThanOrEqual(ATTEMPT_COUNT);
  });

  test('of fifty wrong codes at once five are compared', async () => {
    const { api, right, wrong, compareCount } = await begun();
    const verdicts = await Promise.all(
      Array.from({ length: PARALLEL }, () => api.verify(ANN.challengeId, wrong(right))),
    );
    expect(countOf(verdicts, 'wrong')).toBe(ATTEMPT_COUNT);
    expect(countOf(verdicts, 'exhausted')).toBe(PARALLEL - ATTEMPT_COUNT);
    expect(compareCount()).toBe(ATTEMPT_COUNT);
  });

  test('is over when its time is, although its record is still there', async () => {
    const { api, right, clock, compareCount, table } = await begun();
    await clock.advance(LIFETIME_MS);
    expect(table.dump()).toHaveLength(1);
    expect(await api.verify(ANN.challengeId, right)).toEqual({ status: 'expired' });
    expect(compareCount()).toBe(0);
  });

  test('ends while its code is compared: the write that would give the token out is refused', async () => {
    const { api, right, clock, duringCompare } = await begun();
    duringCompare(() => clock.jump(LIFETIME_MS));
    expect(await api.verify(ANN.challengeId, right)).toEqual({ status: 'expired' });
  });

  test('that there is not is told apart', async () => {
    expect(await login().api.verify('nothing', '000000')).toEqual({ status: 'unknown' });
  });

  test('loses no attempt to guesses that come before its code is drawn: they are wrong, and compared with nothing', async () => {
    const { api, send, code, compareCount, clock } = login();
    const { expiresAtMs } = await api.begin(ANN);
    const wrong = { status: 'wrong', attemptsLeft: ATTEMPT_COUNT, endsInMs: expiresAtMs - clock.nowMs() };
    for (let guess = 0; guess <= ATTEMPT_COUNT; guess += 1)
      expect(await api.verify(ANN.challengeId, '000000')).toEqual(wrong);
    expect(compareCount()).toBe(0);
    expect(await send(ANN, 0)).toBe('sent');
    expect(await api.verify(ANN.challengeId, await code(ANN.address))).toMatchObject({ status: 'verified' });
  });

  test('of an id that there is, for another user or address, is refused, and nothing is sent', async () => {
    const { api, bus } = login();
    await api.begin(ANN);
    const before = bus.published().length;
    await expect(api.begin({ ...ANN, address: 'eve@example.org' })).rejects.toThrow(InvalidArgumentError);
    await expect(api.begin({ ...ANN, user: 'eve' })).rejects.toThrow(InvalidArgumentError);
    expect(bus.published()).toHaveLength(before);
  });

  test('begun twice under one id is one challenge, with the time of the first', async () => {
    const { api, clock, table } = login();
    const first = await api.begin(ANN);
    await clock.advance(1_000);
    expect(await api.begin(ANN)).toEqual(first);
    expect(table.dump()).toHaveLength(1);
  });

  test('an answer that was lost costs no second attempt and no second token', async () => {
    let isLost = false;
    const wire = memoryWire({
      intercept: async (operation, apply) => {
        const answer = await apply();
        isLost = !isLost;
        if (operation.isWrite && operation.primitive === 'table' && isLost) throw new OutcomeUnknownError('lost');
        return answer;
      },
    });
    const { api, right, table } = await begun({ wire });
    expect(await api.verify(ANN.challengeId, right)).toMatchObject({ status: 'verified' });
    expect(table.dump()[0]?.fields['attempts']).toBe(1);
  });
});

describe('the code', () => {
  test('is in no event, and in the table only as a keyed hash and under a pad', async () => {
    const { right, bus, table } = await begun();
    expect(bus.published()).toMatchObject([{ source: EVENT_SOURCE, type: 'challenge.requested', detail: { ...ANN } }]);
    expect(JSON.stringify(bus.published())).not.toContain(right);
    const [record] = table.dump();
    expect(JSON.stringify(record)).not.toContain(right);
    expect(Object.keys(record?.fields ?? {}).toSorted()).toEqual([
      'address',
      'attemptBy',
      'attempts',
      'expiresAtMs',
      'hash',
      'hidden',
      'sentAtMs',
      'user',
    ]);
  });

  test('is sent once, however often its event comes', async () => {
    const { send, box, clock } = await begun();
    expect(await send(ANN, clock.nowMs())).toBe('already-sent');
    expect(await box.list(ANN.address)).toHaveLength(1);
  });

  test('is not sent any more once its challenge is exhausted', async () => {
    let isMailLost = true;
    const wire = memoryWire({
      intercept: (operation, apply) => {
        if (isMailLost && operation.name === 'mails') throw new UnavailableError('mails');
        return apply();
      },
    });
    const { api, send, box } = login({ wire });
    await api.begin(ANN);
    await expect(send(ANN, 0)).rejects.toThrow(UnavailableError);
    // Drawn, not sent: these are guesses.
    for (let guess = 0; guess < ATTEMPT_COUNT; guess += 1) await api.verify(ANN.challengeId, 'no code');
    isMailLost = false;
    expect(await send(ANN, 0)).toBe('skipped');
    expect(await box.list(ANN.address)).toEqual([]);
  });

  test('is the same when a crash came between storing and sending, or sending and noting', async () => {
    for (const crashAt of [1, 2, 3]) {
      let [writes, isOver] = [0, true];
      const wire = memoryWire({
        intercept: async (operation, apply) => {
          if (!isOver && operation.isWrite && (writes += 1) === crashAt) throw new Error('crash');
          return apply();
        },
      });
      const world = login({ wire });
      await world.api.begin(ANN);
      isOver = false;
      const drawn: string[] = [];
      await world.send(ANN, 0).catch(() => drawn.push(JSON.stringify(world.table.dump()[0]?.fields['hash'] ?? null)));
      isOver = true;
      expect(drawn).toHaveLength(1);
      await world.send(ANN, 0);
      const mails = await world.box.list(ANN.address);
      expect(mails).toHaveLength(1);
      if (crashAt > 1) expect(JSON.stringify(world.table.dump()[0]?.fields['hash'])).toBe(drawn[0]);
      expect(await world.api.verify(ANN.challengeId, await world.code(ANN.address))).toMatchObject({
        status: 'verified',
      });
    }
  });

  test('two deliveries at once send one code', async () => {
    const world = login();
    await world.api.begin(ANN);
    const texts: string[] = [];
    await Promise.all([world.send(ANN, 0), world.send(ANN, 0), world.send(ANN, 0)]);
    for (const { text } of await world.box.list(ANN.address)) texts.push(text);
    expect(texts).toHaveLength(1);
    expect(await world.api.verify(ANN.challengeId, await world.code(ANN.address))).toMatchObject({
      status: 'verified',
    });
  });

  test('of a challenge that an event began has its time from the event on', async () => {
    const { send, code, api, clock } = login();
    const sentAtMs = clock.nowMs();
    await send(ANN, sentAtMs);
    expect(await api.verify(ANN.challengeId, await code(ANN.address))).toMatchObject({ status: 'verified' });
    const late = { ...ANN, challengeId: 'late' };
    expect(await send(late, sentAtMs - LIFETIME_MS)).toBe('skipped');
  });

  test('goes to nobody but the address of the challenge: who names another is refused', async () => {
    const { send, api, box } = login();
    await api.begin(ANN);
    await expect(send({ ...ANN, address: 'eve@example.org' }, 0)).rejects.toThrow(InvalidArgumentError);
    await expect(send({ ...ANN, user: 'eve' }, 0)).rejects.toThrow(InvalidArgumentError);
    expect(await box.list('eve@example.org')).toEqual([]);
  });
});

describe('the checks find out', () => {
  test('an attempt that is counted after it was compared: more than five are', async () => {
    const { api, right, wrong, compareCount } = await begun({ make: wrongChallenges('late-count') });
    await Promise.all(Array.from({ length: PARALLEL }, () => api.verify(ANN.challengeId, wrong(right))));
    expect(compareCount()).toBeGreaterThan(ATTEMPT_COUNT);
  });

  test('a code that is good twice: two at once are verified', async () => {
    const { api, right } = await begun({ make: wrongChallenges('used-twice') });
    const verdicts = await Promise.all(Array.from({ length: PARALLEL }, () => api.verify(ANN.challengeId, right)));
    expect(countOf(verdicts, 'verified')).toBeGreaterThan(1);
  });

  test('an expiry that is left to the table: a record that is late to go is good', async () => {
    const { api, right, clock } = await begun({ make: wrongChallenges('expiry-by-ttl') });
    await clock.advance(LIFETIME_MS);
    expect(await api.verify(ANN.challengeId, right)).toMatchObject({ status: 'verified' });
  });
});

test('calls: 2 to begin, 4 to send, 2 for a wrong code (1 before there is one), 3 for the right one', async () => {
  const calls: string[] = [];
  const wire = memoryWire({
    intercept: async (operation, apply) => {
      calls.push(operation.operation.replace(/^\w+\./, ''));
      return apply();
    },
  });
  const { api, send, wrong, code } = login({ wire });
  const count = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
    calls.length = 0;
    await work();
    return [...calls];
  };
  expect(await count(() => api.begin(ANN))).toEqual(['PutItem', 'PutEvents']);
  expect(await count(() => api.verify(ANN.challengeId, '000000'))).toEqual(['GetItem']);
  expect(await count(() => send(ANN, 0))).toEqual(['GetItem', 'UpdateItem', 'TransactWriteItems', 'UpdateItem']);
  expect(await count(() => send(ANN, 0))).toEqual(['GetItem']);
  const right = await code(ANN.address);
  expect(await count(() => api.verify(ANN.challengeId, wrong(right)))).toEqual(['GetItem', 'UpdateItem']);
  expect(await count(() => api.verify(ANN.challengeId, right))).toEqual(['GetItem', 'UpdateItem', 'UpdateItem']);
  expect(await count(() => api.verify(ANN.challengeId, right))).toEqual(['GetItem']);
});
