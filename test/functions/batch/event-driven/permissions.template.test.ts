import { startWithRoles, type StackWithRoles } from '../../../template/roles.ts';

const HTTP = 'EventDrivenHttpLambdaFunction';
const STAGE = 'EventDrivenStageLambdaFunction';
const WHOLE = 720_720;
const SETTINGS = { MAX_RECEIVE_COUNT: '2', VISIBILITY_TIMEOUT_S: '1', LOG_LEVEL: 'error' };

let stack: StackWithRoles;

const drive = async ({ http, send, settle }: StackWithRoles): Promise<void> => {
  const submit = (pipeline: string, events: readonly object[]) =>
    http(HTTP, 'POST', `/event-driven/pipelines/${pipeline}/events`, {
      body: { events },
      headers: [['idempotency-key', crypto.randomUUID()]],
    });
  const event = (id: string, type: string, data: object = {}) => ({ id, key: 'k', type, data });
  await submit(
    'all-five',
    Array.from({ length: 60 }, (_, n) => event(`e${n}`, 'visit')),
  );
  await submit('signup-mail', [
    event('a', 'signup', { email: 'a@example.org' }),
    event('b', 'signup', { phone: '1' }),
    event('c', 'signup.resend', { email: 'c@example.org' }),
    event('d', 'signup', {}),
  ]);
  // No rule delivers here: what the bus would bring comes by hand, the last number first, so that it waits.
  const fed = (n: number, type: string, data: object = {}) =>
    send('EventDrivenAllFiveKeepQueue', {
      pipeline: 'all-five',
      stage: 'keep',
      input: 'copy.keep',
      event: event(`e${n}`, type, data),
      seq: n,
      share: WHOLE,
    });
  await fed(2, 'order.x');
  await settle();
  await fed(0, 'visit', { fail: 'once' });
  await fed(1, 'order.x');
  await send('EventDrivenUndeliverableQueue', 'nonsense');
  await send('EventDrivenEventsQueue', { pipeline: 'none', events: [] }, { MessageGroupId: 'g' });
  await settle();
  for (const path of ['all-five', 'all-five/output', 'signup-mail/output'])
    await http(HTTP, 'GET', `/event-driven/pipelines/${path}`);
};

beforeAll(async () => {
  stack = await startWithRoles(SETTINGS);
  await drive(stack);
}, 400_000);
afterAll(() => stack.stop());

const FAILS = (what: string): string => `to put off ${what} that fails, which none does here`;
/** Allowed although no call is made here that needs it, with the reason. */
const UNUSED: Readonly<Record<string, string>> = {
  [`${HTTP}.IdempotencyTable.DeleteItem`]: 'to free the key of a request that ended in an error',
  [`${STAGE}.EventDrivenAllFiveCopyQueue.ChangeMessageVisibility`]: FAILS('an event'),
  [`${STAGE}.EventDrivenAllFiveKeepQueue.ChangeMessageVisibility`]: FAILS('an event'),
  [`${STAGE}.EventDrivenAllFiveShardQueue.ChangeMessageVisibility`]: FAILS('an event'),
  [`${STAGE}.EventDrivenSignupMailContactQueue.ChangeMessageVisibility`]: FAILS('an event'),
  [`${STAGE}.EventDrivenSignupMailMailUrgentQueue.ChangeMessageVisibility`]: FAILS('an event'),
  [`${STAGE}.EventDrivenSignupMailMailQueue.ChangeMessageVisibility`]: FAILS('an event'),
  [`${STAGE}.EventDrivenSignupMailTextQueue.ChangeMessageVisibility`]: FAILS('an event'),
  [`${STAGE}.EventDrivenEventsQueue.ChangeMessageVisibility`]: FAILS('a list'),
  [`${STAGE}.EventDrivenMergesQueue.ChangeMessageVisibility`]: FAILS('a batch'),
};

describe('the roles of event-driven batch', () => {
  test.each([HTTP, STAGE])('%s may do all that it does', (id) => {
    expect(stack.usedBy(id).size).toBeGreaterThan(0);
    expect(stack.refused(id)).toEqual([]);
  });

  test('none may do what it never does, but for what is said here with a reason', () => {
    expect([HTTP, STAGE].flatMap((id) => stack.idle(id)).toSorted()).toEqual(Object.keys(UNUSED).toSorted());
  });
});
