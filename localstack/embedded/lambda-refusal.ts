import { errorAnswer, jsonAnswer } from './answers.ts';
import { isJsonObject, jsonOf, type Answer, type Call } from './call.ts';
import type { RegisteredFunction } from './function-registry.ts';
import { Refused } from './refusal.ts';

/** Answers what is below `functions/<name>/`; undefined when that is nothing that it knows. */
export type FunctionRoute = (action: string, call: Call, called: RegisteredFunction) => Answer | undefined;

/** @throws {@link Refused} when the body is no JSON object. */
export const bodyOf = (call: Call): unknown => {
  const body = jsonOf(call.body);
  if (isJsonObject(body)) return body;
  throw new Refused('SerializationException', 'The body is not a JSON object.');
};

export const lambdaJson = (status: number, body: unknown): Answer => jsonAnswer('lambda', status, body);
export const noContent: Answer = Object.freeze({ status: 204, headers: {}, body: '' });

export const notFound = (message: string): Refused => new Refused('ResourceNotFoundException', message, 404);
export const conflict = (message: string): Refused => new Refused('ResourceConflictException', message, 409);
export const invalidValue = (message: string): Refused => new Refused('InvalidParameterValueException', message);

export const refusedAnswer = ({ code, message, status }: Refused): Answer =>
  errorAnswer('lambda', { status, code, message });
