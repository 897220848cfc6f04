import * as v from 'valibot';
import { id } from '#http/schemas';
import { parseMessage, type Parsed } from '#batch/message';
import type { ReceivedMessage } from '#primitives/queue';
import { taskOf, type Task } from '#serving/functions-and-events/sign-up/record';
import { challengeBody, signUpBody } from './api.ts';

interface Traced {
  readonly traceparent?: string | undefined;
}

/** What a message of the queue of steps asks for. */
export type Work = Traced &
  (
    | { readonly kind: 'challenge'; readonly challengeId: string; readonly user: string; readonly address: string }
    | { readonly kind: 'sign-up'; readonly signupId: string; readonly email: string; readonly name: string }
    | { readonly kind: 'task'; readonly task: Task; readonly signupId: string }
  );

const traced = { traceparent: v.optional(v.pipe(v.string(), v.maxLength(512))) };
const challenge = v.strictObject({ ...challengeBody, challengeId: v.optional(id()), ...traced });
const signUp = v.strictObject({ ...signUpBody, signupId: v.optional(id()), ...traced });
const progress = v.strictObject({ signupId: id(), ...traced });

/** What rules of the bus send. @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
const envelope = v.looseObject({ id: id(), 'detail-type': v.string(), detail: v.looseObject({}) });
const anything = v.looseObject({});

type Origin = Pick<ReceivedMessage, 'id' | 'body'>;

const read = <T, W>(schema: v.GenericSchema<unknown, T>, body: string, make: (value: T) => W): Parsed<W> => {
  const parsed = parseMessage(schema, body);
  return parsed.ok ? { ok: true, value: make(parsed.value) } : parsed;
};

const challengeWork = (body: string, origin: string): Parsed<Work> =>
  read(challenge, body, ({ challengeId = origin, ...rest }) => ({ kind: 'challenge', challengeId, ...rest }));
const signUpWork = (body: string, origin: string): Parsed<Work> =>
  read(signUp, body, ({ signupId = origin, ...rest }) => ({ kind: 'sign-up', signupId, ...rest }));

/**
 * Reads a message: an event of the bus, or the body of a POST as it is. What has no id of its own is named by the event,
 * or by the message, so that its repeats are one.
 */
export const parseWork = ({ id: messageId, body }: Origin): Parsed<Work> => {
  const event = parseMessage(envelope, body);
  if (!event.ok) {
    const plain = parseMessage(anything, body);
    if (!plain.ok) return plain;
    return 'email' in plain.value ? signUpWork(body, messageId) : challengeWork(body, messageId);
  }
  const { id: eventId, 'detail-type': type } = event.value;
  const detail = JSON.stringify(event.value.detail);
  if (type === 'challenge.requested') return challengeWork(detail, eventId);
  if (type === 'signup.requested') return signUpWork(detail, eventId);
  const task = taskOf(type);
  if (task === undefined)
    return { ok: false, reason: `invalid message: '${type.slice(0, 128)}' is no event of this queue` };
  return read(progress, detail, (value) => ({ kind: 'task', task, ...value }));
};
