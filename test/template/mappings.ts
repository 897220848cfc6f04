import { asText } from '../../localstack/plugin/resources/type.ts';
import type { Clients } from '../../localstack/plugin/resources/clients.ts';
import { registerFunctions } from '../../localstack/plugin/registry.ts';
import type { TestPlace } from '../localstack/plugin/place.ts';
import { resourcesOf, target, type Packaged } from './rules.ts';

/** Makes the event source mappings of queues at a place, and gives their UUIDs by their ids in the template. */
export const makeMappings = async (
  template: Packaged,
  {
    place,
    clients,
    arnOf,
  }: { readonly place: TestPlace; readonly clients: Clients; readonly arnOf: (id: string) => string },
): Promise<ReadonlyMap<string, string>> => {
  const names = new Map(
    resourcesOf(template, 'AWS::Lambda::Function').map(([id, { FunctionName }]) => [id, asText(FunctionName ?? '')]),
  );
  const functions = [...names].map(([key, name]) => ({ key, name, timeoutS: 10, memoryMb: 128, environment: {} }));
  await registerFunctions({ endpoint: place.url, adminToken: place.adminToken, functions });
  const client = await clients.lambda();
  const { CreateEventSourceMappingCommand } = await import('@aws-sdk/client-lambda');
  const made = new Map<string, string>();
  for (const [id, { FunctionName, EventSourceArn }] of resourcesOf(template, 'AWS::Lambda::EventSourceMapping')) {
    const arn = arnOf(target(EventSourceArn));
    if (!arn.includes(':sqs:')) continue;
    const input = { FunctionName: names.get(target(FunctionName)) ?? '', EventSourceArn: arn };
    const { UUID = '' } = await client.send(new CreateEventSourceMappingCommand(input));
    made.set(id, UUID);
  }
  return made;
};
