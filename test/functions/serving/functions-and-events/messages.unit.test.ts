import { parseWork } from '../../../../functions/serving/functions-and-events/messages.ts';

const parse = (body: unknown) =>
  parseWork({ id: 'message', body: typeof body === 'string' ? body : JSON.stringify(body) });
const event = (type: string, detail: unknown) => ({
  version: '0',
  id: 'event',
  'detail-type': type,
  source: 's',
  detail,
});
const ann = { user: 'ann', address: 'ann@example.org' };
const signUp = { email: 'ann@example.org', name: 'Ann' };

test('whatever HTTP can start, a message and an event can start too; without an id they are named by it', () => {
  expect(parse(ann)).toEqual({ ok: true, value: { kind: 'challenge', challengeId: 'message', ...ann } });
  expect(parse({ ...ann, challengeId: 'c' })).toMatchObject({ value: { challengeId: 'c' } });
  expect(parse(event('challenge.requested', ann))).toMatchObject({
    value: { kind: 'challenge', challengeId: 'event' },
  });
  expect(parse(signUp)).toEqual({ ok: true, value: { kind: 'sign-up', signupId: 'message', ...signUp } });
  expect(parse(event('signup.requested', signUp))).toMatchObject({ value: { kind: 'sign-up', signupId: 'event' } });
});

test.each([
  ['signup.reserved', 'account'],
  ['signup.account-created', 'welcome'],
  ['signup.step-failed', 'compensate'],
])('%s asks for %s', (type, task) => {
  expect(parse(event(type, { signupId: 's', traceparent: 't' }))).toEqual({
    ok: true,
    value: { kind: 'task', task, signupId: 's', traceparent: 't' },
  });
});

test.each([
  ['no JSON', '{', 'not JSON'],
  ['no object', '[]', 'invalid message'],
  ['a text', '"x"', 'invalid message'],
  ['nothing known', {}, 'This field is missing'],
  ['a field too many', { ...ann, code: '123456' }, 'code: This field is not known'],
  ['an id of another type', { ...ann, challengeId: 7 }, 'challengeId'],
  ['no address', { ...signUp, email: 'ann' }, 'email: Expected an e-mail address.'],
  ['an event that asks for nothing', event('signup.completed', { signupId: 's' }), "'signup.completed' is no event"],
  ['an event of another', event('nothing.known', {}), "'nothing.known' is no event"],
  ['an event without an id', event('signup.reserved', {}), 'signupId: This field is missing'],
  ['a detail that is none', event('signup.reserved', []), 'invalid message'],
  ['a key that pollutes', '{"user":"a","address":"b","__proto__":{"x":1}}', 'invalid message'],
])('%s is a dead letter with its reason', (_what, body, reason) => {
  const parsed = parse(body);
  expect(parsed.ok).toBe(false);
  expect(parsed.ok ? '' : parsed.reason).toContain(reason);
});
