import type { Json } from '#primitives/table';
import { StackError } from './errors.ts';

export type JsonObject = { readonly [name: string]: Json };

/** One entry of a template's `Resources`. */
export interface Resource {
  readonly type: string;
  readonly properties: JsonObject;
  readonly dependsOn: readonly string[];
  readonly condition?: string;
}

/** The part of a CloudFormation template that the embedded place reads. */
export interface Template {
  readonly resources: Readonly<Record<string, Resource>>;
  readonly conditions: JsonObject;
  readonly outputs: JsonObject;
}

/** Sections that say nothing about what is to be made. */
const IGNORED_SECTIONS = ['AWSTemplateFormatVersion', 'Description', 'Metadata'];
const SECTIONS = ['Resources', 'Conditions', 'Outputs', ...IGNORED_SECTIONS];
/** What becomes of a resource when it is removed is of no interest here: nothing is removed. */
const IGNORED_ATTRIBUTES = ['DeletionPolicy', 'UpdateReplacePolicy', 'Metadata'];
const ATTRIBUTES = ['Type', 'Properties', 'DependsOn', 'Condition', ...IGNORED_ATTRIBUTES];

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** @throws SyntaxError when the text is no JSON. */
export const parseJson = (text: string): Json => JSON.parse(text) as Json;

/** @throws {@link StackError} when `value` is not an object, or has keys that are not `allowed`. */
const objectOf = (value: unknown, where: string, allowed?: readonly string[]): JsonObject => {
  if (!isObject(value)) throw new StackError(`${where}: expected an object, got ${JSON.stringify(value)}.`);
  const unknown = Object.keys(value).filter((key) => allowed !== undefined && !allowed.includes(key));
  if (unknown.length > 0)
    throw new StackError(`${where}: '${unknown.join("', '")}' is not known here. Known: ${allowed?.join(', ')}.`);
  return value;
};

const dependenciesOf = (value: Json | undefined, where: string): readonly string[] => {
  const ids = value === undefined ? [] : isList(value) ? value : [value];
  return ids.map((id) => {
    if (typeof id !== 'string') throw new StackError(`${where}.DependsOn: expected names, got ${JSON.stringify(id)}.`);
    return id;
  });
};

const resourceOf = (value: unknown, where: string): Resource => {
  const { Type, Properties = {}, DependsOn, Condition } = objectOf(value, where, ATTRIBUTES);
  if (typeof Type !== 'string') throw new StackError(`${where}: expected a 'Type', got ${JSON.stringify(Type)}.`);
  return {
    type: Type,
    properties: objectOf(Properties, `${where}.Properties`),
    dependsOn: dependenciesOf(DependsOn, where),
    ...(typeof Condition === 'string' ? { condition: Condition } : {}),
  };
};

/**
 * The template that `resources` of the service holds.
 *
 * @throws {@link StackError} for a section or an attribute that is not known: it would be skipped silently.
 */
export const parseTemplate = (value: unknown): Template => {
  const { Resources = {}, Conditions = {}, Outputs = {} } = objectOf(value ?? {}, 'resources', SECTIONS);
  const resources = Object.entries(objectOf(Resources, 'Resources'));
  return {
    resources: Object.fromEntries(resources.map(([id, resource]) => [id, resourceOf(resource, `Resources.${id}`)])),
    conditions: objectOf(Conditions, 'Conditions'),
    outputs: objectOf(Outputs, 'Outputs'),
  };
};
