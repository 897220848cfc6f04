/** An error of the Lambda API: its type, and the message that a user reads. */
export interface ApiRefusal {
  readonly type:
    | 'InvalidParameterValueException'
    | 'ValidationException'
    | 'ResourceNotFoundException'
    | 'ResourceConflictException'
    | 'SerializationException';
  readonly message: string;
}

/** What a client sent, of which nothing is known yet. */
export type Input = Readonly<Record<string, unknown>>;

/** Ends the reading of an input; `parseMapping` turns it into a value. */
export class Refused extends Error {
  readonly refusal: ApiRefusal;
  constructor(type: ApiRefusal['type'], message: string) {
    super(message);
    this.refusal = { type, message };
  }
}

export const invalid = (message: string): Refused => new Refused('InvalidParameterValueException', message);

export const constraint = (value: unknown, name: string, rule: string): Refused =>
  new Refused(
    'ValidationException',
    `1 validation error detected: Value '${JSON.stringify(value)}' at '${name}' failed to satisfy constraint: ${rule}`,
  );

export const isObject = (value: unknown): value is Input =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const wrongType = (name: string, expected: string): Refused =>
  new Refused('SerializationException', `Expected '${name}' to be ${expected}`);

export const optionalInteger = (
  input: Input,
  key: string,
  name: string,
  min: number,
  max: number,
): number | undefined => {
  const value = input[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name, 'an integer');
  if (value < min) throw constraint(value, name, `Member must have value greater than or equal to ${min}`);
  if (value > max) throw constraint(value, name, `Member must have value less than or equal to ${max}`);
  return value;
};

export const optionalObject = (input: Input, key: string): Input | undefined => {
  const value = input[key] ?? undefined;
  if (value !== undefined && !isObject(value)) throw wrongType(key, 'an object');
  return value;
};

export const optionalList = (input: Input, key: string): readonly unknown[] => {
  const value = input[key] ?? [];
  if (!Array.isArray(value)) throw wrongType(key, 'a list');
  return value;
};

export const requiredText = (input: Input, key: string, name: string): string => {
  const value = input[key] ?? undefined;
  if (value === undefined) throw constraint(null, name, 'Member must not be null');
  if (typeof value !== 'string') throw wrongType(key, 'a string');
  return value;
};
