import { InvalidArgumentError, UnavailableError } from '#primitives/errors';
import { memoryBus } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import type { Mail } from '#serving/functions-and-events/mailbox/mailbox';
import { taskOf } from '#serving/functions-and-events/sign-up/record';
import { signUps } from '#serving/functions-and-events/sign-up/sign-ups';
import { signUpSteps } from '#serving/functions-and-events/sign-up/sign-up-steps';

const ATTEMPT_COUNT = 3;
const DAY_MS = 86_400_000;
const RESTART_MS = 60_000;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Sign-ups in memory; `settle` brings every event until none is left. */
const world = (mailer: (mail: Mail) => Promise<void> = async () => undefined) => {
  const clock = memoryClock();
  const calls: string[] = [];
  let breakBus = false;
  let throttledCount = 0;
  const wire = memoryWire({
    intercept: async (operation, apply) => {
      calls.push(operation.operation);
      if (breakBus && operation.primitive === 'bus') throw new UnavailableError('bus');
      if (operation.operation === 'dynamodb.UpdateItem' && (throttledCount -= 1) >= 0)
        throw new UnavailableError('table');
      return apply();
    },
  });
  const [random, table, bus] = [
    seededRandom(1),
    memoryTable({ name: 'state', clock, wire }),
    memoryBus({ name: 'events', clock, wire }),
  ];
  const api = signUps({ table, bus, clock, random, restartAfterMs: RESTART_MS });
  const mails: Mail[] = [];
  const sent = async (mail: Mail): Promise<void> => {
    await mailer(mail);
    mails.push(mail);
  };
  const steps = signUpSteps({ table, bus, mailer: sent, clock, random, attemptCount: ATTEMPT_COUNT, keepMs: DAY_MS });
  let seen = 0;
  const settle = async (): Promise<void> => {
    for (; seen < bus.published().length; seen += 1) {
      const event = bus.published()[seen];
      const task = taskOf(event?.type ?? '');
      if (task === undefined) continue;
      const signupId = textOf(event?.detail['signupId']);
      for (let attempt = 1, isOver = false; !isOver; attempt += 1)
        isOver = await steps.run({ signupId, task, attempt }).then(
          () => true,
          () => false,
        );
    }
  };
  const start = (signupId: string, email = 'ann@example.org') => api.start({ signupId, email, name: 'Ann' });
  const partitions = () =>
    table
      .dump()
      .map(({ key }) => key.partition)
      .toSorted();
  return {
    clock,
    calls,
    table,
    bus,
    api,
    steps,
    settle,
    start,
    mails,
    partitions,
    setBus: (broken: boolean) => (breakBus = broken),
    throttleUpdates: (count: number) => (throttledCount = count),
  };
};

const broken = async (): Promise<void> => {
  throw new UnavailableError('mail');
};

test('a sign-up takes the address, makes the account, sends one mail, and shows each step', async () => {
  const { start, settle, api, mails, partitions, bus, clock } = world();
  expect(await start('s', 'Ann@Example.org')).toBe('accepted');
  expect(await api.look('s')).toMatchObject({
    status: 'running',
    steps: [
      { name: 'reserve', status: 'done' },
      { name: 'account', status: 'waiting', attempts: 0 },
      { name: 'welcome' },
    ],
  });
  await settle();
  const step = (name: string) => ({ name, status: 'done', attempts: 1, atMs: clock.nowMs() });
  expect(await api.look('s')).toEqual({
    signupId: 's',
    status: 'completed',
    steps: [step('reserve'), step('account'), step('welcome')],
  });
  expect(mails).toMatchObject([{ id: 's', to: 'ann@example.org' }]);
  expect(partitions()).toEqual(['account/s', 'address/ann@example.org', 'signup/s']);
  expect(bus.published().map(({ type }) => type)).toEqual([
    'signup.reserved',
    'signup.account-created',
    'signup.completed',
  ]);
});

test('of fifty who want one address at once one has it', async () => {
  const { start, clock } = world();
  const outcomes = await clock.until(Promise.all(Array.from({ length: 50 }, (_, index) => start(`s${index}`))));
  expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1);
  expect(await start('later', 'ANN@example.org')).toBe('taken');
});

test('a request that is repeated is the same sign-up; its id with another address is refused', async () => {
  const { start, settle, mails } = world();
  expect(await start('s')).toBe('accepted');
  expect(await start('s')).toBe('accepted');
  await settle();
  expect(await start('s')).toBe('accepted');
  await settle();
  expect(mails).toHaveLength(1);
  await expect(start('s', 'bob@example.org')).rejects.toThrow(InvalidArgumentError);
});

test('a sign-up that nobody waited for and that was refused is shown as failed, and a repeat is told the same', async () => {
  const { start, api, steps, settle, table, clock, calls, partitions } = world();
  await start('s');
  expect(await start('refused', 'Ann@example.org')).toBe('taken');
  calls.length = 0;
  await steps.refuse({ signupId: 'refused', email: 'Ann@example.org', name: 'Eve' });
  expect(calls).toEqual(['dynamodb.PutItem']);
  const reserve = { name: 'reserve', status: 'failing', attempts: 1, atMs: clock.nowMs() };
  expect(await api.look('refused')).toMatchObject({
    status: 'failed',
    reason: 'address taken',
    steps: [reserve, {}, {}],
  });
  expect(table.dump().find(({ key }) => key.partition === 'signup/refused')?.expiresAtMs).toBe(clock.nowMs() + DAY_MS);
  await steps.giveUp({ signupId: 's', task: 'account', attempt: 3 }, 'no answer');
  await settle();
  // Free by now; the same request is still the same.
  expect(await start('refused')).toBe('taken');
  expect(partitions()).toEqual(['signup/refused', 'signup/s']);
});

test('a refusal that comes late changes nothing of a sign-up that there is', async () => {
  const { start, api, steps, settle } = world();
  await start('s');
  await steps.refuse({ signupId: 's', email: 'ann@example.org', name: 'Ann' });
  await settle();
  expect((await api.look('s'))?.status).toBe('completed');
});

test('every event that comes twice, and late, changes nothing', async () => {
  const { start, settle, steps, mails, partitions, bus } = world();
  await start('s');
  await settle();
  const before = partitions();
  for (const { type } of bus.published()) {
    const task = taskOf(type);
    if (task !== undefined) expect(await steps.run({ signupId: 's', task, attempt: 1 })).toBe('stale');
  }
  await settle();
  expect(await steps.giveUp({ signupId: 's', task: 'account', attempt: 3 }, 'late')).toBe('stale');
  expect(await steps.run({ signupId: 's', task: 'compensate', attempt: 1 })).toBe('stale');
  expect(mails).toHaveLength(1);
  expect(partitions()).toEqual(before);
});

test('a step that fails for ever is tried so often, then all is undone, and the address is free', async () => {
  const { start, settle, api, partitions, bus } = world(broken);
  await start('s');
  await settle();
  const { status, steps, reason } = (await api.look('s')) ?? {};
  expect({ status, reason }).toEqual({ status: 'failed', reason: 'welcome: mail: unavailable, nothing was applied' });
  expect(steps?.map(({ status: each, attempts }) => [each, attempts])).toEqual([
    ['undone', 1],
    ['undone', 1],
    ['failing', ATTEMPT_COUNT],
  ]);
  expect(partitions()).toEqual(['signup/s']);
  expect(bus.published().at(-1)?.type).toBe('signup.compensated');
  expect(await start('next')).toBe('accepted');
});

test('a failing attempt is to be seen before the next', async () => {
  const { start, steps, api } = world(broken);
  await start('s');
  await steps.run({ signupId: 's', task: 'account', attempt: 1 });
  await expect(steps.run({ signupId: 's', task: 'welcome', attempt: 2 })).rejects.toThrow(UnavailableError);
  expect((await api.look('s'))?.steps[2]).toMatchObject({ name: 'welcome', status: 'failing', attempts: 2 });
});

test('a sign-up whose mail is out is not undone when its progress cannot be written: the mail comes again, then it', async () => {
  let throttledCount = 100;
  const { start, steps, api, mails, clock, throttleUpdates } = world(async () => {
    throttleUpdates(throttledCount);
  });
  await start('s');
  await steps.run({ signupId: 's', task: 'account', attempt: 1 });
  const welcome = (attempt: number) => clock.until(steps.run({ signupId: 's', task: 'welcome', attempt }));
  await expect(welcome(ATTEMPT_COUNT)).rejects.toMatchObject({ code: 'sign-up/not-noted', retryable: true });
  expect((await api.look('s'))?.status).toBe('running');
  // Throttled for a moment: that is waited for.
  throttledCount = 1;
  expect(await welcome(ATTEMPT_COUNT + 1)).toBe('done');
  expect((await api.look('s'))?.status).toBe('completed');
  expect(mails.map(({ id }) => id)).toEqual(['s', 's']);
});

test('a delivery that was never answered turns the sign-up to compensation', async () => {
  const { start, steps, settle, api, partitions } = world();
  await start('s');
  expect(await steps.giveUp({ signupId: 's', task: 'account', attempt: 3 }, 'no answer')).toBe('compensating');
  expect(await api.look('s')).toMatchObject({ status: 'compensating', reason: 'account: no answer' });
  await settle();
  expect(await api.look('s')).toMatchObject({ status: 'failed' });
  expect(partitions()).toEqual(['signup/s']);
});

test('a step that was given up while it ran changes nothing when it ends', async () => {
  let giveUp = async (): Promise<unknown> => undefined;
  const { start, steps, settle, api, partitions } = world(async () => void (await giveUp()));
  giveUp = () => steps.giveUp({ signupId: 's', task: 'welcome', attempt: 3 }, 'no answer');
  await start('s');
  await steps.run({ signupId: 's', task: 'account', attempt: 1 });
  expect(await steps.run({ signupId: 's', task: 'welcome', attempt: 3 })).toBe('stale');
  expect(await api.look('s')).toMatchObject({ status: 'compensating', reason: 'welcome: no answer' });
  await settle();
  expect(await api.look('s')).toMatchObject({ status: 'failed' });
  expect(partitions()).toEqual(['signup/s']);
});

test('compensation never frees the address of another: somebody has to look', async () => {
  const { start, steps, table, api } = world();
  await start('s');
  await steps.giveUp({ signupId: 's', task: 'account', attempt: 3 }, 'no answer');
  // What cannot be: somebody has the address by another way.
  await table.put({ key: { partition: 'address/ann@example.org', sort: 'address' }, fields: { signupId: 'other' } });
  const undo = steps.run({ signupId: 's', task: 'compensate', attempt: 1 });
  await expect(undo).rejects.toThrow(new InvalidArgumentError("Sign-up s is not undone: its address is another's."));
  expect((await api.look('s'))?.status).toBe('compensating');
  const { fields } = table.dump().find(({ key }) => key.partition.startsWith('address/')) ?? {};
  expect(fields).toEqual({ signupId: 'other' });
});

test('a sign-up whose first event was never sent begins when its client repeats, or another wants the address', async () => {
  const { start, settle, setBus, api, clock } = world();
  setBus(true);
  await expect(start('s')).rejects.toThrow(UnavailableError);
  await expect(start('t', 'bob@example.org')).rejects.toThrow(UnavailableError);
  setBus(false);
  expect(await start('s')).toBe('accepted');
  expect(await start('other', 'bob@example.org')).toBe('taken');
  await settle();
  expect((await api.look('s'))?.status).toBe('completed');
  expect((await api.look('t'))?.status).toBe('running');
  await clock.advance(RESTART_MS + 1);
  expect(await start('other', 'bob@example.org')).toBe('taken');
  await settle();
  expect((await api.look('t'))?.status).toBe('completed');
});

test('a step whose event was not taken publishes it when it comes again', async () => {
  const { start, steps, settle, setBus, api } = world();
  await start('s');
  setBus(true);
  await expect(steps.run({ signupId: 's', task: 'account', attempt: 1 })).rejects.toThrow(UnavailableError);
  setBus(false);
  expect(await steps.run({ signupId: 's', task: 'account', attempt: 2 })).toBe('stale');
  await settle();
  expect((await api.look('s'))?.status).toBe('completed');
});

test('what is not a sign-up is told apart', async () => {
  const { api, steps } = world();
  expect(await api.look('nothing')).toBeUndefined();
  await expect(steps.run({ signupId: 'nothing', task: 'account', attempt: 1 })).rejects.toThrow('no sign-up nothing');
  await expect(api.start({ signupId: 's', email: 'no address', name: 'x' })).rejects.toThrow("Expected 'email'");
});

describe('calls', () => {
  test('a sign-up: 2 to start, 3 for the account, 3 and the mail for the welcome; 1 to look; 2 for one that is refused', async () => {
    const { start, settle, api, calls } = world();
    const count = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
      calls.length = 0;
      await work();
      return [...calls];
    };
    expect(await count(() => start('s'))).toEqual(['dynamodb.TransactWriteItems', 'events.PutEvents']);
    expect(await count(settle)).toEqual([
      'dynamodb.GetItem',
      'dynamodb.TransactWriteItems',
      'events.PutEvents',
      'dynamodb.GetItem',
      'dynamodb.UpdateItem',
      'events.PutEvents',
    ]);
    expect(await count(() => api.look('s'))).toEqual(['dynamodb.GetItem']);
    expect(await count(() => start('other'))).toEqual(['dynamodb.TransactWriteItems', 'dynamodb.GetItem']);
  });

  test('compensation: 2 to turn, 3 to undo', async () => {
    const { start, steps, settle, calls } = world();
    await start('s');
    calls.length = 0;
    await steps.giveUp({ signupId: 's', task: 'account', attempt: 3 }, 'no answer');
    expect(calls).toEqual(['dynamodb.GetItem', 'dynamodb.UpdateItem', 'events.PutEvents']);
    calls.length = 0;
    await settle();
    expect(calls).toEqual([
      // The first event, which is late.
      'dynamodb.GetItem',
      'events.PutEvents',
      'dynamodb.GetItem',
      'dynamodb.TransactWriteItems',
      'events.PutEvents',
      // Told twice to be undone: found undone, told so again.
      'dynamodb.GetItem',
      'events.PutEvents',
    ]);
  });
});

test('options are checked', () => {
  const { table, bus, clock } = world();
  const random = seededRandom(1);
  expect(() => signUps({ table, bus, clock, random, restartAfterMs: 1 })).toThrow("Expected 'restartAfterMs'");
  const rest = { table, bus, clock, random, mailer: broken };
  expect(() => signUpSteps({ ...rest, attemptCount: 0, keepMs: DAY_MS })).toThrow("Expected 'attemptCount'");
  expect(() => signUpSteps({ ...rest, attemptCount: 1, keepMs: 1 })).toThrow("Expected 'keepMs'");
});
