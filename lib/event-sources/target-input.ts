import { PatternError } from '#primitives/errors';
import { parseJsonPath, type JsonPath } from './json-path.ts';

/** What a target gets instead of the event; at most one of the three. */
export interface TargetInput {
  readonly Input?: string | undefined;
  readonly InputPath?: string | undefined;
  readonly InputTransformer?:
    | { readonly InputPathsMap?: Readonly<Record<string, string>> | undefined; readonly InputTemplate: string }
    | undefined;
}

/** What a template may say of its rule and of the moment. */
export interface InputFacts {
  readonly ruleArn: string;
  readonly ruleName: string;
  /** ISO 8601. */
  readonly ingestionTime: string;
}

type BusEvent = { readonly [name: string]: unknown };

/** What is sent to the target for an event: JSON text, or the constant. */
export type InputRenderer = (event: BusEvent, facts: InputFacts) => string;

/** The input of a target is not one that EventBridge accepts. */
export class InvalidTargetInputError extends PatternError {
  constructor(what: string, expected: string, got: unknown) {
    super('event-sources/invalid-target-input', `Expected '${what}' to be ${expected}, got ${JSON.stringify(got)}.`);
  }
}

/** @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html */
const MAX_PATHS = 100;
const MAX_CHARS = 8_192;
const MAX_PATH_CHARS = 256;
const NAME = /^[\w-]{1,256}$/u;
const PLACEHOLDER = /<([\w.-]+)>/uy;

type Source = (event: BusEvent, facts: InputFacts) => { readonly value: unknown } | undefined;

const RESERVED: Readonly<Record<string, Source>> = {
  'aws.events.rule-arn': (_, { ruleArn }) => ({ value: ruleArn }),
  'aws.events.rule-name': (_, { ruleName }) => ({ value: ruleName }),
  'aws.events.event.ingestion-time': (_, { ingestionTime }) => ({ value: ingestionTime }),
  'aws.events.event': ({ detail: _, ...rest }) => ({ value: rest }),
  'aws.events.event.json': (event) => ({ value: event }),
};

const pathOf = (what: string, text: string): JsonPath => {
  const path = text.length > MAX_PATH_CHARS ? undefined : parseJsonPath(text);
  if (path === undefined) throw new InvalidTargetInputError(what, 'a JSON path such as $.detail.name', text);
  return path;
};

/** A piece of a template: text as it stands, or a variable and whether it stands inside of quotes. */
type Piece = { readonly text: string } | { readonly name: string; readonly isQuoted: boolean };

const piecesOf = (template: string): readonly Piece[] => {
  const pieces: Piece[] = [];
  let text = '';
  let isQuoted = false;
  for (let i = 0; i < template.length; i += 1) {
    PLACEHOLDER.lastIndex = i;
    const [whole, name] = PLACEHOLDER.exec(template) ?? [];
    if (whole !== undefined && name !== undefined) {
      pieces.push({ text }, { name, isQuoted });
      text = '';
      i += whole.length - 1;
      continue;
    }
    const character = template.charAt(i);
    text += character;
    if (character === '"') isQuoted = !isQuoted;
    if (character === '\\' && isQuoted) {
      i += 1;
      text += template.charAt(i);
    }
  }
  return [...pieces, { text }];
};

/** A value as JSON. Inside of quotes a text loses its own; an object there loses all of them, as AWS does it. */
const shown = (found: { readonly value: unknown } | undefined, isQuoted: boolean): string => {
  const value = found === undefined ? '' : found.value;
  const json = JSON.stringify(value);
  if (!isQuoted) return json;
  if (typeof value === 'string') return json.slice(1, -1);
  return typeof value === 'object' && value !== null ? json.replaceAll(/\\.|"/gu, '') : json;
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const compileTransformer = (transformer: NonNullable<TargetInput['InputTransformer']>): InputRenderer => {
  const { InputPathsMap = {}, InputTemplate } = transformer;
  const paths = Object.entries(InputPathsMap);
  if (paths.length > MAX_PATHS)
    throw new InvalidTargetInputError('InputPathsMap', `at most ${MAX_PATHS} variables`, paths.length);
  const sources = new Map<string, Source>(Object.entries(RESERVED));
  for (const [name, text] of paths) {
    if (!NAME.test(name) || /^aws/iu.test(name))
      throw new InvalidTargetInputError(
        'InputPathsMap',
        "names of letters, digits, '-' and '_' that do not start with AWS",
        name,
      );
    const path = pathOf(`InputPathsMap.${name}`, text);
    sources.set(name, (event) => path(event));
  }
  // Also from where nobody checks types: the parts of a rule come as JSON.
  if (typeof InputTemplate !== 'string' || InputTemplate.length === 0 || InputTemplate.length > MAX_CHARS)
    throw new InvalidTargetInputError('InputTemplate', `text of 1 to ${MAX_CHARS} characters`, InputTemplate?.length);
  const pieces = piecesOf(InputTemplate);
  const render = (show: (name: string, isQuoted: boolean) => string): string =>
    pieces.map((piece) => ('text' in piece ? piece.text : show(piece.name, piece.isQuoted))).join('');
  for (const piece of pieces)
    if ('name' in piece && !sources.has(piece.name))
      throw new InvalidTargetInputError(
        'InputTemplate',
        `of the variables ${[...sources.keys()].join(', ')}`,
        piece.name,
      );
  const sample = render((_, isQuoted) => (isQuoted ? 'x' : '"x"'));
  if (!isJson(sample) && !sample.split('\n').every((line) => line.trim() === '' || isJson(line)))
    throw new InvalidTargetInputError(
      'InputTemplate',
      'JSON, or lines that each are a string in quotes',
      InputTemplate,
    );
  return (event, facts) => render((name, isQuoted) => shown(sources.get(name)?.(event, facts), isQuoted));
};

/**
 * Compiles what a target of a rule gets: a constant, a part of the event, a template filled from it, or (without any of
 * them) the event.
 *
 * A variable outside of quotes becomes JSON, quoted when it is a text; inside of quotes it becomes text. A variable
 * that finds nothing is an empty text; a path that finds nothing, null.
 *
 * @throws {@link InvalidTargetInputError} when EventBridge would refuse it.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
export const compileTargetInput = ({ Input, InputPath, InputTransformer }: TargetInput): InputRenderer => {
  const given = Object.entries({ Input, InputPath, InputTransformer }).filter(([, value]) => value !== undefined);
  if (given.length > 1)
    throw new InvalidTargetInputError(
      'target',
      'with only one of Input, InputPath and InputTransformer',
      given.map(([name]) => name),
    );
  if (Input !== undefined) {
    if (Input.length > MAX_CHARS || !isJson(Input))
      throw new InvalidTargetInputError('Input', `JSON of at most ${MAX_CHARS} characters`, Input.slice(0, 60));
    return () => Input;
  }
  if (InputPath !== undefined) {
    const path = pathOf('InputPath', InputPath);
    return (event) => JSON.stringify(path(event)?.value ?? null);
  }
  return InputTransformer === undefined ? (event) => JSON.stringify(event) : compileTransformer(InputTransformer);
};
