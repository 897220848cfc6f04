import type { Json } from '#primitives/table';
import { StackError } from '../errors.ts';
import { isList, isObject, type JsonObject } from '../template.ts';
import type { Clients } from './clients.ts';

/** A resource of the template whose properties have been evaluated. */
export interface Wanted {
  /** `Resources.<id>`, for errors. */
  readonly where: string;
  readonly properties: JsonObject;
  /** The name of a resource that gives itself none. */
  readonly defaultName: string;
}

/** What other parts of the template may say of a resource that was made. */
export interface Made {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** How one type of CloudFormation resource is made here. */
export interface ResourceType {
  /** Properties that are carried out. */
  readonly handled: readonly string[];
  /** Properties that say nothing on one machine, each with the reason. */
  readonly withoutMeaning?: Readonly<Record<string, string>>;
  /**
   * Makes the resource, or brings the one that is there to what is wanted.
   *
   * @throws {@link StackError} for what cannot be changed on a resource that is there.
   */
  readonly make: (wanted: Wanted, clients: Clients) => Promise<Made>;
}

/** @throws {@link StackError} when a property is neither handled nor known to say nothing here. */
export const checkProperties = (type: ResourceType, name: string, { where, properties }: Wanted): void => {
  const known = [...type.handled, ...Object.keys(type.withoutMeaning ?? {})];
  const unknown = Object.keys(properties).filter((property) => !known.includes(property));
  if (unknown.length === 0) return;
  throw new StackError(
    `${where}: property '${unknown.join("', '")}' of ${name} is not known here. Known: ${known.join(', ')}.`,
  );
};

/** CloudFormation takes numbers and truths as text too; the APIs take text. */
export const asText = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

export const optionalText = (properties: JsonObject, name: string): string | undefined => {
  const value = properties[name];
  return value === undefined ? undefined : asText(value);
};

/** @throws {@link StackError} when the property is missing. */
export const requiredText = ({ where, properties }: Wanted, name: string): string => {
  const value = optionalText(properties, name);
  if (value === undefined) throw new StackError(`${where}: expected the property '${name}', got none.`);
  return value;
};

export const isTrue = (value: Json | undefined): boolean => value === true || value === 'true';

const sorted = (value: Json): Json => {
  if (isList(value)) return value.map(sorted);
  if (!isObject(value)) return asText(value);
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
};

/** Equal as a template sees it: the order of keys does not count, nor whether a number is written as text. */
export const sameJson = (a: Json, b: Json): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

export const errorName = (error: unknown): string => (error instanceof Error ? error.name : String(error));
