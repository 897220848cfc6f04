import {
  allowColdStarts,
  functionValues,
  mappingValues,
  nascentFunctions,
  registeredFunctions,
  resolveEnvironments,
  wantedMappings,
} from './functions.ts';
import { syncBusEvents } from './bus-events.ts';
import { withFunctionResources } from './function-resources.ts';
import { evaluate, type Scope } from './intrinsics.ts';
import { syncMappings } from './mappings-client.ts';
import { provision } from './provision.ts';
import { registerFunctions } from './registry.ts';
import { awsClients } from './resources/clients.ts';
import { ACCOUNT_ID } from './account.ts';
import type { Framework } from './service.ts';
import { parseTemplate, type JsonObject } from './template.ts';

type Names = Readonly<Record<string, string>>;

/** What a user of the stack needs to know of it, by the names of AWS, not the ids of the template. */
export interface StackDescription {
  readonly queues: Names;
  readonly tables: Names;
  readonly buses: Names;
  readonly buckets: Names;
  readonly functions: readonly string[];
  readonly outputs: JsonObject;
}

/**
 * Sets up at the endpoint what CloudFormation would on AWS, from the same template: resources, functions, event source
 * mappings. Starting again brings what is there to what the template says. Afterwards the environments of the service
 * and its functions hold plain text.
 */
export const setUpStack = async (
  framework: Framework,
  primitives: { readonly awsEndpointUrl: string; readonly adminToken: string },
): Promise<StackDescription> => {
  const { service } = framework;
  const { region, stage } = service.provider;
  const stackName = `${service.service}-${stage}`;
  const place = { endpoint: primitives.awsEndpointUrl, region, accountId: ACCOUNT_ID };
  const template = withFunctionResources(parseTemplate(service.resources), framework);
  const clients = awsClients(place);
  const given = functionValues(framework, place);
  const { awsEndpointUrl: endpoint, adminToken } = primitives;
  await registerFunctions({ endpoint, adminToken, functions: nascentFunctions(service) });
  const { made, scope: resources } = await provision({ template, stackName, given, clients });
  const mappingIds = mappingValues(framework, resources);
  // Known before they are made: the environment of a function may name the one that feeds another.
  const scope: Scope = { ...resources, ref: (name) => mappingIds.get(name) ?? resources.ref(name) };
  // The functions compare it with what a client sends. It belongs to the stack, so it is in no template.
  service.provider.environment = { ...service.provider.environment, ADMIN_TOKEN: primitives.adminToken };
  resolveEnvironments(service, scope);
  const mappings = wantedMappings(service, scope);
  await registerFunctions({ endpoint, adminToken, functions: registeredFunctions(service, scope) });
  allowColdStarts(service);
  await syncMappings(mappings, `${stackName}-`, place);
  await syncBusEvents({ service, scope, stackName, made, clients });
  const named = (type: string, name: (id: string) => readonly [string, string]): Names =>
    Object.fromEntries(
      Object.entries(template.resources)
        .filter(([id, resource]) => resource.type === type && made.has(id))
        .map(([id]) => name(id)),
    );
  const refOf = (id: string): string => made.get(id)?.ref ?? '';
  const outputs = Object.entries(template.outputs).map(([name, output]) => {
    const value = evaluate(output, { scope, where: `Outputs.${name}` });
    return [name, value ?? null] as const;
  });
  return Object.freeze({
    queues: named('AWS::SQS::Queue', (id) => [made.get(id)?.attributes['QueueName'] ?? id, refOf(id)]),
    tables: named('AWS::DynamoDB::Table', (id) => [refOf(id), refOf(id)]),
    buses: named('AWS::Events::EventBus', (id) => [refOf(id), made.get(id)?.attributes['Arn'] ?? '']),
    buckets: named('AWS::S3::Bucket', (id) => [refOf(id), refOf(id)]),
    functions: Object.values(service.functions).map(({ name }) => name),
    outputs: Object.fromEntries(outputs),
  });
};
