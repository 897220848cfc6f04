import * as v from 'valibot';
import { InvalidArgumentError } from '#primitives/errors';

const MAX_FUNCTIONS = 1_000;
const functionSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)),
  key: v.string(),
  timeoutS: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(900)),
  memoryMb: v.pipe(v.number(), v.integer(), v.minValue(128), v.maxValue(10_240)),
  reservedConcurrency: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** The queue or topic that gets the events of asynchronous invocations that were given up. */
  deadLetterTargetArn: v.optional(v.pipe(v.string(), v.regex(/^arn:aws:(?:sqs|sns):[\w-]+:\d{12}:[\w-]+$/))),
  environment: v.record(v.string(), v.string()),
});
const registrySchema = v.strictObject({ functions: v.pipe(v.array(functionSchema), v.maxLength(MAX_FUNCTIONS)) });

/** A function as Lambda would know it. */
export type RegisteredFunction = Readonly<v.InferOutput<typeof functionSchema>>;

/** The functions that Lambda would have; the plugin writes them. */
export interface FunctionRegistry {
  /** By name, partial ARN (`<account>:function:<name>`) or ARN, each with or without `:qualifier`. */
  get(reference: string): RegisteredFunction | undefined;
  /** Ordered by name. */
  list(): readonly RegisteredFunction[];
  /**
   * Replaces all.
   *
   * @throws {@link InvalidArgumentError} that names the first wrong field; nothing is changed.
   */
  put(body: unknown): void;
  /** Changes how many invocations a function may have at once; undefined: as many as the account has. */
  reserve(name: string, count: number | undefined): void;
}

/** `arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]`, any head of it left out. */
const REFERENCE = /^(?:(?:arn:aws:lambda:[\w-]+:)?\d{12}:function:|function:)?([\w-]{1,64})(?::([\w$-]+))?$/;

/** The name in a reference, undefined when it is none. */
export const functionNameIn = (reference: string): string | undefined => REFERENCE.exec(reference)?.[1];

export const functionRegistry = (): FunctionRegistry => {
  let functions = new Map<string, RegisteredFunction>();
  return Object.freeze({
    get: (reference: string) => functions.get(functionNameIn(reference) ?? ''),
    list: () => [...functions.values()],
    put: (body: unknown) => {
      const parsed = v.safeParse(registrySchema, body);
      if (!parsed.success) {
        const { path, message } = parsed.issues[0];
        const field = path?.map(({ key }) => String(key)).join('.') ?? 'the body';
        throw new InvalidArgumentError(`Expected '${field}' to be right: ${message}`);
      }
      const sorted = [...parsed.output.functions].toSorted((a, b) => (a.name < b.name ? -1 : 1));
      functions = new Map(sorted.map((each) => [each.name, Object.freeze(each)]));
    },
    reserve: (name: string, count: number | undefined) => {
      const found = functions.get(name);
      if (found === undefined) return;
      const { reservedConcurrency: _, ...rest } = found;
      functions.set(name, Object.freeze(count === undefined ? rest : { ...rest, reservedConcurrency: count }));
    },
  });
};
