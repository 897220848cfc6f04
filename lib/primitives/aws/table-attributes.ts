import { checkNames, checkText } from '../checks.ts';
import { sharedClients, type AwsClients } from './clients.ts';
import { portError } from './port-errors.ts';

/** What DynamoDB says of a table; it counts anew about every six hours. */
export interface AwsTableAttributes {
  readonly recordCount: number;
  readonly sizeBytes: number;
}

/**
 * Asks for the attributes of a table of DynamoDB: one `DescribeTable` a call.
 *
 * @param options.name The table's name.
 */
export const awsTableAttributes = (options: {
  readonly name: string;
  /** Default: the clients of the process. */
  readonly clients?: AwsClients;
}): ((signal?: AbortSignal) => Promise<AwsTableAttributes>) => {
  checkNames(options, ['name', 'clients']);
  const { name: TableName, clients = sharedClients() } = options;
  checkText('name', TableName, 1, 1024);
  return async (signal) => {
    try {
      const { client, sdk } = await clients.dynamodb();
      const command = new sdk.DescribeTableCommand({ TableName });
      const { Table } = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
      return Object.freeze({ recordCount: Table?.ItemCount ?? 0, sizeBytes: Table?.TableSizeBytes ?? 0 });
    } catch (error) {
      throw portError(`DescribeTable ${TableName}`, error, false);
    }
  };
};
