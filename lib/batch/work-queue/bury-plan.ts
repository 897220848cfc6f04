import type { Log } from '#primitives/log';
import { checkInteger } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { absent, equals, not, type Table } from '#primitives/table';
import { parseMessage } from '../message.ts';
import { jobMessage, planBody, type JobMessage } from './messages.ts';
import { traceField } from './logged.ts';
import { jitteredPause, persist } from '../pause.ts';
import { checkGiven } from './option-checks.ts';
import { jobKey, partKey } from './records.ts';
import { sendAll } from './send.ts';
import { toldOf, verdictOf } from './undeliverable.ts';

/** What a message of the queue began is called like it: its copies have other ids, so the name goes into the body. */
const named = (plan: JobMessage, messageId: string): JobMessage =>
  'worker' in plan ? { ...plan, jobId: plan.jobId ?? messageId } : { ...plan, part: plan.part ?? messageId };

const partOf = (plan: JobMessage | undefined): string | undefined =>
  plan === undefined || 'worker' in plan ? undefined : plan.part;

/**
 * Ends the planning of what could not be planned: its job is `failed`, with the reason, and the message goes to the dead
 * letters, with the attributes `reason`, `attempts` and `jobId`. Rejects when it could not: the message has to come
 * again. A crash between the two writes: both are made again, the first without a change; after them: a second letter.
 *
 * API calls for a message: 2; for a part that its job has not taken 3.
 *
 * @param options `maxReceiveCount`: of the queue of jobs, what SQS had counted when it moved a message by itself.
 */
export const buryPlan = (options: {
  readonly jobs: Table;
  readonly deadLetters: Queue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly maxReceiveCount: number;
}) => {
  checkGiven(options, ['jobs', 'deadLetters', 'clock', 'random', 'log']);
  const { jobs, deadLetters, log, maxReceiveCount } = options;
  checkInteger('maxReceiveCount', maxReceiveCount, 1, 1_000);
  const pause = jitteredPause(options);

  /** At a part that was taken, so that it is undone with that part's letter and no other; else at the job. */
  const fail = async (jobId: string, partId: string | undefined, failure: string): Promise<void> => {
    const set = { failure };
    if (partId !== undefined) {
      const key = partKey(jobId, partId);
      const outcome = await persist('end planning', pause, () =>
        jobs.update({ key, set, condition: equals('planned', false) }),
      );
      // A repeat of what was planned fails nothing.
      if (outcome.status === 'written' || outcome.current !== undefined) return;
    }
    await persist('end planning', pause, () => jobs.update({ key: jobKey(jobId), set, condition: not(absent()) }));
  };

  return async (message: ReceivedMessage): Promise<void> => {
    const { reason, attempts } = verdictOf(message, {
      reason: `not planned in ${maxReceiveCount} attempts`,
      attempts: maxReceiveCount,
    });
    const parsed = parseMessage(jobMessage, message.body);
    const plan = parsed.ok ? named(parsed.value, message.id) : undefined;
    const jobId = plan?.jobId;
    if (jobId !== undefined) await fail(jobId, partOf(plan), reason);
    const body = plan === undefined ? message.body : planBody(plan);
    const about = { reason, attempts: String(attempts), ...(jobId === undefined ? {} : { jobId }) };
    await sendAll(deadLetters, [toldOf({ ...message, body }, about)], pause);
    log.warn('plan buried', { jobId, reason, attempts, ...traceField(message) });
  };
};
