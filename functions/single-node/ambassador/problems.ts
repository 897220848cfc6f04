import { problem, retryAfter, type AnswerHeaders, type Problem } from '#http/handlers';
import type { RawAnswer } from '#http/raw';
import type { BrokerOutcome } from '#single-node/ambassador/outcome';

/** What a client is told of a request that was handed on: the service's answer, or why there is none. */
export const answerOf = (service: string, outcome: BrokerOutcome, headers: AnswerHeaders = {}): RawAnswer | Problem => {
  switch (outcome.status) {
    case 'answered': {
      const added = Object.entries(headers).map(([name, value]) => [name, [value]] as const);
      const { answer } = outcome;
      return { kind: 'raw', ...answer, headers: { ...answer.headers, ...Object.fromEntries(added) } };
    }
    case 'unknown-service':
      return problem(404, { type: 'unknown-service', detail: `There is no service '${service}'.`, headers });
    case 'refused':
      return problem(400, { detail: outcome.reason, headers });
    case 'target-refused':
      return problem(502, { type: 'target-refused', detail: `'${service}' is where nothing may be sent.`, headers });
    case 'open':
      return problem(503, {
        type: 'circuit-open',
        detail: `'${service}' is not well, and is left alone for now.`,
        headers: { ...headers, ...retryAfter(outcome.retryAfterMs) },
      });
    case 'unavailable':
      return problem(503, {
        type: 'service-unavailable',
        detail: `'${service}' cannot be reached, or says that it is not well.`,
        headers,
      });
    case 'lost':
      return problem(502, {
        type: 'answer-lost',
        detail: `'${service}' did not answer; what was asked for may have been done.`,
        headers,
      });
    case 'timed-out':
      return problem(504, {
        type: 'service-timeout',
        detail: `'${service}' did not answer in time; what was asked for may have been done.`,
        headers,
      });
    case 'too-long':
      return problem(502, { type: 'answer-too-long', detail: `The answer of '${service}' is too long.`, headers });
  }
};
