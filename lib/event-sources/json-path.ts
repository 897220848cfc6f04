/** What stands at a path, or that nothing does. */
export type Found = { readonly value: unknown } | undefined;

export type JsonPath = (event: unknown) => Found;

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' };

const STEP = /\.(\*|[\w/-]+)|\[(\*|\d{1,6})\]|\['([^']+)'\]/uy;

const stepsOf = (text: string): readonly Step[] | undefined => {
  const steps: Step[] = [];
  let position = 1;
  while (position < text.length) {
    STEP.lastIndex = position;
    const [whole = '', name, bracket, quoted] = STEP.exec(text) ?? [];
    if (whole === '') return undefined;
    position += whole.length;
    const field = quoted ?? (name === '*' ? undefined : name);
    if (field !== undefined) steps.push({ kind: 'field', name: field });
    else if (name === '*' || bracket === '*') steps.push({ kind: 'all' });
    else steps.push({ kind: 'index', index: Number(bracket) });
  }
  return steps;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const below = (value: unknown, step: Step): readonly unknown[] => {
  if (step.kind === 'field') return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
  if (step.kind === 'index') return Array.isArray(value) && step.index < value.length ? [value[step.index]] : [];
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
};

/**
 * The JSON paths that EventBridge reads: `$`, dots, indices, and `*`, which gives a list of all it finds. Undefined for
 * any other text.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
export const parseJsonPath = (text: string): JsonPath | undefined => {
  const steps = text.startsWith('$') ? stepsOf(text) : undefined;
  if (steps === undefined) return undefined;
  const isList = steps.some(({ kind }) => kind === 'all');
  return (event) => {
    let found: readonly unknown[] = [event];
    for (const step of steps) found = found.flatMap((value) => below(value, step));
    if (isList) return { value: found };
    return found.length === 0 ? undefined : { value: found[0] };
  };
};
