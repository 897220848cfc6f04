import { refuse as refuseArgument } from '#primitives/checks';
import { isThenable } from '#resilience/attempt';
import { refuse, type Decorator, type Refusal } from './decorator.ts';
import type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts';

/** A refusal of {@link validated}. */
export interface Invalid {
  readonly refusal: 'invalid';
  /** What is wrong with each field, e.g. `{'lines.0.sku': ['…']}`; `body` for the whole. At most 20 fields. */
  readonly errors: { readonly [field: string]: readonly string[] };
}

interface Unvalidated {
  readonly draft: unknown;
  /** Not there yet. */
  readonly body?: undefined;
}
interface Validated<Output> {
  readonly body: Output;
  /** Gone: a default that came now would not be validated. */
  readonly draft: undefined;
}

const FIELD_LIMIT = 20;
const NAME_LIMIT = 100;
const MESSAGE_LIMIT = 200;

const fieldOf = ({ path = [] }: StandardIssue): string => {
  const name = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return name === '' ? 'body' : name.slice(0, NAME_LIMIT).toWellFormed();
};

/** What is wrong, by field. */
const invalid = (issues: readonly StandardIssue[]): Invalid => {
  const errors = new Map<string, Set<string>>();
  for (const issue of issues) {
    const name = fieldOf(issue);
    const known = errors.get(name);
    if (known === undefined && errors.size === FIELD_LIMIT) continue;
    errors.set(name, (known ?? new Set()).add(issue.message.slice(0, MESSAGE_LIMIT).toWellFormed()));
  }
  // Without a prototype: a field may be called __proto__.
  const byField: Record<string, readonly string[]> = Object.create(null) as Record<string, never>;
  for (const [name, messages] of errors) byField[name] = [...messages];
  return Object.freeze({ refusal: 'invalid', errors: byField });
};

/** Also where nobody checks types. */
const checkSchema = (schema: unknown): void => {
  const standard = (schema as { readonly '~standard'?: { readonly validate?: unknown } } | null | undefined)?.[
    '~standard'
  ];
  if (typeof standard?.validate !== 'function') throw refuseArgument('schema', 'one of Standard Schema', schema);
};

/**
 * Makes a body of the draft, or refuses it. Further in there is a `body` of the schema's type, and no draft any more, so
 * that nothing changes what was validated.
 *
 * @param schema Of any library that speaks Standard Schema: valibot, zod, arktype, …
 * @throws {@link InvalidArgumentError} when it is something else
 */
export const validated = <Draft, Output>(
  schema: StandardSchema<Draft, Output>,
): Decorator<Unvalidated, Validated<Output>, Invalid> => {
  checkSchema(schema);
  const { validate } = schema['~standard'];
  const stepOf = (result: StandardResult<Output>): Validated<Output> | Refusal<Invalid> =>
    result.issues === undefined ? { body: result.value, draft: undefined } : refuse(invalid(result.issues));
  return Object.freeze({
    before: ({ draft }: Unvalidated) => {
      const result = validate(draft);
      return isThenable(result) ? result.then(stepOf) : stepOf(result);
    },
  });
};
