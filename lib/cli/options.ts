import { parseArgs, type ParseArgsOptionDescriptor } from 'node:util';
import { checkInteger, refuse } from '#primitives/checks';
import { InvalidArgumentError } from '#primitives/errors';

/** An option of a command, given as `--name value` or `--name=value`; a flag as `--name`. */
export type CliOption = {
  /** What it is for, in one line. */
  readonly help: string;
} & (
  | { readonly kind: 'flag' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly default?: number }
  | {
      readonly kind: 'text';
      /** How the value is called in the help, e.g. `FILE`. */
      readonly value: string;
      readonly default?: string;
      /** May be given more than once. */
      readonly many?: boolean;
    }
);

export type CliOptions = Readonly<Record<string, CliOption>>;

/** What was given, or its default. Asking for an option that was not declared so is a mistake of the command's. */
export interface OptionValues {
  /** @throws {@link InvalidArgumentError} when it was not given and has no default */
  text(name: string): string;
  /** @throws {@link InvalidArgumentError} when it was not given and has no default, is no integer or out of range */
  integer(name: string): number;
  flag(name: string): boolean;
  /** All values of an option that may be given more than once. */
  texts(name: string): readonly string[];
  has(name: string): boolean;
}

const descriptorOf = (option: CliOption): ParseArgsOptionDescriptor =>
  option.kind === 'flag' ? { type: 'boolean' } : { type: 'string', multiple: true };

const namesOf = (options: CliOptions): string =>
  Object.keys(options)
    .map((name) => `--${name}`)
    .join(', ');

type Given = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** Node's message says what is wrong in its first sentence; what is allowed we know better. */
const parse = (args: readonly string[], options: CliOptions): Given => {
  try {
    const descriptors = Object.entries(options).map(([name, option]) => [name, descriptorOf(option)] as const);
    return parseArgs({ args: [...args], options: Object.fromEntries(descriptors), strict: true }).values;
  } catch (error) {
    const message = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
    const [what = ''] = message.split(/\. |\n/);
    throw new InvalidArgumentError(`${what.replace(/\.$/, '')}; options are ${namesOf(options)}`);
  }
};

/**
 * Reads the arguments of a command.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown, lacks its value, or is given twice although it has one
 */
export const readOptions = (args: readonly string[], options: CliOptions): OptionValues => {
  const given = parse(args, options);
  const texts = (name: string): readonly string[] => {
    const values = given[name];
    return Array.isArray(values) ? values.map(String) : [];
  };
  for (const [name, option] of Object.entries(options)) {
    const isOnce = option.kind !== 'text' || option.many !== true;
    if (isOnce && texts(name).length > 1) throw refuse(`--${name}`, 'given once', texts(name));
  }
  const defaultOf = (name: string): string | undefined => {
    const option = options[name];
    const value = option === undefined || option.kind === 'flag' ? undefined : option.default;
    return value === undefined ? undefined : String(value);
  };
  const text = (name: string): string => {
    const [value = defaultOf(name)] = texts(name);
    if (value === undefined || value === '') throw refuse(`--${name}`, 'given', value === '' ? value : 'nothing');
    return value;
  };
  const integer = (name: string): number => {
    const option = options[name];
    const value = text(name);
    if (option?.kind !== 'integer') throw refuse('option', 'declared as an integer', name);
    if (!/^\d{1,15}$/.test(value)) throw refuse(`--${name}`, `an integer from ${option.min} to ${option.max}`, value);
    checkInteger(`--${name}`, Number(value), option.min, option.max);
    return Number(value);
  };
  return Object.freeze({
    text,
    texts,
    integer,
    flag: (name: string) => given[name] === true,
    has: (name: string) => given[name] !== undefined,
  });
};

const defaultText = (option: CliOption): string => {
  if (option.kind === 'flag' || option.default === undefined) return '';
  return ` (default ${option.default})`;
};

const valueText = (option: CliOption): string => {
  if (option.kind === 'flag') return '';
  return option.kind === 'text' ? ` ${option.value}` : ` ${option.min}..${option.max}`;
};

/** A line of help for each option. */
export const optionsHelp = (options: CliOptions): string => {
  const lines = Object.entries(options).map(([name, option]) => [`--${name}${valueText(option)}`, option] as const);
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, option]) => `  ${left.padEnd(width)}  ${option.help}${defaultText(option)}`).join('\n');
};
