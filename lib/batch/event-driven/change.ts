import * as v from 'valibot';
import { shapeFault } from '#batch/json-fault';
import { issueText } from '#batch/message';
import { PermanentFailure } from '#batch/work-queue/types';
import { sizeFault } from './event-size.ts';
import { pipelineEvent } from './messages.ts';
import type { Pipeline } from './pipeline.ts';
import type { Decision, PipelineEvent } from './types.ts';

const refused = (reason: string): PermanentFailure =>
  new PermanentFailure(`what the stage made of the event cannot be recorded: ${reason}`);

const asJson = (value: unknown): unknown => {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch {
    throw refused('it is not JSON');
  }
};

/**
 * The decision with what the stage made of the event as it will be read again.
 *
 * @throws {@link PermanentFailure} when no record, or no message takes what was made: it is recorded together with what
 *   became of other events, which it would hold up.
 */
export const recordable = (pipeline: Pipeline, event: PipelineEvent, decision: Decision): Decision => {
  if (decision.kind !== 'out' || decision.change === undefined) return decision;
  const { type = event.type, data = event.data } = decision.change;
  const made = v.safeParse(pipelineEvent, asJson({ ...event, type, data }), { abortEarly: true });
  if (!made.success) throw refused(issueText(made.issues[0]));
  // As deep as it is in the message of the next stage, which is looked at as a whole when it is read.
  const fault = shapeFault({ event: made.output }) ?? sizeFault(pipeline, made.output);
  if (fault !== undefined) throw refused(fault);
  const change = {
    ...(decision.change.type === undefined ? {} : { type: made.output.type }),
    ...(decision.change.data === undefined ? {} : { data: made.output.data }),
  };
  return { ...decision, change };
};
