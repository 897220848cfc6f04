import type { Json } from '#primitives/table';
import { mappingUuid } from '../event-sources/mapping-uuid.ts';
import { StackError } from './errors.ts';
import { evaluate, type Scope } from './intrinsics.ts';
import { mappingsOf, type Mapping } from './mappings.ts';
import type { Place } from './resources/clients.ts';
import { asText, type Made } from './resources/type.ts';
import { memoryOf, timeoutOf, type FunctionDefinition, type Framework, type Service } from './service.ts';
import { isList, isObject } from './template.ts';

/** A function as the endpoint's registry keeps it. */
export interface RegisteredFunction {
  readonly name: string;
  readonly key: string;
  readonly timeoutS: number;
  readonly memoryMb: number;
  readonly reservedConcurrency?: number;
  readonly deadLetterTargetArn?: string;
  readonly environment: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string>>;

/** What the template may say of its functions, by their ids there. */
export const functionValues = (framework: Framework, place: Place): ReadonlyMap<string, Made> => {
  const { naming } = framework.getProvider('aws');
  return new Map(
    Object.entries(framework.service.functions).map(([key, { name }]) => {
      const arn = `arn:aws:lambda:${place.region}:${place.accountId}:function:${name}`;
      return [naming.getLambdaLogicalId(key), { ref: name, attributes: { Arn: arn } }];
    }),
  );
};

/**
 * What the template may say of the event source mappings of its queues, by their ids there: the framework makes these of
 * the function and the id of the queue.
 */
export const mappingValues = (framework: Framework, scope: Scope): ReadonlyMap<string, string> => {
  const { naming } = framework.getProvider('aws');
  const values = new Map<string, string>();
  for (const [key, { name, events }] of Object.entries(framework.service.functions)) {
    for (const { sqs } of events) {
      const arn = isObject(sqs) ? sqs['arn'] : sqs;
      const reference = isObject(arn) ? arn['Fn::GetAtt'] : undefined;
      const id = isList(reference) ? reference[0] : undefined;
      if (typeof id !== 'string') continue;
      values.set(naming.getQueueLogicalId(key, id), mappingUuid(name, asText(scope.attribute(id, 'Arn'))));
    }
  }
  return values;
};

const environmentOf = (variables: Readonly<Record<string, Json>>, scope: Scope, where: string): Environment => {
  const entries = Object.entries(variables).flatMap(([name, value]): (readonly [string, string])[] => {
    try {
      const resolved = evaluate(value, { scope, where: name });
      return resolved === undefined ? [] : [[name, asText(resolved)]];
    } catch (error) {
      throw new StackError(`${where}.${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  return Object.fromEntries(entries);
};

/**
 * Puts plain text where the environment of the service and its functions refers to resources: serverless-offline reads
 * it from there when it starts.
 *
 * @throws {@link StackError} that names the function and the variable.
 */
export const resolveEnvironments = (service: Service, scope: Scope): void => {
  service.provider.environment = environmentOf(service.provider.environment ?? {}, scope, 'provider.environment');
  for (const [key, definition] of Object.entries(service.functions))
    definition.environment = environmentOf(definition.environment ?? {}, scope, `functions.${key}.environment`);
};

/** The functions for the registry before anything else is made: what refers to a function must find it. */
export const nascentFunctions = (service: Service): readonly RegisteredFunction[] =>
  Object.entries(service.functions).map(([key, definition]) => ({
    name: definition.name,
    key,
    timeoutS: timeoutOf(service, definition),
    memoryMb: memoryOf(service, definition),
    environment: {},
  }));

const deadLetterOf = (key: string, { onError }: FunctionDefinition, scope: Scope): object => {
  const where = `functions.${key}.onError`;
  const arn = onError === undefined ? undefined : evaluate(onError, { scope, where });
  return arn === undefined ? {} : { deadLetterTargetArn: asText(arn) };
};

/** The functions for the registry. Their environments must have been resolved. */
export const registeredFunctions = (service: Service, scope: Scope): readonly RegisteredFunction[] =>
  Object.entries(service.functions).map(([key, definition]) => ({
    name: definition.name,
    key,
    timeoutS: timeoutOf(service, definition),
    memoryMb: memoryOf(service, definition),
    ...(definition.reservedConcurrency === undefined ? {} : { reservedConcurrency: definition.reservedConcurrency }),
    ...deadLetterOf(key, definition, scope),
    environment: Object.fromEntries(
      Object.entries({ ...service.provider.environment, ...definition.environment }).map(([name, value]) => [
        name,
        asText(value),
      ]),
    ),
  }));

const eventsOf = (key: string, { name, events }: FunctionDefinition, scope: Scope): readonly Mapping[] => {
  const where = `functions.${key}`;
  const resolved = events.map((event) => {
    const value = evaluate(event, { scope, where: `${where}.events` });
    return isObject(value) ? value : {};
  });
  return mappingsOf(name, resolved, where);
};

/** The event source mappings that the functions of the service ask for. */
export const wantedMappings = (service: Service, scope: Scope): readonly Mapping[] =>
  Object.entries(service.functions).flatMap(([key, definition]) => eventsOf(key, definition, scope));

/** A cold start takes a third of a second here, two seconds and more when the machine has other work to do. */
const COLD_START_S = 5;

/**
 * Gives functions with a very short timeout time to start: serverless-offline counts the cold start as part of an
 * invocation, AWS does not. Without it such a function would be ended before it could do anything, again and again.
 * What the endpoint knows of the function stays what the service says.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 */
export const allowColdStarts = (service: Service): void => {
  for (const definition of Object.values(service.functions))
    definition.timeout = Math.max(timeoutOf(service, definition), COLD_START_S);
};
