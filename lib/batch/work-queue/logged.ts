import { InvalidArgumentError } from '#primitives/errors';
import type { LogFields } from '#primitives/log';
import type { ReceivedMessage } from '#primitives/queue';
import { parseTraceparent, TRACEPARENT } from '#primitives/trace';

/** The trace that a message belongs to, as a field of a log line: the one that HTTP logs too. */
export const traceField = ({ attributes }: Pick<ReceivedMessage, 'attributes'>): LogFields => {
  const trace = parseTraceparent(attributes[TRACEPARENT]);
  return trace === undefined ? {} : { traceId: trace.traceId };
};

/** The fields of a message that was not handled. What is wrong with its own content needs no stack of ours. */
export const failureFields = (message: ReceivedMessage, error: unknown): LogFields => ({
  message: message.id,
  ...traceField(message),
  error: error instanceof InvalidArgumentError ? error.message : error,
});
