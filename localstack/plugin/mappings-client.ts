import type {
  CreateEventSourceMappingCommandInput,
  EventSourceMappingConfiguration,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { StackError } from './errors.ts';
import { mappingChanges, type ExistingMapping, type Mapping } from './mappings.ts';
import { clientConfig, type Place } from './resources/clients.ts';
import { existingStream } from './stream-events.ts';

/** The API gives up to 100 a page. */
const MAX_PAGES = 100;

const existingOf = (configuration: EventSourceMappingConfiguration): readonly ExistingMapping[] => {
  const { UUID: uuid, FunctionArn = '', EventSourceArn = '', FilterCriteria, ScalingConfig } = configuration;
  if (uuid === undefined) return [];
  const filters = FilterCriteria?.Filters ?? [];
  const mapping: Mapping = {
    FunctionName: FunctionArn.split(':').at(-1) ?? '',
    EventSourceArn,
    BatchSize: configuration.BatchSize ?? 0,
    MaximumBatchingWindowInSeconds: configuration.MaximumBatchingWindowInSeconds ?? 0,
    Enabled: (configuration.State ?? '').startsWith('Enabl'),
    FunctionResponseTypes: configuration.FunctionResponseTypes ?? [],
    FilterCriteria: filters.length === 0 ? {} : { Filters: filters.map(({ Pattern = '' }) => ({ Pattern })) },
    ScalingConfig:
      ScalingConfig?.MaximumConcurrency === undefined ? {} : { MaximumConcurrency: ScalingConfig.MaximumConcurrency },
    ...existingStream(configuration),
  };
  return [{ uuid, mapping }];
};

const listMappings = async (client: LambdaClient): Promise<readonly ExistingMapping[]> => {
  const { ListEventSourceMappingsCommand } = await import('@aws-sdk/client-lambda');
  const found: ExistingMapping[] = [];
  let marker: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await client.send(
      new ListEventSourceMappingsCommand(marker === undefined ? {} : { Marker: marker }),
    );
    found.push(...(answer.EventSourceMappings ?? []).flatMap(existingOf));
    marker = answer.NextMarker;
    if (marker === undefined) return found;
  }
  throw new StackError(`There are more than ${MAX_PAGES} pages of event source mappings.`);
};

const inputOf = (mapping: Mapping): CreateEventSourceMappingCommandInput => {
  const input: object = mapping;
  return input as CreateEventSourceMappingCommandInput;
};

/**
 * Brings the event source mappings of this service to what its template says: equal ones are kept, changed ones
 * updated, those that vanished deleted. Mappings of other functions are left alone.
 *
 * @param prefix What the names of this service's functions begin with.
 * @throws {@link StackError} that names the function and the queue, when the API refuses a mapping.
 */
export const syncMappings = async (wanted: readonly Mapping[], prefix: string, place: Place): Promise<void> => {
  const lambda = await import('@aws-sdk/client-lambda');
  const client = new lambda.LambdaClient(clientConfig(place));
  const own = (await listMappings(client)).filter(({ mapping }) => mapping.FunctionName.startsWith(prefix));
  const { create, update, remove } = mappingChanges(wanted, own);
  const about = async (mapping: Mapping, work: Promise<unknown>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new StackError(`Event source ${mapping.EventSourceArn} of function ${mapping.FunctionName}: ${message}`);
    }
  };
  for (const { uuid, mapping } of remove)
    await about(mapping, client.send(new lambda.DeleteEventSourceMappingCommand({ UUID: uuid })));
  for (const { uuid, mapping } of update) {
    const { EventSourceArn: _, ...changes } = inputOf(mapping);
    await about(mapping, client.send(new lambda.UpdateEventSourceMappingCommand({ UUID: uuid, ...changes })));
  }
  for (const mapping of create)
    await about(mapping, client.send(new lambda.CreateEventSourceMappingCommand(inputOf(mapping))));
  client.destroy();
};
