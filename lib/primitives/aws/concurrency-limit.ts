import { checkInteger, checkNames, checkText } from '../checks.ts';
import { MAX_LIMIT, MIN_LIMIT, type ConcurrencyLimit } from '../concurrency-limit.ts';
import { UnavailableError } from '../errors.ts';
import { sharedClients, type AwsClients } from './clients.ts';
import { portError } from './port-errors.ts';

export interface AwsConcurrencyLimitOptions {
  /** The UUID of the event source mapping: what `Ref` gives for it in a template. */
  readonly mappingId: string;
  /** Default: the clients of the process. */
  readonly clients?: AwsClients;
}

/**
 * The `MaximumConcurrency` of an event source mapping of SQS.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
 */
export const awsConcurrencyLimit = (options: AwsConcurrencyLimitOptions): ConcurrencyLimit => {
  checkNames(options, ['mappingId', 'clients']);
  const { mappingId: UUID, clients = sharedClients() } = options;
  checkText('mappingId', UUID, 1, 64);

  const call = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      const { name } = error as { readonly name?: unknown };
      if (name === 'ResourceInUseException' || name === 'ResourceConflictException')
        throw new UnavailableError(`${what} ${UUID}: an earlier change is still being carried out`, error);
      // A template that was changed by hand: nothing that a caller could do otherwise.
      if (name === 'ResourceNotFoundException')
        throw new UnavailableError(`${what} ${UUID}: there is no such event source`, error);
      // Both may be repeated: the second of two updates changes nothing.
      throw portError(`${what} ${UUID}`, error, false);
    }
  };

  return Object.freeze<ConcurrencyLimit>({
    get: () =>
      call('GetEventSourceMapping', async () => {
        const { client, sdk } = await clients.lambda();
        const { ScalingConfig } = await client.send(new sdk.GetEventSourceMappingCommand({ UUID }));
        return ScalingConfig?.MaximumConcurrency;
      }),
    set: async (limit) => {
      if (limit !== undefined) checkInteger('limit', limit, MIN_LIMIT, MAX_LIMIT);
      return call('UpdateEventSourceMapping', async () => {
        const { client, sdk } = await clients.lambda();
        const ScalingConfig = limit === undefined ? {} : { MaximumConcurrency: limit };
        await client.send(new sdk.UpdateEventSourceMappingCommand({ UUID, ScalingConfig }));
      });
    },
  });
};
