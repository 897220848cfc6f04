import type { Queue } from '#primitives/queue';
import type { MetricSource } from './metric.ts';

/**
 * How full a queue is: visible, in flight and delayed. One call of `GetQueueAttributes` a look. The age of the oldest
 * message is no attribute of SQS; CloudWatch has it, as `ApproximateAgeOfOldestMessage`.
 *
 * @param options.label The queue's name in the label `queue`; default: the name that it has.
 */
export const queueStats = (options: { readonly queue: Queue; readonly label?: string }): MetricSource => {
  const { queue, label = queue.name } = options;
  return Object.freeze<MetricSource>({
    name: `queue/${label}`,
    read: async () => {
      const { visibleCount, inFlightCount, delayedCount } = await queue.depth();
      const samples = Object.entries({ visible: visibleCount, in_flight: inFlightCount, delayed: delayedCount });
      return {
        families: [
          {
            name: 'queue_messages',
            help: 'Messages in the queue, by state; approximate on SQS.',
            type: 'gauge',
            samples: samples.map(([state, value]) => ({ labels: { queue: label, state }, value })),
          },
        ],
        unparsedCount: 0,
      };
    },
  });
};
