import { scheduledLeader } from '#serving/ownership-election/scheduled-leader';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { hosts } from './hosts.ts';

const PERIOD_MS = 60_000;
const LEASE_MS = 150_000;

const candidates = (rules: readonly FaultRule[] = []) => {
  const world = hosts(rules);
  const candidate = (holder: string, skewMs = 0) => {
    const { clock, random, table } = world.host(skewMs);
    return scheduledLeader({ table, clock, random, name: 'leader', holder, leaseMs: LEASE_MS });
  };
  return { ...world, candidate };
};

test('the first to stand leads, goes on leading, and each call of the schedule is one call of the table', async () => {
  const { candidate, time, wire } = candidates();
  const [one, other] = [candidate('one', 60_000), candidate('other', -60_000)];
  const first = await one.stand();
  expect(first).toMatchObject({ status: 'leads', leadsForMs: LEASE_MS });
  for (let period = 0; period < 10; period += 1) {
    await time.advance(PERIOD_MS);
    wire.resetCounts();
    expect(await one.stand()).toEqual(first);
    expect(await other.stand()).toMatchObject({ status: 'follows', holder: 'one' });
    expect(Object.values(wire.counts())).toEqual([1, 1]);
  }
});

test('a leader that is called no more is succeeded at the first call a lease after its last renewal was seen', async () => {
  const { candidate, time } = candidates();
  const [one, other] = [candidate('one'), candidate('other')];
  const first = await one.stand();
  const statuses: string[] = [];
  for (let period = 0; period < 4; period += 1) {
    const standing = await other.stand();
    statuses.push(standing.status);
    if (standing.status === 'leads') expect(standing.token).toBeGreaterThan(first.token);
    await time.advance(PERIOD_MS);
  }
  expect(statuses).toEqual(['follows', 'follows', 'follows', 'leads']);
  expect(await one.stand()).toMatchObject({ status: 'follows', holder: 'other' });
});

test('a leader whose lease nobody wanted meanwhile goes on with its token', async () => {
  const { candidate, time } = candidates();
  const one = candidate('one');
  const first = await one.stand();
  await time.advance(10 * LEASE_MS);
  expect(await one.stand()).toEqual(first);
});

test('an election whose answers are all lost is found at the next call', async () => {
  const { candidate, time } = candidates([{ kind: 'lose-answer', times: 3 }]);
  const one = candidate('one');
  await expect(one.stand()).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
  await time.advance(PERIOD_MS);
  expect(await one.stand()).toMatchObject({ status: 'leads' });
});
