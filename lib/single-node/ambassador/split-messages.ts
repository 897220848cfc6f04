import { checkNames } from '#primitives/checks';
import type { EntryOutcome, OutgoingMessage, Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { stickyName, variantOf, type Experiment } from './experiment.ts';

export interface SplitMessagesOptions {
  /** The queue of each variant; of the shadow, too, when copies are wanted. */
  readonly queues: Readonly<Record<string, Queue>>;
  readonly random: Random;
}

/** What became of a batch. */
export interface SplitBatch {
  /** Messages that were not handed over, to be delivered again. */
  readonly failedIds: readonly string[];
  /** How many each variant got. */
  readonly counts: Readonly<Record<string, number>>;
}

const VARIANT = 'variant';
const MAX_ATTRIBUTES = 10;

const fieldOf = (body: string, name: string): string | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const own = (of: unknown): unknown =>
    typeof of === 'object' && of !== null ? Object.getOwnPropertyDescriptor(of, name)?.value : undefined;
  const { detail } = (typeof value === 'object' && value !== null ? value : {}) as { readonly detail?: unknown };
  // An event of a bus has what it is about in its detail.
  const found = own(detail) ?? own(value);
  return typeof found === 'string' || typeof found === 'number' ? String(found) : undefined;
};

/**
 * What a message is known by: the attribute, else the field of its JSON body (or of the `detail` of a bus event) that
 * `stickyBy` names. A message that does not say is known by its id: delivered again, it gets the same variant.
 */
const stickyOfMessage = (
  experiment: Experiment,
  { id, body, attributes }: Pick<ReceivedMessage, 'id' | 'body' | 'attributes'>,
): string => {
  const name = stickyName(experiment);
  if (name === undefined) return id;
  return (Object.hasOwn(attributes, name) ? attributes[name] : undefined) ?? fieldOf(body, name) ?? id;
};

/**
 * Splits messages over the queues of an experiment's variants by the same rule as requests: a user's messages go where
 * his requests go. Events of a bus come the same way, by a rule whose target is the queue that is read here.
 *
 * At least once: a message whose copy for the shadow was handed over and itself was not is delivered again, and copied
 * again. What cannot be copied for the shadow is not held up. Each copy has the attribute `variant` (unless the message
 * has ten of its own).
 */
export const splitMessages = (
  options: SplitMessagesOptions,
): ((
  experiment: Experiment,
  messages: readonly Pick<ReceivedMessage, 'id' | 'body' | 'attributes'>[],
) => Promise<SplitBatch>) => {
  checkNames(options, ['queues', 'random']);
  const { queues, random } = options;

  const copy = (
    { body, attributes }: Pick<ReceivedMessage, 'body' | 'attributes'>,
    variant: string,
  ): OutgoingMessage => ({
    body,
    attributes:
      Object.keys(attributes).length < MAX_ATTRIBUTES || Object.hasOwn(attributes, VARIANT)
        ? { ...attributes, [VARIANT]: variant }
        : attributes,
  });
  const sendAll = async (service: string, messages: readonly OutgoingMessage[]): Promise<readonly EntryOutcome[]> => {
    const queue = queues[service];
    if (queue === undefined)
      return messages.map(() => ({ ok: false, reason: `no queue for ${service}`, retryable: true }));
    return queue.sendBatch(messages);
  };

  return async (experiment, messages) => {
    const chosen = messages.map((message) => ({
      message,
      variant: variantOf(experiment, stickyOfMessage(experiment, message), random),
    }));
    const failedIds: string[] = [];
    const counts: Record<string, number> = {};
    const sendVariant = async ([variant, group]: readonly [string, typeof chosen]): Promise<void> => {
      const outcomes = await sendAll(
        variant,
        group.map(({ message }) => copy(message, variant)),
      );
      const failed = group.filter((_, at) => outcomes[at]?.ok !== true);
      failedIds.push(...failed.map(({ message }) => message.id));
      counts[variant] = group.length - failed.length;
    };
    const sendShadow = async (): Promise<void> => {
      const { shadow } = experiment;
      if (shadow === undefined || queues[shadow] === undefined) return;
      try {
        await sendAll(
          shadow,
          messages.map((message) => copy(message, shadow)),
        );
      } catch {
        // Whatever is wrong with the shadow, the messages themselves go on.
      }
    };
    await Promise.all([...[...Map.groupBy(chosen, ({ variant }) => variant)].map(sendVariant), sendShadow()]);
    return { failedIds, counts };
  };
};
