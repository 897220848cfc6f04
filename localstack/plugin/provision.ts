import { StackError } from './errors.ts';
import { creationOrder } from './graph.ts';
import { evaluate, type Scope } from './intrinsics.ts';
import { templateScope } from './names.ts';
import type { Clients } from './resources/clients.ts';
import { checkProperties, type Made, type Wanted } from './resources/type.ts';
import { isWithoutMeaning, knownTypes, RESOURCE_TYPES } from './resources/types.ts';
import { isObject, type JsonObject, type Resource, type Template } from './template.ts';

/** The resources that were made, and what the template's names stand for now. */
export interface Provisioned {
  /** By the id in the template: queues, tables, buckets, buses and topics alike. */
  readonly made: ReadonlyMap<string, Made>;
  readonly scope: Scope;
}

/** @throws {@link StackError} before anything is made, when a type or a property of the template is not known. */
const checkTypes = (template: Template): void => {
  for (const [id, { type, properties }] of Object.entries(template.resources)) {
    if (isWithoutMeaning(type)) continue;
    const handler = RESOURCE_TYPES[type];
    const where = `Resources.${id}`;
    if (handler === undefined)
      throw new StackError(`${where}: type '${type}' is not known here. Known: ${knownTypes()}.`);
    checkProperties(handler, type, { where, properties, defaultName: id });
  }
};

/** An error of an intrinsic function or of the API says what, this adds where. */
const located = async <T>(where: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message || error.name : String(error);
    throw message.startsWith(where) ? error : new StackError(`${where}: ${message}`);
  }
};

const propertiesOf = (resource: Resource, scope: Scope, where: string): JsonObject => {
  const properties = evaluate(resource.properties, { scope, where });
  if (!isObject(properties)) throw new StackError(`${where}: expected properties, got ${JSON.stringify(properties)}.`);
  return properties;
};

/**
 * Makes every resource of the template, each behind those that it refers to. Resources that are there are brought to
 * what the template says; what cannot be changed on them is an error. Nothing is removed.
 *
 * @throws {@link StackError} that names the resource.
 */
export const provision = async (options: {
  readonly template: Template;
  readonly stackName: string;
  /** Values of names that are not in the template's `Resources`: the functions. */
  readonly given: ReadonlyMap<string, Made>;
  readonly clients: Clients;
}): Promise<Provisioned> => {
  const { template, stackName, clients } = options;
  checkTypes(template);
  const made = new Map<string, Made>(options.given);
  const scope = templateScope({ template, stackName, place: clients.place, made });
  for (const id of creationOrder(template.resources)) {
    const resource = template.resources[id];
    const type = resource === undefined ? undefined : RESOURCE_TYPES[resource.type];
    if (resource === undefined || type === undefined) continue;
    const where = `Resources.${id}`;
    await located(where, async () => {
      if (resource.condition !== undefined && !scope.condition(resource.condition)) return;
      const wanted: Wanted = {
        where,
        properties: propertiesOf(resource, scope, where),
        defaultName: `${stackName}-${id}`,
      };
      made.set(id, await type.make(wanted, clients));
    });
  }
  return Object.freeze({ made, scope });
};
