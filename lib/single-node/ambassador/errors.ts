import { PatternError } from '#primitives/errors';

/** The target of a service is one that may not be connected to, now that its name was resolved. Nothing was sent. */
export class TargetRefusedError extends PatternError {
  constructor(reason: string) {
    super('ambassador/target-refused', `The target is not connected to: ${reason}`);
  }
}

/** The service's answer is longer than may be handed on. What was asked for was done. */
export class AnswerTooLongError extends PatternError {
  constructor(limitBytes: number) {
    super('ambassador/answer-too-long', `The answer is longer than ${limitBytes} bytes`);
  }
}
