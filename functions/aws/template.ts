import type { Json } from '#primitives/table';

export type JsonObject = { readonly [name: string]: Json };

/** One entry of a CloudFormation template's `Resources`. */
export interface Resource {
  readonly Type: string;
  readonly Properties?: JsonObject;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export type Resources = Readonly<Record<string, Resource>>;

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const getAtt = (id: string, attribute: string): JsonObject => ({ 'Fn::GetAtt': [id, attribute] });

/** The resource that a `Fn::GetAtt` refers to; undefined for any other value. */
const attributeOwner = (value: Json | undefined): string | undefined => {
  const reference = isObject(value) ? value['Fn::GetAtt'] : undefined;
  const first: Json | undefined = Array.isArray(reference) ? (reference as readonly Json[])[0] : reference;
  return typeof first === 'string' ? first.split('.')[0] : undefined;
};

/** The resources of one type, with their properties. */
export const ofType = (resources: Resources, type: string): readonly (readonly [id: string, JsonObject])[] =>
  Object.entries(resources).flatMap(([id, { Type, Properties = {} }]) => (Type === type ? [[id, Properties]] : []));

/** The queues that other queues' redrive policies name. */
export const redriveTargets = (resources: Resources): ReadonlySet<string> =>
  new Set(
    ofType(resources, 'AWS::SQS::Queue').flatMap(([, { RedrivePolicy: policy }]) => {
      const target = isObject(policy) ? attributeOwner(policy['deadLetterTargetArn']) : undefined;
      return target === undefined ? [] : [target];
    }),
  );

/** What functions read by event source mappings: the ids of the sources, by the ids of the functions. */
export const sourcesByFunction = (resources: Resources): ReadonlyMap<string, ReadonlySet<string>> => {
  const sources = new Map<string, Set<string>>();
  for (const [, { FunctionName, EventSourceArn }] of ofType(resources, 'AWS::Lambda::EventSourceMapping')) {
    const [consumer, source] = [attributeOwner(FunctionName), attributeOwner(EventSourceArn)];
    if (consumer !== undefined && source !== undefined)
      sources.set(consumer, (sources.get(consumer) ?? new Set()).add(source));
  }
  return sources;
};
