import { pipeline, type Pipeline } from '#batch/event-driven/pipeline';
import { copier, filter, merger, sharder, splitter, topic, worker } from '#batch/event-driven/steps';
import type { PipelineEvent, Step } from '#batch/event-driven/types';
import { PermanentFailure } from '#batch/work-queue/types';
import type { Json } from '#primitives/table';

/** A field of an event's data, when it is text. */
const textIn = (data: Json, name: string): string | undefined => {
  const value = fieldIn(data, name);
  return typeof value === 'string' ? value : undefined;
};
const fieldIn = (data: Json, name: string): Json | undefined =>
  typeof data === 'object' && data !== null && !Array.isArray(data)
    ? (data as { readonly [name: string]: Json })[name]
    : undefined;

/** `{"fail": "always"}` in an event's data makes the stage fail, `{"fail": "once"}` at the first attempt. */
const misbehaving = <To extends string>(step: Step<To>): Step<To> => ({
  ...step,
  decide: (event, attempt) => {
    const fail = textIn(event.data, 'fail');
    if (fail === 'always' || (fail === 'once' && attempt === 1)) throw new Error(`the data said to fail '${fail}'`);
    return step.decide(event, attempt);
  },
});

/** All five ways to link stages, one behind the other. */
export const allFive = (options: { readonly misbehaves: boolean }): Pipeline => {
  const split = splitter({
    to: { orders: 'shard', rest: 'merge' },
    by: ({ type }) => (type.startsWith('order.') ? 'orders' : 'rest'),
  });
  return pipeline({
    name: 'all-five',
    first: 'copy',
    stages: {
      copy: copier({ to: ['keep', topic('all-five.copied')] }),
      keep: filter({
        to: 'split',
        via: 'bus',
        drop: {
          noise: ({ type }) => type === 'noise',
          test: ({ data }) => fieldIn(data, 'test') === true,
        },
      }),
      split: options.misbehaves ? misbehaving(split) : split,
      shard: sharder({ to: ['merge', 'merge', 'merge'] }),
      merge: merger(),
    },
  });
};

const addressOf = ({ data }: PipelineEvent, field: string): string => {
  const address = textIn(data, field);
  if (address === undefined || address === '' || address.length > 254)
    throw new PermanentFailure(`Expected 'data.${field}' to be 1 to 254 characters.`);
  return address;
};

/** Who signs up is written to, by mail or as a text message; who asks again, waiting, goes before the others. */
export const signupMail = (): Pipeline =>
  pipeline({
    name: 'signup-mail',
    first: 'contact',
    stages: {
      contact: splitter({
        to: { mail: 'mail', text: 'text' },
        by: ({ data }) => (textIn(data, 'phone') === undefined ? 'mail' : 'text'),
      }),
      mail: worker({
        to: 'merge',
        urgent: ({ type }) => type === 'signup.resend',
        does: (event) => ({
          type: 'mail.sent',
          data: {
            to: addressOf(event, 'email'),
            subject: 'Please confirm your address',
            text: `Welcome, ${textIn(event.data, 'name') ?? 'stranger'}.`,
          },
        }),
      }),
      text: worker({
        to: 'merge',
        does: (event) => ({
          type: 'text.sent',
          data: { to: addressOf(event, 'phone'), text: `Welcome, ${textIn(event.data, 'name') ?? 'stranger'}.` },
        }),
      }),
      merge: merger(),
    },
  });

/** The pipelines of this stack. */
export const builtIn = (options: { readonly misbehaves: boolean }): readonly Pipeline[] => [
  allFive(options),
  signupMail(),
];
