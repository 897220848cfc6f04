import { httpFunction } from '#http/http-function';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { idempotency } from '#resilience/idempotency';
import { world } from '#simulation/world';
import { eventDrivenApi } from '../../../../functions/batch/event-driven/api.ts';
import { eventDrivenHandlers } from '../../../../functions/batch/event-driven/handlers.ts';
import { builtIn } from '../../../../functions/batch/event-driven/pipelines.ts';
import { pipelinesIn } from '../../../lib/batch/event-driven/simulated.ts';
import { quiet } from '../../../lib/batch/work-queue/world.ts';
import { httpContext, httpEvent } from '../../../support/http-events.ts';

const stack = () => {
  const w = world({ seed: 1 });
  const place = pipelinesIn(w, { pipelines: builtIn({ misbehaves: true }), maxReceiveCount: 3 });
  const random = seededRandom(7);
  const { clock } = w;
  const table = memoryTable({ name: 'idempotency', clock });
  const handler = httpFunction({
    api: eventDrivenApi,
    handlers: () => eventDrivenHandlers(place.api),
    services: () => ({
      log: quiet,
      clock,
      random,
      adminArns: [],
      idempotency: idempotency({ table, clock, random, inProgressMs: 1_000, keepMs: 60_000 }),
    }),
  });
  const call = async (method: string, url: string, body?: unknown) => {
    const [pathname = '', search = ''] = url.split('?');
    const query = [...new URLSearchParams(search)];
    const event = httpEvent(method, `/event-driven/pipelines${pathname}`, {
      query,
      ...(body === undefined ? {} : { body }),
    });
    const answer = await w.until(handler(event, httpContext(10_000)));
    return { status: answer.statusCode, body: JSON.parse(answer.body) as Readonly<Record<string, never>> };
  };
  return { w, place, call };
};

const signup = (id: string, data: object, type = 'signup') => ({ id, key: id, type, data });

test('who signs up is written to, by the way that they have, and what is wrong is a dead letter', async () => {
  const { w, call } = stack();
  const events = [
    signup('ada', { email: 'ada@example.org', name: 'Ada' }),
    signup('bob', { phone: '+1 555 0100', name: 'Bob' }),
    signup('cat', {}),
    signup('dan', { email: 'dan@example.org' }, 'signup.resend'),
  ];
  expect(await call('POST', '/signup-mail/events', { events })).toEqual({
    status: 202,
    body: { pipeline: 'signup-mail', accepted: 4 },
  });
  await w.untilQuiet();
  const { body: page } = await call('GET', '/signup-mail/output');
  expect(page['events']).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        id: 'ada',
        type: 'mail.sent',
        data: expect.objectContaining({ to: 'ada@example.org', text: 'Welcome, Ada.' }),
      }),
      expect.objectContaining({ id: 'bob', type: 'text.sent', data: { to: '+1 555 0100', text: 'Welcome, Bob.' } }),
      expect.objectContaining({ id: 'dan', type: 'mail.sent' }),
    ]),
  );
  const { body } = await call('GET', '/signup-mail');
  expect(body).toMatchObject({
    accepted: 4,
    stages: [
      { stage: 'contact', in: 4, out: 4, sent: { 'contact.mail': 3, 'contact.text': 1 } },
      { stage: 'mail', in: 3, out: 2, deadLettered: 1, filtered: {}, waiting: 0 },
      { stage: 'text', in: 1, out: 1 },
      { stage: 'merge', in: 3, out: 3 },
    ],
  });
});

test('what was not accepted as it should be is said by field, an unknown pipeline is not found', async () => {
  const { call } = stack();
  const good = signup('a', {});
  const bad: readonly [unknown, string][] = [
    [{ events: [] }, 'events'],
    [{}, 'events'],
    [{ events: [{ ...good, id: '' }] }, 'events.0.id'],
    [{ events: [{ ...good, key: 'x\0' }] }, 'events.0.key'],
    [{ events: [{ ...good, type: 'x'.repeat(129) }] }, 'events.0.type'],
    [{ events: [{ ...good, more: 1 }] }, 'events.0.more'],
    [{ events: [{ ...good, data: 1e-200 }] }, 'events.0.data'],
    [{ events: Array.from({ length: 1_001 }, () => ({ id: 'a', key: 'b', type: 'c' })) }, 'events'],
  ];
  for (const [body, field] of bad) {
    const answer = await call('POST', '/all-five/events', body);
    expect({ status: answer.status, errors: Object.keys(answer.body['errors'] ?? {}) }).toEqual({
      status: 400,
      errors: [field],
    });
  }
  for (const name of ['none', 'constructor', '__proto__'])
    for (const [method, url, body] of [
      ['POST', `/${name}/events`, { events: [good] }],
      ['GET', `/${name}`, undefined],
      ['GET', `/${name}/output`, undefined],
    ] as const)
      expect([400, 404]).toContain((await call(method, url, body)).status);
  expect((await call('GET', '/all-five/output?cursor=nonsense')).status).toBe(400);
});

test('an idempotency-key or not: the same events again change nothing', async () => {
  const { w, call } = stack();
  const events = [signup('a', { email: 'a@example.org' })];
  for (let n = 0; n < 3; n += 1) await call('POST', '/signup-mail/events', { events });
  await w.untilQuiet();
  expect((await call('GET', '/signup-mail')).body).toMatchObject({ accepted: 1 });
  expect((await call('GET', '/signup-mail/output')).body['events']).toHaveLength(1);
});
